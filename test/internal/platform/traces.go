package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/tool"
)

// TracesEnv is the address that the platform under test sends its traces to, and TracesToken what it shows there.
const (
	TracesEnv   = "STORE_TRACES"
	TracesToken = "shown-to-the-collector"
)

// Span is as much of a span as the tests look at.
type Span struct{ Service, Name string }

// Traces are the platform's spans as the OpenTelemetry Collector has written them.
type Traces struct{ file string }

// CollectTraces runs a collector where the platform sends its traces, until the test ends.
func CollectTraces(tb testing.TB) Traces {
	tb.Helper()
	address := os.Getenv(TracesEnv)
	if address == "" {
		tb.Skip("needs a platform that sends its traces: run through make test")
	}
	program, err := tool.Otelcol.Path(tb.Context(), os.Stderr)
	if err != nil {
		tb.Fatal(err)
	}
	dir := tb.TempDir()
	t := Traces{file: filepath.Join(dir, "traces.json")}
	collector, err := parts.Start(filepath.Join(dir, "otelcol.log"), exec.Command(program, "--config", fmt.Sprintf(`yaml:
extensions: { bearertokenauth: { token: %q } }
receivers: { otlp: { protocols: { http: { endpoint: %q, auth: { authenticator: bearertokenauth } } } } }
exporters: { file: { path: %q } }
service: { extensions: [bearertokenauth], pipelines: { traces: { receivers: [otlp], exporters: [file] } } }
`, TracesToken, address, t.file)))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if collector.Stop(syscall.SIGINT, parts.StopPatience); !collector.ProcessState.Success() {
			tb.Errorf("the collector ended: %s\n%s", collector.ProcessState, collector.Tail())
		}
	})
	if err := collector.Await(tb.Context(), parts.StartPatience, func(context.Context) error {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}); err != nil {
		tb.Fatal(err)
	}
	return t
}

// Written is all that has arrived, as the collector wrote it: a batch on each line.
func (t Traces) Written(tb testing.TB) []byte {
	tb.Helper()
	text, err := os.ReadFile(t.file)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// Of lists the spans of one trace, whose id is given as traceparent has it.
func (t Traces) Of(tb testing.TB, trace string) (spans []Span) {
	tb.Helper()
	written := t.Written(tb)
	// What stands behind the last end of a line is still being written.
	for line := range bytes.Lines(written[:bytes.LastIndexByte(written, '\n')+1]) {
		var b batch
		if err := json.Unmarshal(line, &b); err != nil {
			tb.Fatalf("decode what the collector wrote: %v\n%s", err, line)
		}
		spans = append(spans, b.of(trace)...)
	}
	return spans
}

// batch is as much of OTLP's JSON as the tests look at.
type batch struct {
	ResourceSpans []struct {
		Resource struct {
			Attributes []struct {
				Key   string
				Value struct{ StringValue string }
			}
		}
		ScopeSpans []struct {
			Spans []struct{ Name, TraceID string }
		}
	}
}

func (b batch) of(trace string) (spans []Span) {
	for _, from := range b.ResourceSpans {
		service := ""
		for _, attribute := range from.Resource.Attributes {
			if attribute.Key == "service.name" {
				service = attribute.Value.StringValue
			}
		}
		for _, scope := range from.ScopeSpans {
			for _, span := range scope.Spans {
				if span.TraceID == trace {
					spans = append(spans, Span{Service: service, Name: span.Name})
				}
			}
		}
	}
	return spans
}
