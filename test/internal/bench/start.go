package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/store-platform/store-platform/test/internal/parts"
)

// startUp holds `make up` against what each of its two moments can't come before: the Go tool's finding that nothing is
// to be built, broker and gateway, one after the other and nothing else; and the API server, alone.
func startUp(b *bench) {
	if !b.warm {
		b.installed()
	}
	b.must("stop the platform", b.close())
	b.Logf("starting broker and gateway alone")
	gateway := b.gatewayAlone()
	b.Logf("starting the API server alone")
	server := b.apiServerAlone()

	b.Logf("starting the platform with a warm cache and no state")
	b.up("")
	warm := *b.running
	b.must("stop the platform", b.close())
	if said, err := os.ReadFile(warm.process.Log); err != nil || bytes.Contains(said, []byte("built in")) {
		b.Fatalf("this start wasn't warm, the sources have changed meanwhile: %w\n%s", err, said)
	}
	b.report(line{
		what: "make up → page, warm", platform: seconds(warm.page), bare: seconds(gateway), ratio: warm.page.Seconds() / gateway.Seconds(),
		how: "make up with everything built and no state, until GET / answers, against make build-local with nothing to do, broker and gateway alone, in a row",
	}.within(warm.page, time.Minute))
	b.report(line{
		what: "make up → first Ready, warm", platform: seconds(warm.ready), bare: seconds(server), ratio: warm.ready.Seconds() / server.Seconds(),
		how: "the store is asked for as soon as the API takes it; against etcd, API server and controller manager alone, without a node",
	}.within(warm.ready, time.Minute))
	if b.cold {
		b.startCold(warm)
	}
}

// startCold holds an empty cache against a full one. The Go modules aren't downloaded anew: how long that takes is the
// network's affair.
func (b *bench) startCold(warm installation) {
	b.Helper()
	cache := b.path("cache")
	b.must("make an empty cache", os.MkdirAll(cache, 0o755))
	b.Cleanup(func() { _ = os.RemoveAll(cache) })
	b.Logf("starting the platform with an empty cache")
	b.up(cache)
	cold := *b.running
	b.must("stop the platform", b.close())
	for _, until := range []struct {
		what       string
		cold, warm time.Duration
		aim        time.Duration
		how        string
	}{
		{"page", cold.page, warm.page, 2 * time.Minute, "until GET / answers; nothing is built or compiled yet; against the warm start"},
		{"API", cold.api, warm.api, 2 * time.Minute, "the same, until POST /stores answers 202"},
		{"lists", cold.lists, warm.lists, 200 * time.Second, "the same, until GET /stores answers"},
	} {
		b.report(line{
			what: "make up → " + until.what + ", cold", platform: seconds(until.cold), bare: seconds(until.warm),
			ratio: until.cold.Seconds() / until.warm.Seconds(), how: until.how,
		}.within(until.cold, until.aim))
	}
	b.report(line{
		what: "make up → first Ready, cold", platform: seconds(cold.ready), bare: seconds(warm.ready), ratio: cold.ready.Seconds() / warm.ready.Seconds(),
		how: "the same; Kubernetes is compiled meanwhile, at low priority",
	})
}

// within gives a line an aim in time: how long a person waits is no matter of ratios.
func (l line) within(took, aim time.Duration) line {
	l.aim, l.met = fmt.Sprintf("≤ %.0f s", aim.Seconds()), took <= aim
	return l
}

func (b *bench) gatewayAlone() time.Duration {
	b.Helper()
	s := b.newBus()
	s.run(whileMeasuring)
	s.process.Stop(syscall.SIGTERM, stopPatience)
	address := b.freeAddress()
	command := s.service("gateway", "LISTEN="+address, "AUTH=open")
	began := time.Now()
	if output, err := b.make("build-local", "").CombinedOutput(); err != nil {
		b.Fatalf("make build-local: %w\n%s", err, output)
	}
	s.run(whileMeasuring)
	p := b.start("gateway", command)
	b.await("reach the gateway", p, startPatience, func() error { return parts.Answers(b.ctx, "http://"+address+"/") })
	took := time.Since(began)
	b.cleanUp()
	return took
}

// apiServerAlone waits for the path of a kubeconfig, which the program prints when the API answers.
func (b *bench) apiServerAlone() time.Duration {
	b.Helper()
	b.program("apiserver")
	began := time.Now()
	b.apiServer(filepath.Join(b.work, "apiserver"))
	took := time.Since(began)
	b.cleanUp()
	return took
}
