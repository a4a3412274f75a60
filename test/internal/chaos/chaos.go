// Package chaos runs the whole platform, several replicas of each service as processes of their own, and breaks it every
// few seconds while clients ask for stores, try them again, remove them and listen: a random process is killed, or frozen
// for longer than its lease; a random way to the broker, to Postgres or to the API server is cut, refused, or holds
// everything back and delivers it late or never; the broker and Postgres themselves are killed. Then everything is mended,
// and when it has come to rest, a program of its own judges from outside what is there (invariants).
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
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/store-platform/store-platform/test/internal/parts"
)

const (
	clients   = 12
	listeners = 12
	// restPatience is for the platform to come to rest: the longest pause between two attempts, and an attempt. What the
	// run itself asks of its cluster has as long.
	restPatience = 20 * time.Minute
	// afterRest is how long it is watched at rest: what a sleeper does late must be seen.
	afterRest = 5 * time.Second
)

// ErrBroken is a run that ended and in which something was wrong. What, stands in its output.
var ErrBroken = errors.New("the platform broke a promise")

// Run disturbs a new installation for o.Length and judges it. The output says all there is to say.
func Run(ctx context.Context, o Options) error {
	began := time.Now()
	l, err := Open(ctx, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "chaos: seed %d, %s, folder %s, up after %s\n", o.Seed, o.Length, l.Folder, time.Since(began).Round(time.Second))
	return errors.Join(l.disturb(ctx, o), l.Close())
}

func (l *Lab) disturb(ctx context.Context, o Options) error {
	t := newTrouble(l, o.Seed)
	disturbed, calm := context.WithTimeout(ctx, o.Length)
	defer calm()
	listening, quiet := context.WithCancel(ctx)
	defer quiet()
	var asking, hearing sync.WaitGroup
	var closers []io.Closer
	for n := range clients {
		c, err := l.newClient(o.Seed, n)
		if err != nil {
			return err
		}
		closers = append(closers, c.records)
		asking.Go(func() { c.run(disturbed) })
	}
	for n := range listeners {
		f, err := l.newListener(o.Seed, n, n%(clients/2))
		if err != nil {
			return err
		}
		closers = append(closers, f.records)
		hearing.Go(func() { f.run(listening) })
	}
	asking.Go(func() { t.run(disturbed) })
	asking.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	mended := time.Now()
	fmt.Fprintf(l.out, "chaos: everything is mended; waiting for rest\n")
	rest := l.follower.atRest(ctx, restPatience)
	if rest != nil {
		l.complain("the platform didn't come to rest: %v", rest)
	}
	took := time.Since(mended)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(afterRest):
	}
	quiet()
	hearing.Wait()
	var err error
	for _, c := range closers {
		err = errors.Join(err, c.Close())
	}
	l.summary(t, o, took)
	return errors.Join(err, l.judge(ctx))
}

// summary is what was done; the checker says what came of it.
func (l *Lab) summary(t *trouble, o Options, rest time.Duration) {
	fmt.Fprintf(l.out, "chaos: seed %d, disturbed for %s, at rest %s later\n", o.Seed, o.Length, rest.Round(100*time.Millisecond))
	var kinds []string
	for kind := range t.counts {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		fmt.Fprintf(l.out, "%8d  %s\n", t.counts[kind], kind)
	}
	l.follower.mu.Lock()
	defer l.follower.mu.Unlock()
	var types []string
	for kind, n := range l.follower.types {
		types = append(types, fmt.Sprintf("%8d  logged: %s", n, kind))
	}
	slices.SortFunc(types, func(a, b string) int { return strings.Compare(a[10:], b[10:]) })
	fmt.Fprintln(l.out, strings.Join(types, "\n"))
}

// judge runs the checker as a program of its own.
func (l *Lab) judge(ctx context.Context) error {
	check := exec.CommandContext(ctx, l.programs["chaoscheck"], l.Folder)
	check.Env = parts.Environment()
	output, err := check.CombinedOutput()
	fmt.Fprintf(l.out, "%s", output)
	complaints := l.Complaints()
	fmt.Fprintf(l.out, "%d complaints beside\n", len(complaints))
	if err != nil || len(complaints) > 0 {
		return errors.Join(ErrBroken, err, errors.New(strings.Join(complaints, "\n")))
	}
	return nil
}
