package telemetry

import (
	"strings"
	"testing"
)

// What can't be read of them would be told to the log by who exports, and it may be a password.
func TestHeadersThatCannotBeReadAreRefusedUntold(t *testing.T) {
	const variable = "OTEL_EXPORTER_OTLP_HEADERS"
	for headers, read := range map[string]bool{
		"": true, "authorization=Bearer%20hunter2": true, "authorization=Basic hunter2==, x-tenant = a": true, "a=b,": true,
		"Authorization: Bearer hunter2": false, "Authorization: Basic hunter2==": false, "a=b,hunter2": false, "a=%zzhunter2": false, "=hunter2": false,
	} {
		t.Setenv(variable, headers)
		traces, err := tracerProvider(t.Context(), nil, "http://127.0.0.1:1")
		if err == nil {
			err = traces.Shutdown(t.Context())
		} else if !strings.Contains(err.Error(), variable) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", headers, err)
		}
		if (err == nil) != read {
			t.Errorf("%q: %v", headers, err)
		}
	}
}
