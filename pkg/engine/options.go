package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/store-platform/store-platform/pkg/line"
)

// FieldError is a value that can't be accepted. Field is the path of the value as the API's callers
// know it ("plan", "options.currency"), or as engine.yaml has it ("plans[1].cpu") when a pack itself is
// wrong; Message says what is expected instead and is fit for the merchant's eyes.
type FieldError struct {
	Field   string
	Message string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

func fieldErrorf(field, format string, args ...any) *FieldError {
	return &FieldError{Field: field, Message: fmt.Sprintf(format, args...)}
}

// maxInteger is where float64, which is what JSON numbers are decoded to, stops being exact.
const maxInteger = 1 << 53

// ResolveOptions checks what a merchant gave against the pack and fills in defaults. The result is a
// new map of string, int64 and bool, ready for Values: a spec that was written to the log with it comes
// back from there with other number types. Texts are held to package line, as names are. The error is
// a *FieldError.
func (p Pack) ResolveOptions(given map[string]any) (map[string]any, error) {
	return p.resolve(given, Option.admit)
}

// resolve is for what is given now and for what the log holds, which differ in what check asks of them.
func (p Pack) resolve(given map[string]any, check func(Option, any) (any, string)) (map[string]any, error) {
	resolved := make(map[string]any, len(p.Options))
	known := make(map[string]bool, len(p.Options))
	for _, option := range p.Options {
		known[option.Name] = true
		value, ok := given[option.Name]
		if !ok || value == nil {
			value = option.Default
		}
		field := "options." + option.Name
		if value == nil {
			if option.Required {
				return nil, fieldErrorf(field, "is required")
			}
			continue
		}
		value, message := check(option, value)
		if message != "" {
			return nil, &FieldError{Field: field, Message: message}
		}
		resolved[option.Name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !known[name] {
			return nil, fieldErrorf("options."+name, "is not an option of the engine %s", p.Name)
		}
	}
	return resolved, nil
}

// admit is check for what is new. Stores that stand were made while more was admitted, and must go on.
func (o Option) admit(value any) (any, string) {
	if text, ok := value.(string); ok && o.Type == TypeString {
		text = line.Trim(text)
		if !line.Fits(text) {
			return nil, line.Expected
		}
		value = text
	}
	return o.check(value)
}

// check returns the value in its canonical Go type, or what is wrong with it.
func (o Option) check(value any) (any, string) {
	switch o.Type {
	case TypeBoolean:
		if _, ok := value.(bool); !ok {
			return nil, "must be true or false"
		}
		return value, ""
	case TypeInteger:
		n, ok := integer(value)
		if !ok {
			return nil, "must be a whole number"
		}
		return n, o.checkBounds(n, "must be at least %d", "must be at most %d")
	case TypeEnum:
		s, ok := value.(string)
		if !ok || !slices.Contains(o.Enum, s) {
			return nil, "must be one of " + strings.Join(o.Enum, ", ")
		}
		return s, ""
	case TypeString:
		return o.checkString(value)
	}
	return nil, fmt.Sprintf("has the unknown type %q", o.Type)
}

func (o Option) checkString(value any) (any, string) {
	s, ok := value.(string)
	// NUL is in no environment of a container: a pod with it never starts, and nobody says why.
	if !ok || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return nil, "must be a text"
	}
	message := o.checkBounds(int64(utf8.RuneCountInString(s)),
		"must have at least %d characters", "must have at most %d characters")
	if message != "" {
		return nil, message
	}
	if o.Pattern != "" {
		pattern, err := regexp.Compile(o.wholePattern())
		if err != nil || !pattern.MatchString(s) {
			return nil, fmt.Sprintf("must match %s", o.Pattern)
		}
	}
	return s, ""
}

// wholePattern anchors the pattern: one that is anchored by its author stays what it was.
func (o Option) wholePattern() string { return `\A(?:` + o.Pattern + `)\z` }

func (o Option) checkBounds(n int64, tooSmall, tooBig string) string {
	if o.Min != nil && n < *o.Min {
		return fmt.Sprintf(tooSmall, *o.Min)
	}
	if o.Max != nil && n > *o.Max {
		return fmt.Sprintf(tooBig, *o.Max)
	}
	return ""
}

// integer accepts every number type that a whole number arrives in: YAML's int, JSON's float64 or
// json.Number, and our own int64.
func integer(value any) (int64, bool) {
	var n int64
	switch v := value.(type) {
	case int:
		n = int64(v)
	case int64:
		n = v
	case float64:
		if v != math.Trunc(v) || math.Abs(v) > maxInteger {
			return 0, false
		}
		n = int64(v)
	case json.Number:
		parsed, err := v.Int64()
		if err != nil {
			return 0, false
		}
		n = parsed
	default:
		return 0, false
	}
	return n, n >= -maxInteger && n <= maxInteger
}
