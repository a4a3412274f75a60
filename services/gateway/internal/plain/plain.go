// Package plain refuses requests that aren't plain: bodies that are packed, JSON that two readers would understand
// differently, texts in the address that hide something. It stands before every route, so that no handler, and nothing
// that a handler calls, ever meets one.
package plain

import (
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"

	"github.com/store-platform/store-platform/pkg/line"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// asItIs is the one encoding of bodies that is taken.
const asItIs = "identity"

// maxField is how much of a field's name is repeated to who sent it, in bytes.
const maxField = 256

// Handle lets plain requests through. It comes behind the door, which has refused bodies that aren't said to be JSON.
func Handle(c *fiber.Ctx) error {
	if err := refuseEncoding(c); err != nil {
		return err
	}
	if err := refuseQuery(c); err != nil {
		return err
	}
	switch c.Method() {
	// What a body of these would mean isn't defined (RFC 9110, 9.3.1), and nobody reads it.
	case fiber.MethodGet, fiber.MethodHead, fiber.MethodOptions:
	default:
		// Not c.Body, which unpacks.
		if err := refuseBody(c.Request().Body()); err != nil {
			return err
		}
	}
	return c.Next()
}

// refuseEncoding takes no packed body at all: 60 KB can hold a gigabyte, Fiber unpacks without a bound for whoever asks
// for the body, and nothing that is sent here is large enough to be worth packing.
func refuseEncoding(c *fiber.Ctx) error {
	for _, header := range c.Request().Header.PeekAll(fiber.HeaderContentEncoding) {
		for encoding := range strings.SplitSeq(string(header), ",") {
			if encoding = strings.TrimSpace(encoding); encoding != "" && !strings.EqualFold(encoding, asItIs) {
				c.Set(fiber.HeaderAcceptEncoding, asItIs)
				return problem.New(problem.UnsupportedEncoding, "Send the body as it is, without Content-Encoding.").At(fiber.HeaderContentEncoding)
			}
		}
	}
	return nil
}

// refuseQuery keeps out of the address what no name, id or cursor holds. Some of it, like NUL, is more than Postgres can
// be asked for.
func refuseQuery(c *fiber.Ctx) error {
	for name, value := range c.Context().QueryArgs().All() {
		if !line.Fits(string(value)) {
			return problem.AtField(string(name), line.Expected)
		}
	}
	return nil
}

// refuseBody holds a body against RFC 7493: UTF-8 without halves of pairs, every name once in its object, numbers that
// can be held. encoding/json, with which bodies are decoded afterwards, lets all of that pass and makes something up.
func refuseBody(body []byte) error {
	if len(body) == 0 {
		return nil
	}
	var whatever any
	err := json.Unmarshal(body, &whatever)
	if err == nil {
		return nil
	}
	var (
		form    *jsontext.SyntacticError
		meaning *json.SemanticError
		at      jsontext.Pointer
	)
	detail := err.Error()
	switch {
	case errors.As(err, &form):
		at, detail = form.JSONPointer, form.Err.Error()
	case errors.As(err, &meaning):
		at, detail = meaning.JSONPointer, "the value can't be held"
	}
	field := strings.Join(slices.Collect(at.Tokens()), ".")
	if field == "" || len(field) > maxField {
		return problem.New(problem.InvalidJSON, "The body is not JSON that can be read: "+detail+".")
	}
	return problem.New(problem.InvalidJSON, "The body is not JSON that can be read, at "+field+": "+detail+".").At(field)
}
