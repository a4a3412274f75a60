package gateway

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// trusting is a gateway with a proxy in front of it, which the test plays.
func trusting(c *Config) { c.TrustProxy = []string{"127.0.0.0/8"} }

// named is the tenant that an address is in the bundle's log.
func (b *testBundle) named(address string) string {
	b.t.Helper()
	return b.log.Naming().Tenant(netip.MustParseAddr(address))
}

func TestForwardedClientsAreToldApart(t *testing.T) {
	b := setup(t, trusting)
	for forwarded, client := range map[string]string{
		"203.0.113.7:51234":              "203.0.113.7",
		"203.0.113.8:51234":              "203.0.113.8",
		"[2001:db8:1::7]:443":            "2001:db8:1::",
		"[2001:db8:2::7]":                "2001:db8:2::",
		"unknown, , 203.0.113.9":         "203.0.113.9",
		"203.0.113.10, 127.0.0.6:15006":  "203.0.113.10",
		"198.51.100.1, 203.0.113.11:443": "203.0.113.11",
	} {
		if s := b.create(`{}`, "X-Forwarded-For", forwarded); s.Tenant != b.named(client) {
			t.Errorf("%q is %s, want %s, which is %s", forwarded, s.Tenant, client, b.named(client))
		}
	}
}

// Who is at the machine needs no key, where none is set. Nobody whom somebody speaks for is.
func TestNobodyForwardedIsAnOperator(t *testing.T) {
	b := setup(t, trusting)
	if a := b.get("/sweeps"); a.status != http.StatusOK {
		t.Errorf("at the machine it is answered %d %s", a.status, a.body)
	}
	for _, forwarded := range []string{"203.0.113.7", "203.0.113.7:80", "127.0.0.1", "[::1]:80", "127.0.0.1, 127.0.0.1"} {
		wantProblem(t, b.get("/sweeps", "X-Forwarded-For", forwarded), http.StatusUnauthorized, problem.AdminKeyRequired)
	}
	for _, header := range [][]string{
		{"X-Forwarded-For", "unknown"}, {"X-Forwarded-For", ""}, {"X-Forwarded-For", "203.0.113.7,"},
		{"X-Forwarded-For", "203.0.113.7:http"}, {"X-Forwarded-For", "0.0.0.0"}, {"X-Forwarded-For", "ff02::1"},
		// It was forwarded, and nobody says for whom.
		{"Forwarded", "for=203.0.113.7"}, {"X-Real-Ip", "203.0.113.7"}, {"Via", "1.1 proxy"},
	} {
		p := wantProblem(t, b.get("/sweeps", header...), http.StatusBadRequest, problem.ForwardedUnreadable)
		if !strings.Contains(p.Detail, "X-Forwarded-For") {
			t.Errorf("%v is refused with %q", header, p.Detail)
		}
	}
}

// Everybody behind it would be the one tenant of this machine.
func TestAProxyOnThisMachineIsToBeTrustedFirst(t *testing.T) {
	b := setup(t)
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "Via"} {
		p := wantProblem(t, b.get("/stores", name, "203.0.113.7"), http.StatusForbidden, problem.ProxyNotTrusted)
		if !strings.Contains(p.Detail, "TRUST_PROXY") {
			t.Errorf("%s is refused with %q", name, p.Detail)
		}
	}
}

func TestWhoLooksAfterThePlatformSeesAllDeadLetters(t *testing.T) {
	b := setup(t, trusting)
	asked := make(chan query.DeadLettersRequest, 8)
	b.answers(query.DeadLetters.Subject, func(data []byte) any {
		var q query.DeadLettersRequest
		if err := json.Unmarshal(data, &q); err != nil {
			t.Error(err)
		}
		asked <- q
		return query.DeadLettersReply{DeadLetters: []query.DeadLetter{{Seq: q.After + 1, Kind: query.DeadSetAside}}}
	})
	theirs := b.failed("X-Forwarded-For", "203.0.113.7")
	for forwarded, scope := range map[string]query.Scope{"": query.All(), "203.0.113.9": query.Of(b.named("203.0.113.9"))} {
		var header []string
		if forwarded != "" {
			header = []string{"X-Forwarded-For", forwarded}
		}
		b.get("/dead-letters", header...)
		if q := received(t, asked); q.Scope != scope {
			t.Errorf("forwarded for %q the letters of %+v are asked for, want %+v", forwarded, q.Scope, scope)
		}
	}
	stranger := []string{"X-Forwarded-For", "203.0.113.9"}
	wantProblem(t, b.redrive(theirs.Generation, stranger...), http.StatusNotFound, problem.NoDeadLetter)
	if a := b.redrive(theirs.Generation); a.status != http.StatusAccepted {
		t.Errorf("another's failed store is redriven with %d %s", a.status, a.body)
	}
	if a := b.redrive(b.head()); a.status != http.StatusAccepted {
		t.Errorf("what was set aside is redriven with %d %s", a.status, a.body)
	}
	// Looking after the platform isn't looking into stores.
	wantProblem(t, b.get("/stores/"+string(theirs.ID)), http.StatusNotFound, problem.NotFound)
}
