package gateway

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/api"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// restored has the accounts look as a restore leaves them.
func (b *testBundle) restored() {
	b.t.Helper()
	js, err := jetstream.New(b.conn)
	if err != nil {
		b.t.Fatal(err)
	}
	stream, err := js.Stream(b.t.Context(), storelog.StreamOf(storelog.BucketAccounts))
	if err != nil {
		b.t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.Metadata = storelog.RestoredBucket(config.Metadata, time.Now())
	if _, err := js.UpdateStream(b.t.Context(), config); err != nil {
		b.t.Fatal(err)
	}
}

// Behind a restore an operator who has come since sees who would be back, ends what should have ended, and lets the others in.
func TestARestoreIsConfirmedByAnActOfItsOwn(t *testing.T) {
	b := setupPeople(t)
	s := b.street()
	s.settle(directory.Account{ID: "a-former2222", Email: "former@example.com", Operator: true, Verified: true})
	s.put(storelog.BucketAccounts, "operators", directory.Operators{Accounts: []string{"a-former2222"}})
	_, bearer := s.token(s.member.ID, s.tenant, principal.Member, principal.ReadStores)
	session := s.session(s.owner, s.tenant)
	b.restored()
	late := &peopled{testBundle: &testBundle{t: t, broker: b.broker, conn: b.conn, log: b.log}, directory: b.directory}
	late.start(func(c *Config) { c.Auth, c.AdminKey, c.SignUp = authAccounts, "sesame", "off" })
	late.await("the gateway is ready", func() bool { return late.get("/readyz").status == http.StatusOK })
	all := [][]string{bearer, session}
	for _, headers := range all {
		wantProblem(t, late.get("/stores/sabcdefghijk", headers...), http.StatusForbidden, problem.AccountsUnconfirmed)
		wantProblem(t, late.do(http.MethodPost, "/accounts/restored/confirm", "", headers...), http.StatusForbidden, problem.AccountsUnconfirmed)
	}
	boss := late.operator("boss@example.com")
	id := boss.me().ID
	for _, headers := range all {
		wantProblem(t, late.get("/stores/sabcdefghijk", headers...), http.StatusForbidden, problem.AccountsUnconfirmed)
	}
	found := decoded[api.Restored](t, boss.gets(http.StatusOK, http.MethodGet, "/accounts/restored", ""))
	if !found.Waiting || found.Accounts != 5 || found.Tenants != 1 || found.Members != 3 || found.Tokens != 1 ||
		len(found.Operators) != 1 || found.Operators[0].Email != "former@example.com" {
		t.Errorf("who waits is %+v", found)
	}
	boss.gets(http.StatusOK, http.MethodPatch, "/accounts/a-former2222", `{"operator":false}`)
	boss.gets(http.StatusNoContent, http.MethodPost, "/accounts/restored/confirm", "")
	// Where nobody waits any more nothing was done, and so nothing is noted.
	boss.gets(http.StatusNoContent, http.MethodPost, "/accounts/restored/confirm", "")
	for _, headers := range all {
		wantProblem(t, late.get("/stores/sabcdefghijk", headers...), http.StatusNotFound, problem.NotFound)
	}
	if found = decoded[api.Restored](t, late.get("/accounts/restored", asOperator...)); found.Waiting || found.Operators != nil {
		t.Errorf("behind it there is %+v", found)
	}
	if noted := late.audited()[storelog.RestoreConfirmed]; !slices.Equal(noted, []string{id + " "}) {
		t.Errorf("the audit has %q", noted)
	}
}
