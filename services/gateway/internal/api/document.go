package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/services/gateway/internal/health"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

const about = "Gives every merchant an isolated online store on Kubernetes.\n\n" +
	"Asynchronous requests answer 202 with the store and its Location; the store's own state says how far it is. Errors are " +
	"RFC 9457 problems: branch on `code`, show `detail`, and repeat the request only when `retryable` is true. Each operation names the " +
	"codes that it may answer, status by status, with an example of each.\n\n" +
	"In open mode (AUTH=open, the local default) there are no accounts: a client is its address, and sees the stores it created; what is about " +
	"accounts, tenants and tokens is 404 `accounts_off`. An ADMIN_API_KEY, if one is set, opens what operators may and generated passwords.\n\n" +
	"With accounts (AUTH=accounts) people sign in and have a session's cookie, and scripts send an API token (`sp_…`), as a bearer token " +
	"or as X-Api-Key. A token is for one tenant, holds at most the scopes that it was made with, and at most what its account's role allows. Who belongs " +
	"to several tenants says in X-Tenant which one a request is made for. A request with a cookie that changes something must come from the gateway's own page, " +
	"or from one of CORS_ORIGINS."

// How who asks says who they are, by the names that the document has for it.
const (
	bySession       = "session"
	bySecureSession = "secureSession"
	byBearer        = "bearer"
	byKey           = "apiKey"
	byTicket        = "feedTicket"
)

const whatKey = "An API token (`sp_…`), or ADMIN_API_KEY where one is set"

// newDocument is what of the document is of no operation. public is where people find the gateway, if it knows.
func newDocument(public string) *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Store Platform", Version: "1", Description: about,
			Contact: &huma.Contact{Name: "Whoever operates this installation", URL: public},
			License: &huma.License{Name: "Apache-2.0", URL: "https://www.apache.org/licenses/LICENSE-2.0"},
		},
		Servers: []*huma.Server{{URL: cmp.Or(strings.TrimSuffix(public, "/"), "/"), Description: "The gateway that has served this document"}},
		Tags: []*huma.Tag{
			{Name: "Accounts", Description: "Signing up and in, and what is about oneself. Only where there are accounts"},
			{Name: "Catalog", Description: "What stores can be made of: engines, their plans and options"},
			{Name: "Dead letters", Description: "What failed and waits for a person, who sends it again or puts it away"},
			{Name: "Feed", Description: "Everything that happens to the stores that one may see, as it happens"},
			{Name: "Operators", Description: "For those who look after the platform and its accounts, and for what watches it"},
			{Name: "Stores", Description: "Making, reading, changing and deleting stores"},
			{Name: "Tenants", Description: "Who owns stores: tenants, their members and invites. Only where there are accounts"},
			{Name: "Tokens", Description: "API tokens, by which scripts act for an account in one tenant"},
		},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				bySession:       {Type: "apiKey", In: "cookie", Name: SessionCookie, Description: "Of who has signed in, at a gateway on the loopback"},
				bySecureSession: {Type: "apiKey", In: "cookie", Name: hostPrefix + SessionCookie, Description: "Of who has signed in, everywhere else"},
				byBearer:        {Type: "http", Scheme: "bearer", Description: whatKey},
				byKey:           {Type: "apiKey", In: "header", Name: "X-Api-Key", Description: whatKey},
				byTicket:        {Type: "apiKey", In: "query", Name: "ticket", Description: "Of POST /feed/tickets, for pages that have an API token"},
			},
		},
	}
}

