package api

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/services/gateway/internal/limits"
)

// paid marks operations that cost commands, too, and guessing those at which guesses are counted.
const (
	paid     = "paid"
	guessing = "guessing"
)

const headerRefs = "#/components/headers/"

// retryAfter is the header's name; Fiber's is its own module's.
const retryAfter = "Retry-After"

// counted has an operation say that it may be refused for what its client has asked for before. Those that are paid for list the
// status themselves.
func counted(op *huma.Operation) {
	if slices.Contains(op.Errors, http.StatusTooManyRequests) {
		if op.Metadata[guessing] == nil {
			op.Metadata = map[string]any{paid: true}
		}
		return
	}
	op.Errors = append(op.Errors, http.StatusTooManyRequests)
}

// describeLimits documents the headers of every counted answer, and which buckets may be empty.
func describeLimits(doc *huma.OpenAPI) {
	text, whole := &huma.Schema{Type: huma.TypeString}, &huma.Schema{Type: huma.TypeInteger}
	doc.Components.Headers = map[string]*huma.Header{
		limits.HeaderPolicy: {Schema: text, Example: `"default";q=2000;w=4`, Description: "On every counted answer: what this gateway gives one tenant at once (q), and in how many " +
			"seconds all of it comes back (w), by the bucket: `default` are requests, `commands` what is paid for message by message. With more " +
			"gateways each gives its share."},
		limits.HeaderLimit: {Schema: text, Example: `"default";r=1998;t=1`, Description: "How much of that is left (r), and in how many seconds it is whole again (t)."},
		retryAfter:         {Schema: whole, Example: 2, Description: "In how many seconds the same request may succeed."},
	}
	tooMany := strconv.Itoa(http.StatusTooManyRequests)
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Patch} {
			if op != nil && op.Responses[tooMany] != nil {
				describeAnswers(op)
			}
		}
	}
}

// describeAnswers names the headers where a client looks for them: every counted answer has them, and a document that says
// so of each status of each route is read by nobody.
func describeAnswers(op *huma.Operation) {
	refused, also := op.Responses[strconv.Itoa(http.StatusTooManyRequests)], ""
	for status, answer := range op.Responses {
		switch {
		case answer == refused:
			refer(answer, limits.HeaderPolicy, limits.HeaderLimit, retryAfter)
		case status[0] == '2' || status[0] == '1':
			refer(answer, limits.HeaderPolicy, limits.HeaderLimit)
		case status == strconv.Itoa(http.StatusServiceUnavailable):
			refer(answer, retryAfter)
		}
	}
	switch {
	case op.Metadata[paid] != nil:
		also = "; `too_many_commands`: it writes too much"
	case op.Metadata[guessing] != nil:
		also = "; `too_many_guesses`: too much was tried of what is to be known"
	// An operation that says itself why it refuses, too.
	case refused.Description != http.StatusText(http.StatusTooManyRequests):
		also = "; " + refused.Description
	}
	refused.Description = "`too_many_requests`: the tenant asks for too much" + also
}

func refer(answer *huma.Response, names ...string) {
	if answer.Headers == nil {
		answer.Headers = map[string]*huma.Header{}
	}
	for _, name := range names {
		answer.Headers[name] = &huma.Header{Ref: headerRefs + name}
	}
}
