package gateways

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/people"
)

// trio is three gateways, of which the first is doomed: it dies between its claim and its append.
type trio struct {
	*installation
	gateways []*gateway
	tenant   people.Tenant
	// halfway is told when the doomed one has claimed, and its append is on the way.
	halfway <-chan string

	answered atomic.Int64
	// dies is how many answers the others give before it is killed, and lost how many were asking it then.
	dies int64
	once sync.Once
	lost atomic.Int64
}

func setupTrio(t *testing.T, dies int64, settings ...string) *trio {
	t.Helper()
	in := setup(t)
	gate := bustest.NewGate(t, "nats://"+in.broker.Address)
	settings = append(settings, "RATE_LIMIT_ENABLED=false", "CREATE_RATE_LIMIT_CAPACITY=0")
	trio := &trio{installation: in, dies: dies, tenant: in.tenants(1)[0]}
	for _, address := range []string{gate.Address, in.broker.Address, in.broker.Address} {
		trio.gateways = append(trio.gateways, in.serve(address, settings...))
	}
	awaitEngines(trio.gateways...)
	trio.halfway = gate.ShutBefore(func(subject string) bool {
		_, err := storelog.StoreOf(subject)
		return err == nil
	})
	return trio
}

// awaitHalfway returns when the doomed one has claimed.
func (trio *trio) awaitHalfway() {
	trio.t.Helper()
	select {
	case <-trio.halfway:
	case <-time.After(waittest.Patience()):
		trio.t.Fatal("nobody appends")
	}
}

// ask creates at the n-th gateway, and where that has died at the next, as whoever is behind a load balancer does.
func (trio *trio) ask(n int, body string, header ...string) answer {
	for {
		g := trio.gateways[n%len(trio.gateways)]
		a, err := g.send(http.MethodPost, "/stores", body, append(as(trio.tenant), header...)...)
		// The doomed one may live for so long that it says so itself.
		if err == nil && (g != trio.gateways[0] || a.status != http.StatusServiceUnavailable) {
			if trio.answered.Add(1) == trio.dies {
				trio.once.Do(trio.gateways[0].kill)
			}
			return a
		}
		if g != trio.gateways[0] {
			trio.t.Errorf("a gateway that lives: %v", err)
			return a
		}
		trio.lost.Add(1)
		n++
	}
}

// held are the tenant's claims.
func (trio *trio) held() []store.ID {
	trio.t.Helper()
	ids, err := trio.claims().Held(trio.t.Context(), trio.tenant.ID)
	if err != nil {
		trio.t.Fatal(err)
	}
	return ids
}

func (trio *trio) claims() *claim.Book {
	trio.t.Helper()
	bucket, err := trio.log.Bucket(trio.t.Context(), storelog.BucketClaims)
	if err != nil {
		trio.t.Fatal(err)
	}
	return claim.NewBook(bucket)
}

func (trio *trio) head() uint64 {
	trio.t.Helper()
	head, err := trio.log.Head(trio.t.Context())
	if err != nil {
		trio.t.Fatal(err)
	}
	return head
}

// The first who asks has it from a gateway that claims and never appends, so that one of the others makes the store.
func TestAThousandRequestsWithOneKeyMakeOneStore(t *testing.T) {
	const clients, each = 50, 20
	trio := setupTrio(t, clients*each/3)
	answers := make(chan answer, clients*each)
	ask := func(n int) { answers <- trio.ask(n, `{"name":"Tea"}`, "Idempotency-Key", "one") }
	var all sync.WaitGroup
	all.Go(func() { ask(0) })
	trio.awaitHalfway()
	if held, head := trio.held(), trio.head(); len(held) != 1 || head != 0 {
		t.Fatalf("halfway there are %d claims and %d messages", len(held), head)
	}
	for n := range clients {
		all.Go(func() {
			for turn := range each {
				if n+turn > 0 { // Which was asked first of all.
					ask(n + turn)
				}
			}
		})
	}
	all.Wait()
	close(answers)
	made := map[string]int{}
	for a := range answers {
		if a.status != http.StatusAccepted {
			t.Errorf("answered %v", a)
		}
		made[a.is().ID]++
	}
	if len(made) != 1 || trio.lost.Load() == 0 {
		t.Errorf("the stores are %v, and %d requests were lost with a gateway", made, trio.lost.Load())
	}
	if head := trio.head(); head != 1 {
		t.Errorf("the log holds %d messages", head)
	}
	if held := trio.held(); len(held) != 1 || made[string(held[0])] != clients*each {
		t.Errorf("the claims are %v, the answers %v", held, made)
	}
}

// What the dead one has claimed counts until a sweep has found that there is no store.
func TestAQuotaIsExactThoughAGatewayDiesHalfway(t *testing.T) {
	const creates, quota = 100, 10
	trio := setupTrio(t, creates/5, "MAX_STORES=10")
	answers := make(chan answer, creates)
	var all sync.WaitGroup
	all.Go(func() { answers <- trio.ask(0, `{}`) })
	trio.awaitHalfway()
	for n := range creates - 1 {
		all.Go(func() { answers <- trio.ask(n, `{}`) })
	}
	all.Wait()
	close(answers)
	made := trio.made(answers)
	if len(made) != quota-1 || trio.head() != quota-1 || trio.lost.Load() == 0 {
		t.Fatalf("%d stores were made, %d are in the log, %d requests were lost with a gateway", len(made), trio.head(), trio.lost.Load())
	}
	held := trio.held()
	left := slices.DeleteFunc(slices.Clone(held), func(id store.ID) bool { return slices.Contains(made, id) })
	if len(held) != quota || len(left) != 1 {
		t.Fatalf("the claims are %v, the stores %v", held, made)
	}
	mended, err := trio.claims().Reconcile(t.Context(), trio.tenant.ID, claim.Evidence{Stores: made, Last: trio.log.Last}, time.Now().Add(claim.Grace))
	if err != nil || !slices.Equal(mended.Released, left) || len(mended.Added) > 0 {
		t.Fatalf("a sweep has mended %+v, want %v released (%v)", mended, left, err)
	}
	answers = make(chan answer, creates)
	for n := range creates {
		all.Go(func() { answers <- trio.ask(1+n%2, `{}`) })
	}
	all.Wait()
	close(answers)
	if more := trio.made(answers); len(more) != 1 || trio.head() != quota || len(trio.held()) != quota {
		t.Errorf("then %d more were made, %d are in the log, %d claimed", len(more), trio.head(), len(trio.held()))
	}
}

// made are the stores of answers; all others must have met the quota.
func (trio *trio) made(answers <-chan answer) (ids []store.ID) {
	trio.t.Helper()
	for a := range answers {
		switch said := a.is(); {
		case a.status == http.StatusAccepted:
			ids = append(ids, store.ID(said.ID))
		case a.status != http.StatusForbidden || said.Code != "quota_exceeded":
			trio.t.Errorf("answered %v", a)
		}
	}
	return ids
}
