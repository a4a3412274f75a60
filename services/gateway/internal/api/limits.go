package api

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/services/gateway/internal/limits"
)

const headerRefs = "#/components/headers/"

// The headers' names; Fiber's are its own module's.
const (
	retryAfter      = "Retry-After"
	wwwAuthenticate = "Www-Authenticate"
)

// describeHeaders documents the headers of every counted answer, and of refusals. They stand where a client looks for them: a document
// that says of each status of each route that it was counted is read by nobody.
func describeHeaders(doc *huma.OpenAPI) {
	text, whole := &huma.Schema{Type: huma.TypeString}, &huma.Schema{Type: huma.TypeInteger}
	doc.Components.Headers = map[string]*huma.Header{
		limits.HeaderPolicy: {Schema: text, Example: `"default";q=2000;w=4`, Description: "On every counted answer: what this gateway gives one tenant at once (q), and in how many " +
			"seconds all of it comes back (w), by the bucket: `default` are requests, `commands` what is paid for message by message. With more " +
			"gateways each gives its share."},
		limits.HeaderLimit: {Schema: text, Example: `"default";r=1998;t=1`, Description: "How much of that is left (r), and in how many seconds it is whole again (t)."},
		retryAfter:         {Schema: whole, Example: 2, Description: "In how many seconds the same request may succeed."},
		wwwAuthenticate:    {Schema: text, Example: `Bearer realm="store-platform"`, Description: "That it is to be said who asks."},
	}
	for _, op := range operationsOf(doc) {
		if op.Metadata[uncounted] != nil {
			continue
		}
		for status, answer := range op.Responses {
			if status < "3" {
				refer(answer, limits.HeaderPolicy, limits.HeaderLimit)
			}
		}
	}
}

func refer(answer *huma.Response, names ...string) {
	if answer.Headers == nil {
		answer.Headers = map[string]*huma.Header{}
	}
	for _, name := range names {
		answer.Headers[name] = &huma.Header{Ref: headerRefs + name}
	}
}
