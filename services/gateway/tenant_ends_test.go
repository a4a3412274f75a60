package gateway

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// ending is somebody who deletes a tenant and makes a store in it, by two gateways.
type ending struct {
	*peopled
	maria  person
	claims *claim.Book
	// late is the second gateway, whose word comes to the broker by the gate.
	late *peopled
	gate *bustest.Gate
}

func setupEnding(t *testing.T) *ending {
	t.Helper()
	b := setupPeople(t)
	kv, err := b.log.Bucket(t.Context(), storelog.BucketClaims)
	if err != nil {
		t.Fatal(err)
	}
	gate := bustest.NewGate(t, b.broker.ClientURL())
	late := b.second(func(c *Config) { c.Auth, c.AdminKey, c.NATS.URL = authAccounts, "sesame", "nats://"+gate.Address })
	return &ending{peopled: b, maria: b.joins("Maria"), claims: claim.NewBook(kv), late: &peopled{testBundle: late, directory: b.directory}, gate: gate}
}

// makes and removes are what is asked at the same moment.
func (b *ending) makes(at *peopled, tenant string) answer {
	b.t.Helper()
	return at.do(http.MethodPost, "/stores", `{}`, append(b.maria.in(tenant), "Origin", at.url)...)
}

func (b *ending) removes(at *peopled, tenant string) answer {
	b.t.Helper()
	return at.do(http.MethodDelete, "/tenants/"+tenant, "", append(b.maria.in(tenant), "Origin", at.url)...)
}

// overtaken has the second gateway do something up to its first write of claims, the first one do something else meanwhile, and lets the
// write go on then.
func (b *ending) overtaken(late, meanwhile func() answer) (behind, before answer) {
	b.t.Helper()
	halfway := b.gate.ShutBefore(func(subject string) bool { return strings.HasPrefix(subject, "$KV."+storelog.BucketClaims+".") })
	answers := make(chan answer, 1)
	go func() { answers <- late() }()
	received(b.t, halfway)
	before = meanwhile()
	b.gate.Open()
	return received(b.t, answers), before
}

// judge holds both answers against each other, ends what is left, and says whether there was a store.
func (b *ending) judge(tenant string, create, remove answer) (made bool) {
	b.t.Helper()
	switch {
	case create.status == http.StatusAccepted && remove.status == http.StatusConflict:
		wantProblem(b.t, remove, http.StatusConflict, problem.TenantHasStores)
		if err := b.claims.Release(b.t.Context(), tenant, decoded[query.Store](b.t, create).ID); err != nil {
			b.t.Fatal(err)
		}
		did[struct{}](b.peopled, http.StatusNoContent, b.maria.header, http.MethodDelete, "/tenants/"+tenant, "")
		made = true
	case create.status == http.StatusNotFound && remove.status == http.StatusNoContent:
	default:
		b.t.Fatalf("created: %d %s, deleted: %d %s", create.status, create.body, remove.status, remove.body)
	}
	b.refuses(http.StatusNotFound, problem.NotFound, b.maria.in(tenant), http.MethodPost, "/stores", `{}`)
	b.refuses(http.StatusNotFound, problem.NotFound, b.maria.header, http.MethodDelete, "/tenants/"+tenant, "")
	return made
}

// Of a tenant's deletion and a create at the same moment one is refused: nobody's store is left, and no tenant goes with one. Whose write of
// the claims comes first has its way, though the other has found nothing in its way until then.
func TestATenantIsDeletedOrGetsAStore(t *testing.T) {
	b := setupEnding(t)
	tenant := b.founds(b.maria)
	create, remove := b.overtaken(func() answer { return b.makes(b.late, tenant) }, func() answer { return b.removes(b.peopled, tenant) })
	if b.judge(tenant, create, remove) {
		t.Error("a create that was overtaken has made a store")
	}
	tenant = b.founds(b.maria)
	remove, create = b.overtaken(func() answer { return b.removes(b.late, tenant) }, func() answer { return b.makes(b.peopled, tenant) })
	if !b.judge(tenant, create, remove) {
		t.Error("a deletion that was overtaken has kept a create out")
	}
	for turn := range 20 {
		tenant := b.founds(b.maria)
		var both sync.WaitGroup
		acts := []func(){func() { create = b.makes(b.peopled, tenant) }, func() { remove = b.removes(b.late, tenant) }}
		both.Go(acts[turn%2])
		acts[1-turn%2]()
		both.Wait()
		b.judge(tenant, create, remove)
	}
}
