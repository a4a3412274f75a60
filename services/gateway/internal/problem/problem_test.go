package problem

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
)

func TestEveryCodeHasItsKind(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
				codes++
				code := Code(strings.Trim(literal.Value, `"`))
				if k := kinds[code]; http.StatusText(k.status) == "" || k.title == "" {
					t.Errorf("%s has no kind", code)
				}
			}
		}
		return true
	})
	if codes != len(kinds) {
		t.Errorf("%d codes, %d kinds", codes, len(kinds))
	}
}

// Clients repeat what may come by itself: what others are at, what is busy or away, and what an operator has to make room for.
// Whatever else stands in the way is the request's own, or the store's, and is there the next time, too.
func TestOnlyWhatMayComeIsToBeAskedForAgain(t *testing.T) {
	again := map[Code]bool{
		RequestTimeout: true, ConflictInFlight: true, ConflictChanged: true, NotReady: true, EngineUnknown: true, Upgrading: true, LogFull: true,
		AuditFull: true, BrokerUnavailable: true, CatalogEmpty: true, ProjectionUnavailable: true, FeedUnavailable: true, FeedFull: true,
		TooManyFeeds: true, TooManyRequests: true, TooManyCommands: true, TooManyGuesses: true, Busy: true, CredentialsMissing: true,
		ClusterUnavailable: true, LogsFull: true, TooManyLogs: true, NewerSchema: true, Internal: true,
	}
	for code, kind := range kinds {
		p := New(code, "")
		if p.Retryable != again[code] {
			t.Errorf("%s: retryable is %t", code, p.Retryable)
		}
		later := kind.status == http.StatusServiceUnavailable || kind.status == http.StatusTooManyRequests
		if _, told := p.GetHeaders()["Retry-After"]; told != later || later && !p.Retryable {
			t.Errorf("%s, %d: told when to come back: %t", code, kind.status, told)
		}
		if p.Retryable = false; len(p.GetHeaders()["Retry-After"]) > 0 {
			t.Errorf("%s that can't come is to be asked for again after a while", code)
		}
	}
	// Whatever Fiber or huma make of a request's fault.
	for status := http.StatusBadRequest; status < 600; status++ {
		own := status < http.StatusInternalServerError && status != http.StatusRequestTimeout
		if p := Of(fiber.NewError(status)); p.Retryable == own {
			t.Errorf("%d became %s, retryable %t", status, p.Code, p.Retryable)
		}
	}
}

func TestUnknownErrorsTellNothing(t *testing.T) {
	p := Of(errors.New("password is hunter2"))
	if p.Code != Internal || strings.Contains(p.Detail, "hunter2") {
		t.Errorf("problem %+v", p)
	}
	if p := Of(fmt.Errorf("read: %w", New(NotFound, "No."))); p.Code != NotFound {
		t.Errorf("a wrapped problem became %s", p.Code)
	}
	if p := Of(fiber.NewError(http.StatusTeapot, "secret")); strings.Contains(p.Detail, "secret") {
		t.Errorf("problem %+v", p)
	}
}
