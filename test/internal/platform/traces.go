package platform

import (
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// TracesEnv is the address that the platform under test sends its traces to.
const TracesEnv = "STORE_TRACES"

// Span is as much of a span as the tests look at.
type Span struct{ Service, Name, Trace string }

// Traces receives the platform's spans by OTLP/HTTP.
type Traces struct {
	mu    sync.Mutex
	spans []Span
}

// ReceiveTraces listens where the platform sends its traces, until the test ends.
func ReceiveTraces(tb testing.TB) *Traces {
	tb.Helper()
	address := os.Getenv(TracesEnv)
	if address == "" {
		tb.Skip("needs a platform that sends its traces: run through make test")
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	t := &Traces{}
	server := &http.Server{Handler: http.HandlerFunc(t.receive)}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			tb.Errorf("receive traces: %v", err)
		}
	})
	tb.Cleanup(func() { _ = server.Close(); serving.Wait() })
	return t
}

func (t *Traces) receive(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	var batch collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(data, &batch)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, resource := range batch.ResourceSpans {
		service := ""
		for _, attribute := range resource.Resource.Attributes {
			if attribute.Key == "service.name" {
				service = attribute.Value.GetStringValue()
			}
		}
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				t.spans = append(t.spans, Span{Service: service, Name: span.Name, Trace: hex.EncodeToString(span.TraceId)})
			}
		}
	}
}

// Of lists the spans of one trace, whose id is given as traceparent has it.
func (t *Traces) Of(trace string) []Span {
	t.mu.Lock()
	defer t.mu.Unlock()
	var spans []Span
	for _, span := range t.spans {
		if span.Trace == trace {
			spans = append(spans, span)
		}
	}
	return spans
}
