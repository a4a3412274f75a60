package gateway

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// withAccounts is a gateway where people sign in, of an installation that waits a tenth of what production's does.
func withAccounts(c *Config) {
	c.Auth, c.AdminKey, c.Installation, c.TestClockDivisor = authAccounts, "sesame", "test-who", 10
}

// town is the people of an installation, who are in the directory without having come there by themselves.
type town struct {
	t *testing.T
	*directory.Directory
	log *storelog.Log
}

func (b *testBundle) town() *town {
	b.t.Helper()
	d, err := directory.Open(b.t.Context(), b.log, 1, time.Now)
	if err != nil {
		b.t.Fatal(err)
	}
	return &town{t: b.t, Directory: d, log: b.log}
}

func (w *town) put(bucket, key string, thing any) {
	w.t.Helper()
	data, err := json.Marshal(thing)
	if err != nil {
		w.t.Fatal(err)
	}
	kv, err := w.log.Bucket(w.t.Context(), bucket)
	if err == nil {
		_, err = kv.Put(w.t.Context(), key, data)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// settle writes an account, also in place of what it was before.
func (w *town) settle(a directory.Account) directory.Account {
	w.t.Helper()
	w.put(storelog.BucketAccounts, "account."+a.ID, a)
	return a
}

// found writes a tenant with its members, likewise.
func (w *town) found(t directory.Tenant, members ...directory.Member) string {
	w.t.Helper()
	t.Members = members
	w.put(storelog.BucketTenants, t.ID, t)
	return t.ID
}

func member(account string, role principal.Role) directory.Member {
	return directory.Member{Account: account, Role: role}
}

// session signs an account in and returns the headers that say so.
func (w *town) session(a directory.Account, tenant string) (headers []string) {
	w.t.Helper()
	secret, err := w.NewSession(w.t.Context(), a)
	if err != nil {
		w.t.Fatal(err)
	}
	headers = []string{"Cookie", "session=" + secret, "Sec-Fetch-Site", "same-origin"}
	if tenant != "" {
		headers = append(headers, "X-Tenant", tenant)
	}
	return headers
}

// token makes one for an account and returns it with the headers that show it.
func (w *town) token(account, tenant string, role principal.Role, scopes ...principal.Scope) (directory.Token, []string) {
	w.t.Helper()
	token, text, err := w.NewToken(w.t.Context(), directory.Token{Account: account, Tenant: tenant, Role: role, Scopes: scopes})
	if err != nil {
		w.t.Fatal(err)
	}
	return token, []string{"Authorization", "Bearer " + text}
}

// built makes a tenant's store that has failed, so that it is a dead letter, too.
func (b *testBundle) built(id store.ID, tenant string) store.State {
	b.t.Helper()
	s, err := b.log.Append(b.t.Context(), store.State{}, store.Message{
		Type: store.CreateCommand, Store: id, Tenant: tenant, Actor: tenant, Time: time.Now(),
		Facts: store.Facts{Spec: &store.Spec{Name: "Tea", Engine: "sample", Version: "1.0.0", Plan: "small"}, Request: "digest"},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return b.happen(s.ID, store.BecameFailed, store.Facts{Reason: "ImagePull"})
}

// answered asks over connections that stay.
func (b *testBundle) answered(keeping *http.Client, req *http.Request) answer {
	b.t.Helper()
	resp, err := keeping.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	return read(b.t, resp)
}
