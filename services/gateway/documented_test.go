package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// documented is what all tests ask through: whatever test is answered what the OpenAPI document doesn't tell of that operation fails.
type documented struct{ *http.Transport }

func (d documented) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := d.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	doc, err := golden()
	if err != nil {
		return nil, err
	}
	op, known := doc.operation(req.Method, req.URL.EscapedPath())
	// Nothing but GET is answered HEAD, and not each.
	if !known || req.Method == http.MethodHead && resp.StatusCode == http.StatusMethodNotAllowed {
		return resp, nil
	}
	var refused problem.Problem
	if kind := resp.Header.Get("Content-Type"); (kind == "application/json" || kind == problem.ContentType) && req.Method != http.MethodHead {
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
		if kind == problem.ContentType {
			if err := json.Unmarshal(body, &refused); err != nil {
				return nil, err
			}
		}
		if err := doc.describes(op, resp.StatusCode, kind, body); err != nil {
			return nil, fmt.Errorf("the OpenAPI document describes another answer to %s than %d %s: %w", op.OperationID, resp.StatusCode, body, err)
		}
	}
	if !doc.tells(op, resp.StatusCode, refused.Code) {
		return nil, fmt.Errorf("the OpenAPI document doesn't say that %s can be answered %d %q", op.OperationID, resp.StatusCode, refused.Code)
	}
	return resp, nil
}

// describes holds an answer's body against the schema that the document has for it; nil where it has none.
func (d document) describes(op operation, status int, kind string, body []byte) error {
	answer, _ := d.answer(op, status)
	name, has := strings.CutPrefix(answer.Content[kind].Schema.Ref, "#/components/schemas/")
	if !has {
		return nil
	}
	schema, err := schemas(name)
	if err != nil {
		return err
	}
	said, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return schema.Validate(said)
}

// schemas compiles one of the document's, once.
var schemas = func() func(name string) (*jsonschema.Schema, error) {
	var compiling sync.Mutex
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	return func(name string) (*jsonschema.Schema, error) {
		compiling.Lock()
		defer compiling.Unlock()
		return compiler.Compile("testdata/openapi.json#/components/schemas/" + name)
	}
}()

// golden is the document that another test holds against the one that is served.
var golden = sync.OnceValues(func() (doc document, err error) {
	data, err := os.ReadFile("testdata/openapi.json")
	if err == nil {
		err = json.Unmarshal(data, &doc)
	}
	return doc, err
})

// operation is what answers the method at the path: where several may, the one that says it in more words of its own.
func (d document) operation(method, path string) (found operation, known bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	segments, most := strings.Split(path, "/"), -1
	for pattern, item := range d.Paths {
		op, has := item[strings.ToLower(method)]
		parts, own := strings.Split(pattern, "/"), 0
		fits := has && len(parts) == len(segments)
		for i := 0; fits && i < len(parts); i++ {
			switch {
			case parts[i] == segments[i]:
				own++
			case !strings.HasPrefix(parts[i], "{") || segments[i] == "":
				fits = false
			}
		}
		if fits && own > most {
			found, known, most = op, true, own
		}
	}
	return found, known
}

// tells says whether the document has the status among the operation's answers, and of a problem its code.
func (d document) tells(op operation, status int, code problem.Code) bool {
	answer, told := d.answer(op, status)
	_, named := answer.Content[problem.ContentType].Examples[string(code)]
	return told && (code == "" || named)
}

// answer is what an operation is answered with a status, which several may share.
func (d document) answer(op operation, status int) (answer response, told bool) {
	answer, told = op.Responses[strconv.Itoa(status)]
	if _, shared, is := strings.Cut(answer.Ref, "#/components/responses/"); is {
		answer, told = d.Components.Responses[shared]
	}
	return answer, told
}

func TestTheDocumentIsSearchedAsRequestsAreRouted(t *testing.T) {
	doc, err := golden()
	if err != nil {
		t.Fatal(err)
	}
	for request, want := range map[string]string{
		"GET /stores": "list-stores", "HEAD /stores/sabcdefghijk": "get-store", "GET /stores/transfer": "get-store", "POST /stores/transfer": "transfer-stores",
		"POST /stores/a%2Fb/transfer": "transfer-store", "PUT /stores": "", "GET /stores/": "", "GET /nowhere": "",
	} {
		method, path, _ := strings.Cut(request, " ")
		if op, known := doc.operation(method, path); op.OperationID != want || known != (want != "") {
			t.Errorf("%s is taken for %q", request, op.OperationID)
		}
	}
	op, _ := doc.operation(http.MethodGet, "/engines")
	for code, told := range map[problem.Code]bool{
		problem.BrokerUnavailable: true, problem.Internal: true, problem.ForeignHost: true, problem.TooManyRequests: true,
		problem.NotFound: false, problem.TooManyCommands: false, problem.LogFull: false,
	} {
		if doc.tells(op, code.Status(), code) != told {
			t.Errorf("GET /engines: %s is told of: %t", code, !told)
		}
	}
	if doc.tells(op, http.StatusCreated, "") || !doc.tells(op, http.StatusOK, "") {
		t.Error("GET /engines is answered 200 and never 201")
	}
}

// What the guard looks into is said in the document, and what nobody looks into isn't.
func TestTheDocumentSaysHowWhoAsksIsKnown(t *testing.T) {
	doc, err := golden()
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"list-engines": "[]", "log-in": "[]", "get-me": "[session secureSession bearer apiKey]", "change-me": "[session secureSession]",
		"create-store":    "[session secureSession bearer apiKey nobody]",
		"get-credentials": "[session secureSession bearer apiKey nobody]",
		"list-accounts":   "[session secureSession bearer apiKey]",
		"feed":            "[session secureSession bearer apiKey nobody feedTicket]",
	} {
		for _, item := range doc.Paths {
			for _, op := range item {
				if said := op.known(); op.OperationID == id && said != want {
					t.Errorf("%s is for %s, want %s", id, said, want)
				}
			}
		}
	}
}

// known lists how who asks may be known.
func (op operation) known() string {
	ways := []string{}
	for _, way := range op.Security {
		said := "nobody"
		for scheme := range way {
			said = scheme
		}
		ways = append(ways, said)
	}
	return fmt.Sprint(ways)
}
