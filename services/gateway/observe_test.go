package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/store-platform/store-platform/pkg/storelog"
)

// lines collects log lines from the gateway's goroutines.
type lines struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.String()
}

// requests are the lines so far, and whether one tells of a request. That the log was opened is said when the gateway is
// ready already.
func (l *lines) requests() (texts []string, told bool) {
	for text := range strings.Lines(l.text()) {
		if strings.Contains(text, `"msg":"opened the log"`) {
			continue
		}
		texts = append(texts, strings.TrimSpace(text))
		told = told || strings.Contains(text, `"msg":"request"`)
	}
	return texts, told
}

// logs collects what is logged from now on until the test ends.
func logs(t *testing.T) *lines {
	t.Helper()
	logged, before := &lines{}, slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(logged, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return logged
}

func TestACreateIsOneLineAndOneTrace(t *testing.T) {
	otel.SetTextMapPropagator(propagation.TraceContext{})
	// Its spans go nowhere, but belong to the caller's trace.
	otel.SetTracerProvider(noop.NewTracerProvider())
	b := setupAlone(t)
	logged := logs(t)
	const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	s := b.create(`{"name":"Secret Garden"}`, "traceparent", "00-"+traceID+"-00f067aa0ba902b7-01")
	b.await("the request is logged", func() bool { _, told := logged.requests(); return told })
	texts, _ := logged.requests()
	text := strings.Join(texts, "\n")
	var line struct {
		Msg, Store, Tenant, Trace, Route string
		Generation                       uint64
		Status                           int
	}
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if line.Store != string(s.ID) || line.Generation != s.Generation || line.Status != 202 || line.Route != "/stores" || line.Trace != traceID {
		t.Errorf("line %s", text)
	}
	for _, personal := range []string{"127.0.0.1", "loopback", "Secret Garden"} {
		if strings.Contains(text, personal) {
			t.Errorf("the log says %q", personal)
		}
	}
	found := errors.New("found")
	err := b.log.Tail(t.Context(), 0, func(raw storelog.Raw) error {
		if parent := raw.Header["traceparent"]; len(parent) != 1 || !strings.Contains(parent[0], traceID) {
			t.Errorf("the command's trace is %v", parent)
		}
		return found
	})
	if !errors.Is(err, found) {
		t.Error(err)
	}
}

// What a client has waited for because it preferred to is no slowness of the gateway's, and stands beside what the request took.
func TestWaitingIsToldApartFromWhatARequestTook(t *testing.T) {
	b := setupAlone(t)
	s := b.create(`{}`, "Idempotency-Key", "one")
	logged := logs(t)
	began := time.Now()
	b.do(http.MethodPost, "/stores", `{}`, "Idempotency-Key", "one", "Prefer", "wait=1")
	whole := time.Since(began)
	b.delete(s.ID)
	var texts []string
	b.await("both requests are logged", func() bool { texts, _ = logged.requests(); return len(texts) == 2 })
	took := func(text string) (ms, waited *float64) {
		var line struct {
			MS     *float64
			Waited *float64 `json:"waited_ms"`
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil || line.MS == nil {
			t.Fatalf("%v in %s", err, text)
		}
		return line.MS, line.Waited
	}
	if ms, waited := took(texts[0]); waited == nil || *waited < 1000 || *ms+*waited > float64(whole.Microseconds())/1000 {
		t.Errorf("of %s it says %s", whole, texts[0])
	}
	if _, waited := took(texts[1]); waited != nil {
		t.Errorf("of who hasn't waited it says %s", texts[1])
	}
}
