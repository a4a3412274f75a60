package provisioner

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v3"

	"github.com/store-platform/store-platform/services/provisioner/internal/packs"
)

// loadSettings reads what an operator has set for engines' charts: a YAML file with a map per engine's name. A name that
// no pack has is refused, because a setting that reaches nobody is a mistake that nobody would notice.
func loadSettings(file string, set *packs.Set) (map[string]map[string]any, error) {
	if file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read ENGINE_SETTINGS: %w", err)
	}
	var settings map[string]map[string]any
	if err := yaml.NewDecoder(bytes.NewReader(content)).Decode(&settings); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("decode ENGINE_SETTINGS %s: %w", file, err)
	}
	for name := range settings {
		if _, ok := set.Find(name); !ok {
			return nil, fmt.Errorf("ENGINE_SETTINGS %s: there is no engine %q", file, name)
		}
	}
	return settings, nil
}
