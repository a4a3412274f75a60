// Package chaos runs the whole platform, several replicas of each service as processes of their own, and breaks it every
// few seconds while clients ask for stores, try them again, remove them and listen: a process is killed, or frozen for longer
// than its lease; a way to the broker, to Postgres or to the API server is cut, refused, or holds everything back and
// delivers it late or never; the broker and Postgres themselves are killed. Then everything is mended, and when it has come to
// rest, a program of its own judges from outside what is there (invariants).
//
// One lab is used in turns: to change what it says of its stores, to roll its processes, to part one from the broker, for a minute in which each kind of trouble
// comes (trouble), or for as long as one likes.
//
// Kubernetes is a real API server with etcd and the controllers and without nodes: the run plays kubelet and shops
// (cluster.go), so that hundreds of stores fit into minutes. Real pods are the matter of test/cluster.
//
// Everything that is chosen is drawn from a seed, which is printed. What the kernel and the network make of it isn't, so a
// seed repeats the trouble and not the interleaving.
package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/store-platform/store-platform/test/internal/chaos/trouble"
)

const (
	clients   = 12
	listeners = 12
	// afterRest is how long it is watched at rest: what a sleeper does late must be seen.
	afterRest = 5 * time.Second
)

// suiteSeed draws what the turns of the suite do, so that runs repeat each other.
const suiteSeed = 11

// disturbance is what disturbs a lab.
type disturbance struct {
	name   string
	seed   uint64
	length time.Duration
	// troubles come in their time; of each kind of wanted one has to.
	troubles iter.Seq[trouble.Trouble]
	wanted   []trouble.Kind
}

// Minute breaks the lab in each way that there is, within a minute, and judges it.
func (l *Lab) Minute(ctx context.Context) error {
	return l.disturb(ctx, disturbance{
		name: "minute", seed: suiteSeed, length: time.Minute,
		troubles: slices.Values(trouble.Planned(suiteSeed, l.lease, time.Minute)), wanted: trouble.Kinds(),
	})
}

// Random changes what the lab's installation says of its stores, breaks the lab for a while as the seed says, and judges it.
func (l *Lab) Random(ctx context.Context, seed uint64, length time.Duration) error {
	if err := l.Refit(ctx); err != nil {
		return err
	}
	return l.disturb(ctx, disturbance{name: "random", seed: seed, length: length, troubles: trouble.Drawn(seed, l.lease)})
}

func (l *Lab) disturb(ctx context.Context, d disturbance) error {
	t, err := l.begin(ctx, d.name, d.seed)
	if err != nil {
		return err
	}
	fmt.Fprintf(l.out, "%s: seed %d, %s, leases of %s\n", d.name, d.seed, d.length, l.lease)
	b := newBreaker(l, len(d.wanted) > 0)
	hush, err := t.hear(ctx, listeners, clients/2)
	if err != nil {
		return err
	}
	// However it ends: nobody listens to a lab that is closed.
	defer func() { _ = hush() }()
	working, err := t.work(ctx, d.length, func(disturbed context.Context) { b.run(disturbed, d.troubles) })
	if err != nil {
		return err
	}
	fmt.Fprintf(l.out, "%s: everything is mended and asked for; waiting for rest\n", d.name)
	mended := time.Now()
	if err := l.atRest(ctx); err != nil {
		l.complain("the platform didn't come to rest: %v", err)
	}
	fmt.Fprintf(l.out, "%s: at rest after %s\n", d.name, time.Since(mended).Round(100*time.Millisecond))
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(afterRest):
	}
	err = errors.Join(hush(), closeAll(working))
	t.summary(b, d.wanted)
	return errors.Join(err, t.judge(ctx))
}

// hear lets listeners of some tenants hear until they are hushed, and then what is left to hear.
func (t *turn) hear(ctx context.Context, count, tenants int) (hush func() error, err error) {
	listening, quiet := context.WithCancel(ctx)
	var hearing sync.WaitGroup
	var records []io.Closer
	hush = sync.OnceValue(func() error {
		quiet()
		hearing.Wait()
		return closeAll(records)
	})
	for n := range count {
		f, err := t.newListener(n, n%tenants)
		if err != nil {
			return nil, errors.Join(err, hush())
		}
		records = append(records, f.records)
		hearing.Go(func() { f.run(listening, ctx) })
	}
	return hush, nil
}

func closeAll(records []io.Closer) (err error) {
	for _, r := range records {
		err = errors.Join(err, r.Close())
	}
	return err
}

// work lets clients work for a while beside what disrupts them, and others take their courses; it returns when all have ended
// and everything is mended.
func (t *turn) work(ctx context.Context, length time.Duration, disrupt func(context.Context)) (closers []io.Closer, err error) {
	disturbed, calm := context.WithTimeout(ctx, length)
	defer calm()
	var asking sync.WaitGroup
	for n := range clients {
		c, err := t.newClient(n)
		if err != nil {
			return nil, err
		}
		closers = append(closers, c.records)
		asking.Go(func() { c.run(disturbed) })
	}
	taken, err := t.courses(ctx, &asking)
	closers = append(closers, taken...)
	if err != nil {
		return closers, err
	}
	asking.Go(func() { disrupt(disturbed) })
	asking.Wait()
	return closers, ctx.Err()
}

// summary is what was done; the checker says what came of it.
func (t *turn) summary(b *breaker, troubles []trouble.Kind) {
	done := map[string]int{}
	for kind, n := range b.counts {
		done[kind.String()] = n
	}
	writeCounts(t.out, "", done)
	logged := t.logged()
	writeCounts(t.out, "logged: ", logged)
	for _, kind := range troubles {
		if b.counts[kind] == 0 {
			t.complain("nothing was %s", kind)
		}
	}
	for _, what := range wanted() {
		if logged[what] < courses {
			t.complain("%s stands in the log %d times, and each verb is to come %d times", what, logged[what], courses)
		}
	}
}

// writeCounts writes them below each other.
func writeCounts[K ~string](to io.Writer, what string, counts map[K]int) {
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(to, "%8d  %s%s\n", counts[kind], what, kind)
	}
}
