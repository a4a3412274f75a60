package gateway

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/services/gateway/internal/limits"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// counting lets each tenant ask nine times, of which nothing comes back while a test runs.
func counting(c *Config) { c.RateEnabled, c.RateCapacity, c.RateRefill = true, 9, 0.001 }

// of is the header of a client with that address.
func of(address string) []string { return []string{"X-Forwarded-For", address} }

var item = regexp.MustCompile(`^"([a-z]+)";(q|r)=(\d+);(w|t)=(\d+)$`)

// bucket is what an answer says of one: what there is, what is left, and how many seconds all or the rest takes to come back.
type bucket struct{ quota, window, left, reset int }

// is compares with what is wanted, but for a minute in which what comes back meanwhile may take less.
func (have bucket) is(want bucket) bool {
	early := want.reset - have.reset
	have.reset += early
	return have == want && early >= 0 && early < 60
}

// buckets reads the headers as the draft writes them.
func (b *testBundle) buckets(a answer) map[string]bucket {
	b.t.Helper()
	said := map[string]bucket{}
	for header, of := range map[string]string{limits.HeaderPolicy: "qw", limits.HeaderLimit: "rt"} {
		for text := range strings.SplitSeq(a.header.Get(header), ", ") {
			if text == "" {
				continue
			}
			found := item.FindStringSubmatch(text)
			if found == nil || found[2]+found[4] != of {
				b.t.Fatalf("%s is %q", header, a.header.Get(header))
			}
			first, _ := strconv.Atoi(found[3])
			second, _ := strconv.Atoi(found[5])
			is := said[found[1]]
			if header == limits.HeaderPolicy {
				is.quota, is.window = first, second
			} else {
				is.left, is.reset = first, second
			}
			said[found[1]] = is
		}
	}
	return said
}

func TestEveryAnswerSaysWhatIsLeft(t *testing.T) {
	b := setup(t, trusting, counting)
	for left := 8; left >= 0; left-- {
		path := []string{"/engines", "/stores/sabcdefghijk", "/nowhere"}[left%3]
		a := b.get(path, of("203.0.113.7")...)
		if is := b.buckets(a); len(is) != 1 || !is[limits.Requests].is(bucket{quota: 9, window: 9000, left: left, reset: (9 - left) * 1000}) {
			t.Errorf("%d behind %s it says %+v, want %d left", a.status, path, is, left)
		}
	}
	for range 3 {
		a := b.get("/engines", of("203.0.113.7")...)
		if p := wantProblem(t, a, http.StatusTooManyRequests, problem.TooManyRequests); !p.Retryable {
			t.Error("it isn't to be asked again")
		}
		after, err := strconv.Atoi(a.header.Get("Retry-After"))
		if err != nil || after < 900 || after > 1000 {
			t.Errorf("it may come again after %q", a.header.Get("Retry-After"))
		}
		if is := b.buckets(a)[limits.Requests]; is.quota != 9 || is.left != 0 {
			t.Errorf("an empty bucket is %+v", is)
		}
	}
}

