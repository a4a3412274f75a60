package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// MaxProbeBody is how much of an answer Probe.Check needs to see, in bytes; callers read no more.
const MaxProbeBody = 1 << 20

// ProbeError says why an answer isn't the engine's own: something replied, but not the shop, or not yet.
type ProbeError struct {
	Message string
}

func (e *ProbeError) Error() string { return e.Message }

// Check judges the answer to the probe; nil means that the shop itself has answered. The error is a
// *ProbeError and doesn't quote the body, which may be anybody's.
func (p Probe) Check(status int, body []byte) error {
	if status != p.Status {
		return &ProbeError{fmt.Sprintf("GET %s answered %d instead of %d", p.Path, status, p.Status)}
	}
	if p.Contains != "" && !bytes.Contains(body, []byte(p.Contains)) {
		return &ProbeError{fmt.Sprintf("GET %s answered without %q", p.Path, p.Contains)}
	}
	if p.JSON == "" {
		return nil
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return &ProbeError{fmt.Sprintf("GET %s answered something that isn't JSON", p.Path)}
	}
	if p.JSON == JSONArray {
		if _, ok := value.([]any); !ok {
			return &ProbeError{fmt.Sprintf("GET %s answered JSON that isn't an array", p.Path)}
		}
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		return &ProbeError{fmt.Sprintf("GET %s answered JSON that isn't an object", p.Path)}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Fields)) {
		if !reflect.DeepEqual(object[name], p.Fields[name]) {
			return &ProbeError{fmt.Sprintf("GET %s answered with %q not being %v", p.Path, name, p.Fields[name])}
		}
	}
	return nil
}