// describe adds what is known only when all is registered.
func describe(doc *huma.OpenAPI) {
	describeOthers(doc)
	for _, op := range operationsOf(doc) {
		do := actionOf(op)
		op.Security = append(security(do), op.Security...)
		if scope := do.Takes(); scope != "" {
			op.Description += " An API token needs the scope `" + string(scope) + "`."
		}
		switch do {
		// Open to all, or the tenant stands in the path.
		case rights.Look, rights.SignIn, rights.ReadTenant, rights.ManageTenant, rights.LimitTenant:
		default:
			op.Parameters = append(op.Parameters, &huma.Param{
				Name: "X-Tenant", In: "header", Schema: &huma.Schema{Type: huma.TypeString}, Example: "t-4kq7wmzc3e",
				Description: "Where there are accounts, the id of the tenant that the request is made for; who belongs to one alone needn't say it",
			})
		}
	}
	describeRefusals(doc)
	// It is no problem, and says what there is.
	doc.Paths["/readyz"].Get.Responses["503"] = answering("The broker can't be reached", "application/json", schemaOf[health.Readiness](doc))
	describeHeaders(doc)
	describeExamples(doc)
}

// write writes the document as soon as somebody reads it, and once. Few do, and every gateway would start later by as much as all else takes that
// is done before it listens.
func write(doc *huma.OpenAPI) func() ([]byte, error) {
	return sync.OnceValues(func() ([]byte, error) {
		document, err := json.Marshal(doc)
		if err != nil {
			return nil, fmt.Errorf("write the OpenAPI document: %w", err)
		}
		return document, nil
	})
}

// operationsOf are all of the document, in any order.
func operationsOf(doc *huma.OpenAPI) []*huma.Operation {
	var all []*huma.Operation
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Patch} {
			if op != nil {
				all = append(all, op)
			}
		}
	}
	return all
}

func schemaOf[T any](doc *huma.OpenAPI) *huma.Schema {
	return doc.Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
}

// answering is an answer of one media type.
func answering(description, mediaType string, schema *huma.Schema) *huma.Response {
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{mediaType: {Schema: schema}}}
}

// describeOthers documents what isn't REST: the feed and the operator's endpoints.
func describeOthers(doc *huma.OpenAPI) {
	text := &huma.Schema{Type: huma.TypeString}
	plain := func(id, path, summary, description string, answer *huma.Response) {
		doc.AddOperation(&huma.Operation{
			OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Description: description, Tags: []string{"Operators"},
			Responses: map[string]*huma.Response{"200": answer},
			Metadata:  map[string]any{does: rights.Look, refuses: refusals{}, uncounted: true},
		})
	}
	plain("healthz", "/healthz", "Alive", "Answers as long as the process runs.", answering("It runs", "text/plain", text))
	plain("readyz", "/readyz", "Ready", "503 only while the broker can't be reached. The rest is information: the read model, "+
		"the feed, and the cluster with the part of it that is being built.", answering("It can serve", "application/json", schemaOf[health.Readiness](doc)))
	plain("metrics", "/metrics", "Prometheus metrics", "Text exposition format.", answering("All that is counted", "text/plain", text))
	doc.AddOperation(&huma.Operation{
		OperationID: "feed", Method: http.MethodGet, Path: "/feed", Tags: []string{"Feed"}, Summary: "Live events (WebSocket)",
		Description: "Text messages of JSON: `hello` first, then `event` with the store after it, `platform` when the cluster's " +
			"state changes, `left` with the id of a store that was transferred to another tenant and isn't to be seen any more, `reset` when the cursor " +
			"can't be continued from and stores must be listed anew. Continue after a cut " +
			"with the last `cursor`. Close code 4008: you were too slow, continue the same way; 1001: the gateway goes down; 1008: you sent too much; " +
			"4001: you may not listen any more, so sign in again; 1013: it can't be found out whether you may, so connect again.",
		Parameters: []*huma.Param{
			{Name: "since", In: "query", Description: "Cursor to continue behind", Schema: text},
			{Name: "store", In: "query", Description: "Only this store", Schema: text},
			{Name: "ticket", In: "query", Description: "Of POST /feed/tickets, where there are accounts", Schema: text},
		},
		Security:  []map[string][]string{{byTicket: {}}},
		Responses: map[string]*huma.Response{"101": {Description: "Switching to WebSocket"}},
		Metadata: map[string]any{does: rights.ReadStores, refuses: append(refusals{
			problem.UpgradeRequired, problem.InvalidCursor, problem.FeedUnavailable, problem.FeedFull, problem.TooManyFeeds,
		}, ofStore...)},
	})
}