// What is asked of the broker is heard in order, so what a refused request had asked would come before another's question.
func TestARefusedRequestCostsNobodyAnything(t *testing.T) {
	b := setup(t, trusting, counting)
	id := b.create(`{}`, of("203.0.113.7")...).ID
	asked := make(chan string, 64)
	for _, subject := range []string{"$JS.API.STREAM.MSG.GET.STORES", "$KV.>", "store.>", "query.>"} {
		if _, err := b.conn.Subscribe(subject, func(m *nats.Msg) { asked <- m.Subject }); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.conn.Flush(); err != nil {
		t.Fatal(err)
	}
	for b.get("/engines", of("203.0.113.7")...).status != http.StatusTooManyRequests {
	}
	for _, a := range []answer{
		b.get("/stores/"+string(id), of("203.0.113.7")...), b.get("/stores", of("203.0.113.7")...),
		b.do(http.MethodPost, "/stores", `{}`, of("203.0.113.7")...), b.do(http.MethodPost, "/stores", `{"`, of("203.0.113.7")...),
	} {
		wantProblem(t, a, http.StatusTooManyRequests, problem.TooManyRequests)
	}
	wantProblem(t, b.get("/stores/"+string(id), of("203.0.113.9")...), http.StatusNotFound, problem.NotFound)
	if subject := received(t, asked); subject != "$JS.API.STREAM.MSG.GET.STORES" || len(asked) > 0 {
		t.Errorf("%s was asked first, and %d more", subject, len(asked))
	}
}

// A route is counted if and only if the document says that it may be refused for it; pages and probes aren't.
func TestWhatIsCountedIsWrittenDown(t *testing.T) {
	b := setup(t, trusting, func(c *Config) { c.RateEnabled, c.RateCapacity, c.RateRefill = true, 1, 0.001 })
	document, from := b.document(), of("203.0.113.7")
	b.get("/engines", from...)
	free, counted := []string{"/", "/assets/app.js", "/docs", "/docs/reasons", "/openapi.json"}, 0
	here := stand{store: "sabcdefghijk", letter: 1}
	for path, methods := range document.Paths {
		for method, operation := range methods {
			refused, _ := document.answer(operation, http.StatusTooManyRequests)
			if !refused.says(problem.TooManyRequests) {
				free = append(free, path)
				continue
			}
			counted++
			a := b.do(strings.ToUpper(method), here.path(t, path), "", from...)
			wantProblem(t, a, http.StatusTooManyRequests, problem.TooManyRequests)
			for name := range refused.Headers {
				if a.header.Get(name) == "" {
					t.Errorf("%s %s: no %s", method, path, name)
				}
			}
		}
	}
	for _, path := range free {
		if a := b.get(path, from...); a.status != http.StatusOK || a.header.Get(limits.HeaderLimit) != "" {
			t.Errorf("%s is answered %d, and %q is left", path, a.status, a.header.Get(limits.HeaderLimit))
		}
	}
	if counted < 20 || !slices.Contains(free, "/metrics") || len(free) != 8 {
		t.Errorf("%d operations are counted, and not %v", counted, free)
	}
}

func TestATenantsBurstSlowsNobodyElse(t *testing.T) {
	b := setup(t, trusting, counting)
	done := make(chan answer, 64)
	for range cap(done) {
		go func() { done <- b.get("/engines", of("203.0.113.7")...) }()
	}
	for left := 8; left >= 0; left-- {
		if a := b.get("/engines", of("203.0.113.9")...); a.status != http.StatusOK || b.buckets(a)[limits.Requests].left != left {
			t.Errorf("another is answered %d, %+v", a.status, b.buckets(a))
		}
	}
	let := 0
	for range cap(done) {
		if a := received(t, done); a.status == http.StatusOK {
			let++
		} else {
			wantProblem(t, a, http.StatusTooManyRequests, problem.TooManyRequests)
		}
	}
	if let != 9 {
		t.Errorf("%d of %d at once were let in, want 9", let, cap(done))
	}
}

func TestWhoHoldsTheKeyIsNotCounted(t *testing.T) {
	b := setup(t, counting, func(c *Config) { c.AdminKey = "sesame" })
	for range 20 {
		if a := b.get("/engines", "X-Api-Key", "sesame"); a.status != http.StatusOK || a.header.Get(limits.HeaderLimit) != "" {
			t.Fatalf("answered %d, %q", a.status, a.header.Get(limits.HeaderLimit))
		}
	}
}

// Before there is a log nobody from elsewhere has a tenant.
func TestWhoHasNoTenantIsCountedByAddress(t *testing.T) {
	b := &testBundle{t: t}
	b.start(trusting, counting)
	for n := range 9 {
		wantProblem(t, b.get("/stores", of(fmt.Sprintf("2001:db8::%d", n))...), http.StatusServiceUnavailable, problem.BrokerUnavailable)
	}
	wantProblem(t, b.get("/stores", of("2001:db8::a")...), http.StatusTooManyRequests, problem.TooManyRequests)
	for _, other := range []string{"2001:db8:0:1::1", "203.0.113.7"} {
		wantProblem(t, b.get("/stores", of(other)...), http.StatusServiceUnavailable, problem.BrokerUnavailable)
	}
}

func TestACommandSaysWhatItCost(t *testing.T) {
	b := setup(t, trusting, counting, metered)
	var a answer
	for left := 4; left >= 0; left-- {
		a = b.do(http.MethodPost, "/stores", `{}`, of("203.0.113.7")...)
		is := b.buckets(a)
		if !is[limits.Commands].is(bucket{quota: 5, window: 5000, left: left, reset: (5 - left) * 1000}) || is[limits.Requests].left != left+4 {
			t.Errorf("%d behind a create it says %+v, want %d left", a.status, is, left)
		}
	}
	a = b.do(http.MethodPost, "/stores", `{}`, of("203.0.113.7")...)
	wantProblem(t, a, http.StatusTooManyRequests, problem.TooManyCommands)
	if is := b.buckets(a); is[limits.Commands].left != 0 || is[limits.Requests].left != 3 {
		t.Errorf("behind a refusal it says %+v", is)
	}
	if is := b.buckets(b.get("/engines", of("203.0.113.7")...)); len(is) != 1 {
		t.Errorf("reading is told of %+v", is)
	}
}

// fast has the gateway forget others within a second.
func fast(c *Config) { c.Installation, c.TestClockDivisor = "test-limits", 10 }

// awaitShare waits until a gateway gives so much of nine. Each question is another client's, so that none of them empties
// a bucket of the test's.
func (b *testBundle) awaitShare(want int, asker *int) {
	b.t.Helper()
	b.await(fmt.Sprintf("the gateway's share is %d", want), func() bool {
		*asker++
		return b.buckets(b.get("/engines", of(fmt.Sprintf("198.51.%d.%d", *asker/250, *asker%250+1))...))[limits.Requests].quota == want
	})
}

// spend asks each gateway until it refuses, and tells how often all of them have answered: requests and commands.
func spend(t *testing.T, address string, gateways ...*testBundle) (requests, commands int) {
	t.Helper()
	for _, b := range gateways {
		for {
			a := b.do(http.MethodPost, "/stores", `{}`, of(address)...)
			if a.status == http.StatusAccepted {
				commands++
			} else if p := decoded[problem.Problem](t, a); p.Code == problem.TooManyRequests {
				break
			} else if p.Code != problem.TooManyCommands {
				t.Fatalf("answered %d %s", a.status, a.body)
			}
			requests++
		}
	}
	return requests, commands
}

func TestGatewaysShareWhatATenantMayHave(t *testing.T) {
	few := func(c *Config) { c.CreateCapacity, c.CreateRefill = 6, 0.001 }
	b := setup(t, trusting, counting, few, fast)
	second, third := b.second(trusting, counting, few, fast), b.second(trusting, counting, few, fast)
	asker := 0
	expect := func(address string, requests, commands int, gateways ...*testBundle) {
		t.Helper()
		for _, gateway := range gateways {
			gateway.awaitShare(9/len(gateways), &asker)
		}
		if r, c := spend(t, address, gateways...); r != requests || c != commands {
			t.Errorf("%d gateways let %d requests and %d commands through, want %d and %d", len(gateways), r, c, requests, commands)
		}
	}
	expect("203.0.113.7", 9, 6, b, second, third)
	if err := third.stop(); err != nil {
		t.Error(err)
	}
	expect("203.0.113.8", 8, 6, b, second)
	// Who has spent all has nothing by that.
	if r, c := spend(t, "203.0.113.7", b, second); r != 0 || c != 0 {
		t.Errorf("a gateway's end has given %d requests and %d commands to who had spent all", r, c)
	}
	fourth := b.second(trusting, counting, few, fast)
	expect("203.0.113.9", 9, 6, b, second, fourth)
	for _, gateway := range []*testBundle{second, fourth} {
		if err := gateway.stop(); err != nil {
			t.Error(err)
		}
	}
	expect("203.0.113.10", 9, 6, b)
}
