package gateways

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/people"
)

// What a tenant may have of all gateways together. Nothing that can be noticed comes back while a test runs.
const (
	requests = 30
	commands = 6
	// comesBack is how many seconds one of either takes to come back where a single gateway gives it.
	comesBack = 1000
)

// bucket is what an answer says of one of the tenant's: what there is at this gateway and in how many seconds all of it comes back, and
// what is left and in how many seconds the rest comes back.
type bucket struct{ quota, window, left, reset int }

var (
	policy = regexp.MustCompile(`"([a-z]+)";q=(\d+);w=(\d+)`)
	limit  = regexp.MustCompile(`"([a-z]+)";r=(\d+);t=(\d+)`)
)

// bucket reads the headers; the zero one where they say nothing of it.
func (a answer) bucket(name string) (b bucket) {
	read := func(header string, form *regexp.Regexp, first, second *int) {
		for _, said := range form.FindAllStringSubmatch(a.header.Get(header), -1) {
			if said[1] == name {
				*first, _ = strconv.Atoi(said[2])
				*second, _ = strconv.Atoi(said[3])
			}
		}
	}
	read("RateLimit-Policy", policy, &b.quota, &b.window)
	read("RateLimit", limit, &b.left, &b.reset)
	return b
}

// share is a gateway's of a limit, among so many, after some was taken.
func share(limit, among, taken int) bucket {
	each := among * comesBack
	quota := limit / among
	return bucket{quota: quota, window: quota * each, left: quota - taken, reset: taken * each}
}

// is compares, but for what has come back meanwhile of what takes a quarter of an hour at least.
func (b bucket) is(want bucket) bool {
	early := want.reset - b.reset
	b.reset = want.reset
	return b == want && early >= 0 && early < comesBack
}

func (in *installation) serveCounting() *gateway {
	in.t.Helper()
	refill := fmt.Sprint(1.0 / comesBack)
	return in.serve(in.broker.Address, "RATE_LIMIT_CAPACITY="+strconv.Itoa(requests), "RATE_LIMIT_REFILL_PER_SEC="+refill,
		"CREATE_RATE_LIMIT_CAPACITY="+strconv.Itoa(commands), "CREATE_RATE_LIMIT_REFILL_PER_SEC="+refill)
}

// strangers are clients without a tenant, each of whom asks once and is counted by its address.
type strangers int

func (s *strangers) next() []string {
	*s++
	return []string{"X-Forwarded-For", fmt.Sprintf("198.51.%d.%d", *s/250, *s%250+1)}
}

// awaitShares waits until each of the gateways gives its share of what all of them may, which is what it gives to who has come just now.
func awaitShares(s *strangers, gateways ...*gateway) {
	for _, g := range gateways {
		g.t.Helper()
		want := share(requests, len(gateways), 1)
		waittest.Eventually(g.t, func() error {
			a := g.do(http.MethodGet, "/engines", "", s.next()...)
			if is := a.bucket("default"); !is.is(want) {
				return fmt.Errorf("of %d gateways one gives %+v, want %+v", len(gateways), is, want)
			}
			return nil
		})
	}
}

// spend creates at each gateway until it refuses to listen, holds every answer against what it is to say, and tells how much was had.
func spend(t *testing.T, tenant people.Tenant, gateways ...*gateway) (heard, made int) {
	t.Helper()
	for _, g := range gateways {
		asked, created := 0, 0
		for refused := false; !refused; {
			a := g.do(http.MethodPost, "/stores", `{}`, as(tenant)...)
			switch said := a.is(); {
			case a.status == http.StatusAccepted:
				asked, created = asked+1, created+1
			case a.status == http.StatusTooManyRequests && said.Code == "too_many_commands":
				asked++
			case a.status == http.StatusTooManyRequests && said.Code == "too_many_requests":
				refused = true
			default:
				t.Fatalf("answered %v", a)
			}
			if is, want := a.bucket("default"), share(requests, len(gateways), asked); !is.is(want) {
				t.Errorf("behind %v it says of requests %+v, want %+v", a, is, want)
			}
			if is, want := a.bucket("commands"), share(commands, len(gateways), created); !refused && !is.is(want) {
				t.Errorf("behind %v it says of commands %+v, want %+v", a, is, want)
			}
			after, err := strconv.Atoi(a.header.Get("Retry-After"))
			if longest := len(gateways) * comesBack; a.status == http.StatusTooManyRequests && (err != nil || after <= longest-comesBack || after > longest) {
				t.Errorf("of %d gateways one says that it may come again after %q", len(gateways), a.header.Get("Retry-After"))
			}
		}
		heard, made = heard+asked, made+created
	}
	return heard, made
}

