package bench

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/store-platform/store-platform/test/internal/parts"
)

// crowdAim is half of what the chart lets a gateway have, in bytes. It computes four hashes at a time of 19 MiB each, and the collector lets as much
// again lie until it has run.
const crowdAim = 256 << 20

// guesser guesses at a gateway, each time at another address and from another, since an hour has few guesses for one.
type guesser struct {
	b    *bench
	url  string
	http *fasthttp.Client

	tenants        tenants
	compared, busy atomic.Int64
}

func (g *guesser) guess() error {
	a := &asker{b: g.b, url: g.url, http: g.http, header: g.tenants.header()}
	body := fmt.Appendf(nil, `{"email":"somebody-%s@example.com","password":"a long guess"}`, a.header[1])
	status, _, why, err := a.send(fasthttp.MethodPost, "/auth/login", body)
	switch {
	case err != nil:
		return err
	case status == fasthttp.StatusUnauthorized:
		g.compared.Add(1)
	case status == fasthttp.StatusServiceUnavailable:
		g.busy.Add(1)
	default:
		return fmt.Errorf("a guess is answered %d %s", status, why)
	}
	return nil
}

// crowdSigningIn looks at the most memory that a gateway ever had: before anybody signs in, when somebody guesses one password after the
// other, and when as many guess at once as there are clients.
func crowdSigningIn(b *bench) {
	s := b.newBus()
	s.run(whileMeasuring)
	url, p := s.people("127.0.0.1:1")
	g := &guesser{b: b, url: url, http: &fasthttp.Client{MaxConnsPerHost: b.sizes.clients}}
	before := b.peak(p)
	began := time.Now()
	for range b.sizes.guesses {
		b.must("guess", g.guess())
	}
	one, compared := b.peak(p), g.compared.Load()
	alone := rate(int(compared), time.Since(began))
	if compared != int64(b.sizes.guesses) {
		b.Fatalf("of %d guesses one after the other %d were compared", b.sizes.guesses, compared)
	}
	// Most of them are told at once that too many wait.
	took := b.together(8*b.sizes.guesses, func(count int) error {
		for range count {
			if err := g.guess(); err != nil {
				return err
			}
		}
		return nil
	})
	crowd := b.peak(p)
	compared = g.compared.Load() - compared
	b.report(line{
		what:     fmt.Sprintf("memory of a gateway, %d sign in at once", b.sizes.clients),
		platform: megabytes(crowd), bare: megabytes(one), ratio: float64(crowd-before) / float64(one-before),
		aim: fmt.Sprintf("< %d MB", crowdAim>>20), met: crowd < crowdAim,
		how: fmt.Sprintf("most resident memory against the same process when one guessed %d times, one after the other; it was %s before, and the ratio is of what came to that; %d were compared, %s, and %d told that too many wait, against %s",
			b.sizes.guesses, megabytes(before), compared, perSecond(rate(int(compared), took)), g.busy.Load(), perSecond(alone)),
	})
}

// peak is the most memory, in bytes, that a process has had so far.
func (b *bench) peak(p *parts.Process) int64 {
	b.Helper()
	most, err := peakOf(p.Process.Pid)
	b.must("read the gateway's memory", err)
	return most
}

func megabytes(bytes int64) string { return fmt.Sprintf("%d MB", bytes>>20) }
