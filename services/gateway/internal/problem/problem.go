// Package problem is how the gateway says no: RFC 9457 problem details with a stable code for programs, a sentence for
// people, and whether the same request may succeed later. Every error leaves in this shape, also those of Fiber (unknown
// route, body limit), of huma (validation) and panics.
package problem

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
)

// ContentType of every error.
const ContentType = "application/problem+json"

const typePrefix = "urn:store-platform:problem:"

// Problem is an error as it is sent. It is an error itself, so that it can be returned from wherever it is known.
type Problem struct {
	Type       string  `json:"type" doc:"A URN made of the code" example:"urn:store-platform:problem:not_found"`
	Title      string  `json:"title" doc:"What kind of problem, the same for every occurrence" example:"Not found"`
	Status     int     `json:"status" doc:"The answer's HTTP status" example:"404"`
	Code       Code    `json:"code" doc:"For programs; never renamed" example:"not_found"`
	Detail     string  `json:"detail" doc:"This occurrence, as a sentence for people"`
	Retryable  bool    `json:"retryable" doc:"The same request may succeed later"`
	Field      string  `json:"field,omitempty" doc:"The field that is wrong" example:"options.currency"`
	Errors     []Fault `json:"errors,omitempty" doc:"All fields that are wrong, when there are several"`
	Operation  string  `json:"operation,omitempty" doc:"The operation that is in the way" example:"create"`
	Generation uint64  `json:"generation,omitempty" doc:"Its generation"`
	Current    any     `json:"current,omitempty" doc:"The store as it is, where it isn't the one that If-Match names"`
	// ETag goes with Current, as a header.
	ETag string `json:"-"`

	// RetryAfter is when the same request may succeed, where that is known; a client is told of whole seconds.
	RetryAfter time.Duration `json:"-"`
}

// Fault is one of several wrong fields.
type Fault struct {
	Field   string `json:"field" doc:"The field that is wrong"`
	Message string `json:"message" doc:"What is wrong with it"`
}

// New makes a problem; detail is a sentence for people.
func New(code Code, detail string) *Problem {
	k := kinds[code]
	return &Problem{
		Type: typePrefix + string(code), Title: k.title, Status: k.status, Code: code, Detail: detail, Retryable: k.retryable,
	}
}

// AtField names the field that is wrong.
func AtField(field, message string) *Problem {
	return New(InvalidField, field+" "+message+".").At(field)
}

// At is p, and names the field that is wrong.
func (p *Problem) At(field string) *Problem {
	p.Field = field
	return p
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus and the two below are what huma asks of an error.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType replaces that of the negotiated format.
func (p *Problem) ContentType(string) string { return ContentType }

// retryAfter is for what nobody knows the end of.
const retryAfter = 2 * time.Second

// GetHeaders tells clients when to come back, how to prove who they are, and of which store the body speaks.
func (p *Problem) GetHeaders() http.Header {
	header := http.Header{}
	if p.ETag != "" {
		header.Set("ETag", p.ETag)
	}
	switch {
	case p.Retryable && (p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests):
		after := p.RetryAfter
		if after <= 0 {
			after = retryAfter
		}
		header.Set("Retry-After", strconv.Itoa(int((after+time.Second-1)/time.Second)))
	case p.Status == http.StatusUnauthorized:
		header.Set("WWW-Authenticate", `Bearer realm="store-platform"`)
	}
	return header
}

// Send answers a request with the problem.
func (p *Problem) Send(c *fiber.Ctx) error {
	for name, values := range p.GetHeaders() {
		c.Set(name, strings.Join(values, ", "))
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Status(p.Status).JSON(p, ContentType)
}

// Of finds the problem in an error. What is not known is Internal and says nothing of its cause: that is for the log.
func Of(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var f *fiber.Error
	if errors.As(err, &f) {
		return New(codeOf(f.Code), fiberDetail(f))
	}
	return New(Internal, "The gateway met an error that it doesn't know. It has been logged.")
}

func fiberDetail(f *fiber.Error) string {
	switch f.Code {
	case http.StatusNotFound:
		return "There is nothing at this address."
	case http.StatusMethodNotAllowed:
		return "This address exists, but not with this method; the Allow header says which it has."
	case http.StatusRequestEntityTooLarge:
		return "A body may have 64 KiB at most."
	case http.StatusRequestHeaderFieldsTooLarge:
		return "The address and the headers may have 16 KiB together at most."
	case http.StatusRequestTimeout:
		return "The request didn't arrive whole in time."
	case http.StatusInternalServerError:
		return "The gateway met an error that it doesn't know. It has been logged."
	default:
		return "The request can't be understood."
	}
}

// InstallInHuma makes huma's own errors (validation, above all) problems of ours, and has it tell a property from one that
// differs in case: by itself it takes either, like encoding/json. huma keeps both in package variables; this sets them
// once, before an API is built: another gateway of the same process may serve already.
var InstallInHuma = sync.OnceFunc(func() { huma.NewError, huma.ValidateStrictCasing, huma.DefaultArrayNullable = ofHuma, true, false })

func ofHuma(status int, message string, errs ...error) huma.StatusError {
	faults := faultsOf(errs)
	switch {
	case status == http.StatusBadRequest && len(faults) > 0:
		return New(InvalidJSON, "The body is not JSON that can be read: "+faults[0].Message+".")
	case status == http.StatusBadRequest:
		return New(InvalidRequest, sentence(message))
	case status == http.StatusUnprocessableEntity && len(faults) > 0:
		p := AtField(faults[0].Field, "is wrong: "+faults[0].Message)
		if len(faults) > 1 {
			p.Errors = faults
		}
		return p
	default:
		return New(codeOf(status), http.StatusText(status)+".")
	}
}

func faultsOf(errs []error) []Fault {
	var faults []Fault
	for _, err := range errs {
		var d huma.ErrorDetailer
		if !errors.As(err, &d) {
			continue
		}
		detail := d.ErrorDetail()
		field := detail.Location
		for _, place := range []string{"body.", "query.", "header.", "path."} {
			field = strings.TrimPrefix(field, place)
		}
		faults = append(faults, Fault{Field: field, Message: detail.Message})
	}
	return faults
}

func sentence(text string) string {
	if text == "" {
		return text
	}
	return fmt.Sprintf("%s%s.", strings.ToUpper(text[:1]), text[1:])
}