func TestWhatATenantMayHaveIsOneForAllGateways(t *testing.T) {
	in := setup(t)
	tenants, who := in.tenants(5), new(strangers)
	in.first.kill()
	gateways := []*gateway{in.serveCounting(), in.serveCounting(), in.serveCounting()}
	awaitEngines(gateways...)
	next := func(gateways ...*gateway) people.Tenant {
		t.Helper()
		awaitShares(who, gateways...)
		tenant := tenants[0]
		tenants = tenants[1:]
		if heard, made := spend(t, tenant, gateways...); heard != requests || made != commands {
			t.Errorf("%d gateways have heard %d requests and made %d stores, want %d and %d", len(gateways), heard, made, requests, commands)
		}
		return tenant
	}
	poor := next(gateways...)
	burst(t, tenants[0], tenants[1], gateways)
	tenants = tenants[2:]

	gateways[2].kill()
	next(gateways[:2]...)
	// Who has spent all gains nothing by a gateway's death.
	for _, g := range gateways[:2] {
		if a := g.do(http.MethodGet, "/stores/sabcdefghijk", "", as(poor)...); a.status != http.StatusTooManyRequests {
			t.Errorf("who had spent all is answered %v", a)
		}
	}
	gateways[1].kill()
	next(gateways[0])
}

// burst has one tenant ask more than it may of all gateways at once, and another all that it may, one by one.
func burst(t *testing.T, noisy, quiet people.Tenant, gateways []*gateway) {
	t.Helper()
	const path = "/stores/sabcdefghijk"
	answers := make(chan answer, 3*requests)
	var all sync.WaitGroup
	for n := range cap(answers) {
		all.Go(func() {
			a, err := gateways[n%len(gateways)].send(http.MethodGet, path, "", as(noisy)...)
			if err != nil {
				t.Error(err)
			}
			answers <- a
		})
	}
	for n := range requests {
		a := gateways[n%len(gateways)].do(http.MethodGet, path, "", as(quiet)...)
		if want := share(requests, len(gateways), n/len(gateways)+1); a.status != http.StatusNotFound || !a.bucket("default").is(want) {
			t.Errorf("beside a burst another is answered %v and told %+v, want %+v", a, a.bucket("default"), want)
		}
	}
	all.Wait()
	close(answers)
	heard := 0
	for a := range answers {
		if a.status == http.StatusNotFound {
			heard++
		} else if a.status != http.StatusTooManyRequests {
			t.Errorf("answered %v", a)
		}
	}
	if heard != requests {
		t.Errorf("%d of %d at once were heard, want %d", heard, cap(answers), requests)
	}
}

// Guesses are counted exactly, whichever gateways hear them, and one that dies takes no count with it.
func TestGuessesAreThoseOfOneGatewayThoughOneOfThreeDies(t *testing.T) {
	const guesses, hour = 10, 3600
	in := setup(t)
	gateways := []*gateway{in.serveCounting(), in.serveCounting(), in.serveCounting()}
	awaitEngines(gateways...)
	who := new(strangers)
	signIn := func(g *gateway, email, password string, more ...string) answer {
		t.Helper()
		return g.do(http.MethodPost, "/auth/login", fmt.Sprintf(`{"email":%q,"password":%q}`, email, password), append(more, who.next()...)...)
	}
	compared := 0
	for n := 0; ; n++ {
		if n == guesses/2 {
			gateways[2].kill()
			gateways = gateways[:2]
		}
		a := signIn(gateways[n%len(gateways)], in.owner.Email, fmt.Sprint("a guess, number ", n))
		if a.status == http.StatusUnauthorized {
			compared++
			continue
		}
		after, err := strconv.Atoi(a.header.Get("Retry-After"))
		if a.status != http.StatusTooManyRequests || a.is().Code != "too_many_guesses" || err != nil || after <= 0 || after > hour/guesses {
			t.Errorf("answered %v, to come again after %q", a, a.header.Get("Retry-After"))
		}
		break
	}
	if compared != guesses {
		t.Errorf("%d passwords were compared, want %d", compared, guesses)
	}
	for _, g := range gateways {
		if a := signIn(g, in.owner.Email, people.Password); a.status != http.StatusTooManyRequests {
			t.Errorf("from a strange device the owner is answered %v", a)
		}
		if a := signIn(g, "somebody.else@example.com", "a guess"); a.status != http.StatusUnauthorized {
			t.Errorf("of another address a guess is answered %v", a)
		}
		var cookies []string
		for _, cookie := range in.owner.Cookies {
			cookies = append(cookies, cookie.Name+"="+cookie.Value)
		}
		if a := signIn(g, in.owner.Email, people.Password, "Cookie", strings.Join(cookies, "; "), "Origin", g.url); a.status != http.StatusOK {
			t.Errorf("from a device that is known the owner is answered %v", a)
		}
	}
}
