package cluster_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/api"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// maxLines is what a create may log over all services in an attempt.
const maxLines = 15

func TestACreateLogsLittleAndNoSecret(t *testing.T) {
	b := setup(t)
	s := b.ready("Quiet")
	lines := b.Logs(t, string(s.ID))
	if len(lines) == 0 || len(lines) > maxLines*s.Attempt {
		t.Fatalf("%d lines:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	all := strings.Join(lines, "\n")
	for _, noun := range []string{`"store":"`, `"generation":`, `"step":"`} {
		if !strings.Contains(all, noun) {
			t.Errorf("no line says %s:\n%s", noun, all)
		}
	}
	if secret := b.Logs(t, b.Password(t, s.ID)); len(secret) != 0 {
		t.Fatalf("a password stands in %d lines", len(secret))
	}
}

// One request for a store and one for its end, as the OpenTelemetry Collector has them: each service's part is there, and nothing that
// opens anything. In turn, because there is one address for traces, and a process that has many to send drops some while nobody listens there.
func TestOneTraceHoldsTheRequestTheWorkAndTheProjection(t *testing.T) {
	traces := platform.CollectTraces(t)
	b := inTurn(t)
	const id, key = "4bf92f3577b34da6a3ce929d0e0e4736", "the-key-that-an-operator-sends"
	within := []string{"traceparent", "00-" + id + "-00f067aa0ba902b7-01", "X-Api-Key", key}
	s := b.Create(t, "Traced", within...)
	b.Cleanup(func() { b.remove(s.ID) })
	followed := b.Follow(t, b.before(s), s.ID)
	followed.UntilType(t, store.BecameReady)
	secrets := map[string]string{"what the collector asks for": platform.TracesToken, "the operator's key": key}
	for user, password := range b.Passwords(t) {
		secrets["the broker's password of "+user] = password
	}
	var shown query.CredentialsReply
	if status, err := b.Call(t.Context(), http.MethodGet, "/stores/"+string(s.ID)+"/credentials", nil, &shown, within...); err != nil || len(shown.Credentials) == 0 {
		t.Fatalf("look at the passwords: %d %v", status, err)
	}
	for _, credential := range shown.Credentials {
		secrets["the store's password of "+credential.Name] = credential.Password
	}
	for n, part := range b.written(s.ID, within) {
		secrets[fmt.Sprintf("part %d of what the shop has written", n)] = part
	}
	if status, err := b.Call(t.Context(), http.MethodDelete, "/stores/"+string(s.ID), nil, nil, within...); err != nil {
		t.Fatalf("delete: %d %v", status, err)
	}
	followed.UntilType(t, store.BecameDeleted)
	waittest.Eventually(t, func() error {
		spans := traces.Of(t, id)
		return errors.Join(
			contains(spans, "store-gateway", "POST /stores"), contains(spans, "store-gateway", "append create"),
			contains(spans, "store-provisioner", "work provisioner"), contains(spans, "store-provisioner", "step release"),
			contains(spans, "store-provisioner", "append ready"), contains(spans, "store-events", "project ready"),
			contains(spans, "store-gateway", "/credentials"), contains(spans, "store-gateway", "/logs"), contains(spans, "store-provisioner", "query.logs"),
			contains(spans, "store-gateway", "append delete"), contains(spans, "store-janitor", "work janitor"),
			contains(spans, "store-janitor", "append deleted"), contains(spans, "store-events", "project deleted"),
		)
	})
	for whose, secret := range secrets {
		if secret == "" || bytes.Contains(traces.Written(t), []byte(secret)) {
			t.Errorf("%s, %d letters, stands in what the collector wrote", whose, len(secret))
		}
	}
}

// written are parts of what a store's programs have written, by a request of somebody's: such as one would know again, and as stand in JSON
// as they are.
func (b *bench) written(id store.ID, headers []string) (parts []string) {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, b.API+"/stores/"+string(id)+"/logs", nil)
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	for line, err := range api.Logs(answer.Body) {
		if err != nil {
			b.Fatal(err)
		}
		for _, part := range strings.FieldsFunc(line.Line, func(r rune) bool { return r == '"' || r == '\\' }) {
			if len(part) > 20 {
				parts = append(parts, part)
			}
		}
	}
	if len(parts) == 0 {
		b.Fatalf("the store's logs, answered %s, have nothing that one would know again", answer.Status)
	}
	return parts
}

func contains(spans []platform.Span, service, name string) error {
	if slices.ContainsFunc(spans, func(s platform.Span) bool { return s.Service == service && strings.Contains(s.Name, name) }) {
		return nil
	}
	return fmt.Errorf("the trace has no %q of %s among %v", name, service, spans)
}
