// Package tiers runs everything that `make test` runs, from what needs nothing to what needs a whole cluster:
//
//	static     formatting, vet of each module without the workspace, the linter with its import walls, test/static
//	unit       packages whose tests touch nothing outside their own process; with the race detector
//	bus        packages whose tests have a real broker, a real Postgres or real processes; likewise
//	apiserver  packages whose tests have a real kube-apiserver and etcd (TEST_KUBECONFIG), no node; among them test/chaos
//	compose    test/compose: docker-compose.yaml on a Docker daemon, in the long run
//	cluster    test/cluster and test/installed: real stores on a real cluster, and the chart beside them
//
// A package belongs to one tier, told by what its tests link and read (see packages.go), so that every test runs
// once. The cluster is started first of all, in the background, and builds while the first tiers run. A tier that fails
// doesn't stop the next one. Two tiers at once would save a minute, and have tests wait for each other's load.
package tiers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// tier is one of the five, or a part of one that can be asked for by name alone.
type tier struct {
	name, title string
	run         func(ctx context.Context, r *shift) error
	part        bool
	// cluster has the tests' platform started first of all.
	cluster bool
	// long tells of a part that the long run has, too.
	long bool
	// budget is what it may take where programs, images and test binaries are built: on two cores, with nothing beside the run.
	budget time.Duration
}

var tiers = []tier{
	{name: "lint", title: "the linter alone", run: runLint, part: true},
	{name: "static", title: "formatting, linter, walls, builds", run: runStatic, budget: 40 * time.Second},
	{name: "unit", title: "packages on their own", run: runUnit, budget: 15 * time.Second},
	{name: "bus", title: "broker, Postgres, processes", run: runBus, budget: 280 * time.Second},
	{name: "chaos", title: "broken every few seconds, for MINUTES", run: runChaos, part: true, long: true},
	{name: "apiserver", title: "a real API server", run: runAPIServer, budget: 405 * time.Second},
	{name: "compose", title: "docker-compose.yaml on a Docker daemon", run: runCompose, part: true, cluster: true, long: true},
	{name: "cluster", title: "a real cluster", run: runCluster, cluster: true, budget: 315 * time.Second},
	{name: "install", title: "the chart, on that cluster", run: runInstall, cluster: true, part: true},
}

// EnumOfNames lists the tiers' names, as kong wants them.
func EnumOfNames() string {
	var names []string
	for _, t := range tiers {
		names = append(names, t.name)
	}
	return strings.Join(names, ",")
}

// Options say what Run runs.
type Options struct {
	// Tiers are the tiers' names; none means all.
	Tiers []string
	// Fresh runs every test anew, also where nothing that it sees has changed since it passed.
	Fresh bool
	// Long adds what is worth proving and too long for every change: tests aren't told to be short, and chaos takes half an hour.
	Long bool
}

func (o Options) wants(t tier) bool {
	if len(o.Tiers) > 0 {
		return slices.Contains(o.Tiers, t.name)
	}
	return !t.part || o.Long && t.long
}

// Run runs the tiers in their order, reports to out, and tells whether nothing failed and nothing was skipped that may not
// be. An error means that the tiers couldn't be run at all.
func Run(ctx context.Context, out io.Writer, o Options) (bool, error) {
	r, err := newRunner(ctx, out, o)
	if err != nil {
		return false, err
	}
	if err := errors.Join(os.RemoveAll(r.reportPath()), os.MkdirAll(r.reportPath(), 0o755)); err != nil {
		return false, fmt.Errorf("make the report's folder: %w", err)
	}
	if err := r.installPackages(ctx, debian); err != nil {
		return false, err
	}
	// What is still being made for the cluster's tests when they are over ends with them.
	ctx, end := context.WithCancel(ctx)
	defer end()
	if slices.ContainsFunc(tiers, func(t tier) bool { return t.cluster && o.wants(t) }) {
		r.cluster = startCluster(ctx, r)
		defer func() {
			end()
			r.cluster.making.Wait()
			r.cluster.stop(r)
		}()
	}
	began := time.Now()
	var total tally
	var bills []bill
	whole := bill{Tier: "all"}
	for _, t := range tiers {
		if !o.wants(t) || ctx.Err() != nil {
			continue
		}
		s := &shift{runner: r, bill: bill{Tier: t.name, Budget: t.budget.Seconds()}}
		s.run(ctx, t)
		total.merge(s.tally)
		bills = append(bills, s.bill)
		whole.Budget += s.bill.Budget
	}
	whole.Wall, whole.CPU, whole.Passed, whole.Failed = time.Since(began).Seconds(), cpuOfChildren().Seconds(), total.passed, len(total.failed)
	printBills(out, bills, whole)
	if ctx.Err() != nil {
		total.fail("interrupted")
	}
	fmt.Fprintln(out)
	total.printFailures(out)
	fmt.Fprintln(out, total.line())
	return len(total.failed) == 0, r.keepBills(bills)
}

func (r *shift) run(ctx context.Context, t tier) {
	r.say("\n=== %s: %s\n", t.name, t.title)
	began := time.Now()
	if err := t.run(ctx, r); err != nil {
		r.say("%v\n", err)
		r.tally.fail(t.name + ": " + firstLine(err.Error()))
	}
	r.bill.Wall = time.Since(began).Seconds()
	r.bill.Passed, r.bill.Failed = r.tally.passed, len(r.tally.failed)
	r.bill.slowestFirst()
	r.say("--- %s: %s (%.0f s)\n", t.name, r.tally.line(), r.bill.Wall)
}

// say prints in one piece what others print beside.
func (r *runner) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, format, args...)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
