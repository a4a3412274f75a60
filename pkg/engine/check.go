package engine

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// Check is the light question to a store that stands: GET Path on Port of Service, redirects not followed. The answer costs
// the shop no page and says whether it sells and keeps what it sells: 200 with {"ok": true}, or 503 with {"ok": false,
// "cause": "DatabaseReadOnly"}, the cause being the Reason of one of Causes. A Pack.Probe asks more, and costs more.
type Check struct {
	Service string  `yaml:"service" json:"service"`
	Port    int     `yaml:"port" json:"port"`
	Path    string  `yaml:"path" json:"path"`
	Causes  []Cause `yaml:"causes" json:"causes"`
}

// Cause is one way in which a shop that runs doesn't sell. A store is Degraded with Reason (CamelCase) and Message (a
// sentence for merchants): what a shop says itself may be anybody's words, and is never shown.
type Cause struct {
	Reason  string `yaml:"reason" json:"reason"`
	Message string `yaml:"message" json:"message"`
}

// CauseError is a shop's own word that it doesn't sell, or doesn't keep what it sells.
type CauseError struct{ Cause }

func (e *CauseError) Error() string { return "the shop says " + e.Reason }

// ErrNoCheck is a *ProbeError: who was asked knows no check, as a shop does whose image is older than the pack's check.
var ErrNoCheck error = &ProbeError{"the shop knows no check"}

// Judge reads the answer to the check; nil means that the shop sells. The error is a *CauseError where the shop says why
// it doesn't, and a *ProbeError for everything else: something replied, and not as this engine does, or not to this question
// (ErrNoCheck).
func (c Check) Judge(status int, body []byte) error {
	if status == http.StatusNotFound {
		return fmt.Errorf("GET %s answered %d: %w", c.Path, status, ErrNoCheck)
	}
	var said struct {
		OK    *bool  `json:"ok"`
		Cause string `json:"cause"`
	}
	if err := json.Unmarshal(body, &said); err != nil || said.OK == nil {
		return &ProbeError{fmt.Sprintf("GET %s answered %d without saying whether the shop sells", c.Path, status)}
	}
	if *said.OK && status == http.StatusOK {
		return nil
	}
	i := slices.IndexFunc(c.Causes, func(cause Cause) bool { return cause.Reason == said.Cause })
	if *said.OK || status != http.StatusServiceUnavailable || i < 0 {
		return &ProbeError{fmt.Sprintf("GET %s answered %d with no cause that the engine has", c.Path, status)}
	}
	return &CauseError{c.Causes[i]}
}

func (p Pack) validateCheck() *FieldError {
	if p.Check == nil {
		return nil
	}
	c := *p.Check
	switch {
	case !nameGrammar.MatchString(c.Service):
		return fieldErrorf("check.service", "must name a Service of the chart")
	case c.Port < 1 || c.Port > 65535:
		return fieldErrorf("check.port", "must be a port")
	case len(c.Causes) == 0:
		return fieldErrorf("check.causes", "is required: a check that can't fail says nothing")
	}
	seen := names{}
	for i, cause := range c.Causes {
		field := fmt.Sprintf("check.causes[%d]", i)
		if err := seen.add(field+".reason", cause.Reason, reasonGrammar); err != nil {
			return err
		}
		if cause.Message == "" {
			return fieldErrorf(field+".message", "is required")
		}
	}
	return validatePath("check.path", c.Path)
}
