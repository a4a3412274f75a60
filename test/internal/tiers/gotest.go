package tiers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"gotest.tools/gotestsum/testjson"
)

// suite is a tier's tests.
type suite struct {
	tier string
	// only is the path of the one package that is run; empty is all of the tier's.
	only string
	race bool
	// fresh runs every test anew: what these ask is no input that the Go tool sees.
	fresh bool
	// programs hands the platform's programs over.
	programs bool
	// abreast is how many batches run at once: more than one where most of a test is waiting.
	abreast    int
	flags, env []string
}

// longBound ends a `go test` that hangs while tests may take as long as they are worth.
const longBound = 4 * time.Hour

// raceSettings shorten the second in which the race detector waits at a program's end for races that goroutines may still run
// into: with as many packages as there are, most of a minute.
const raceSettings = "GORACE=atexit_sleep_ms=100"

// batch is one `go test`.
type batch struct {
	tier, dir   string
	race, fresh bool
	packages    []string
	flags, env  []string
}

// batches are the suite's packages, a batch per module and per way of compiling and running them.
func (r *shift) batches(ctx context.Context, s suite) []batch {
	r.loaded.Do(func() { r.loadModules(ctx) })
	var all []batch
	for _, m := range r.modules {
		type way struct{ race, fresh bool }
		packages := map[way][]string{}
		for _, p := range m.packages {
			if p.tier == s.tier && (s.only == "" || p.path == s.only) {
				w := way{race: s.race && !p.heavy, fresh: s.fresh || p.executes || r.options.Fresh}
				packages[w] = append(packages[w], p.path)
			}
		}
		for _, w := range []way{{true, false}, {true, true}, {false, false}, {false, true}} {
			if len(packages[w]) > 0 {
				all = append(all, batch{
					tier: s.tier, dir: m.dir, race: w.race, fresh: w.fresh, packages: packages[w], flags: s.flags, env: s.env,
				})
			}
		}
	}
	return all
}

// arguments are those of `go`. Vet has its turn in the static tier, with all that it looks for; what a debugger would want is
// left out, which is a third of the time of linking.
func (b batch) arguments() []string {
	arguments := []string{"test", "-json", "-vet=off", "-ldflags=-s -w"}
	if b.race {
		arguments = append(arguments, "-race")
	}
	if b.fresh {
		arguments = append(arguments, "-count=1")
	}
	return slices.Concat(arguments, b.flags, b.packages)
}

// goTest runs a suite and counts its tests.
func (r *shift) goTest(ctx context.Context, s suite) error {
	length := "-short"
	if r.options.Long {
		length = "-timeout=" + longBound.String()
	}
	s.flags = append(slices.Clone(s.flags), length)
	if s.programs {
		variables, err := r.programVariables()
		if err != nil {
			return err
		}
		s.env = append(s.env, variables...)
	}
	batches := r.batches(ctx, s)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, s.abreast))
	for _, batch := range batches {
		group.Go(func() error { return r.runBatch(ctx, batch) })
	}
	return group.Wait()
}

func (r *shift) runBatch(ctx context.Context, batch batch) error {
	test := r.command(ctx, batch.dir, "go", batch.arguments()...)
	test.Env = append(test.Env, batch.env...)
	if batch.race {
		test.Env = append(test.Env, "CGO_ENABLED=1", raceSettings)
	}
	events, err := r.eventsFile(batch)
	if err != nil {
		return err
	}
	defer events.Close()
	began := time.Now()
	stdout, writer := io.Pipe()
	stderr, errWriter := io.Pipe()
	test.Stdout, test.Stderr = writer, errWriter
	if err := test.Start(); err != nil {
		return fmt.Errorf("start go test: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		err := test.Wait()
		_ = writer.Close()
		_ = errWriter.Close()
		ended <- err
	}()
	run, err := testjson.ScanTestOutput(testjson.ScanConfig{
		Stdout: io.TeeReader(stdout, events), Stderr: stderr, Handler: r.newReport(), IgnoreNonJSONOutputLines: true,
	})
	if err != nil {
		return errors.Join(fmt.Errorf("read what go test in %s says: %w", batch.dir, err), <-ended)
	}
	err = <-ended
	counted := r.count(run)
	r.spent(test)
	r.note(batch, run, batchCost{
		Wall: time.Since(began).Seconds(), CPU: (test.ProcessState.UserTime() + test.ProcessState.SystemTime()).Seconds(),
		Events: filepath.Base(events.Name()),
	})
	var exit *exec.ExitError
	switch {
	case err != nil && !errors.As(err, &exit):
		return fmt.Errorf("run go test in %s: %w", batch.dir, err)
	case err != nil && len(counted.failed) == 0:
		return fmt.Errorf("go test in %s: %w\n%s", batch.dir, err, strings.Join(run.Errors(), "\n"))
	}
	return nil
}

// report shows packages as they end and failed tests with what they said, each in one piece.
type report struct {
	formatter testjson.EventFormatter
	shift     *shift
}

func (r *shift) newReport() *report {
	return &report{shift: r, formatter: testjson.NewEventFormatter(r.out, "pkgname-and-test-fails", testjson.FormatOptions{HideEmptyPackages: true})}
}

func (r *report) Event(event testjson.TestEvent, run *testjson.Execution) error {
	r.shift.mu.Lock()
	defer r.shift.mu.Unlock()
	return r.formatter.Format(event, run)
}

func (r *report) Err(text string) error {
	r.shift.mu.Lock()
	defer r.shift.mu.Unlock()
	_, err := fmt.Fprintln(r.shift.out, text)
	return err
}

// count counts a run, subtests included.
func (r *shift) count(run *testjson.Execution) tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	var t tally
	for _, name := range run.Packages() {
		t.passed += len(run.Package(name).Passed)
	}
	for _, test := range testjson.FilterFailedUnique(run.Failed()) {
		t.fail(nameOf(test))
		if test.Test == "" {
			fmt.Fprintf(r.out, "%s failed outside its tests:\n%s%s\n", test.Package,
				strings.Join(run.OutputLines(test), ""), strings.Join(run.Errors(), ""))
		}
	}
	for _, test := range run.Skipped() {
		reason := strings.TrimSpace(strings.Join(run.OutputLines(test), ""))
		if why, allowed := r.skips[test.Test.Name()]; allowed {
			t.skipped++
			fmt.Fprintf(r.out, "∅  %s: %s\n", nameOf(test), why)
			continue
		}
		t.fail(nameOf(test) + " (skipped, and not in test/skips.txt)")
		fmt.Fprintf(r.out, "✖  %s was skipped and isn't in test/skips.txt:\n%s\n", nameOf(test), reason)
	}
	r.tally.merge(t)
	return t
}

// note keeps what a batch cost, and each of its tests that has no parts: those are listed themselves.
func (r *shift) note(b batch, run *testjson.Execution, cost batchCost) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cost.Module, cost.Packages, cost.Race = b.dir, len(b.packages), b.race
	r.bill.Batches = append(r.bill.Batches, cost)
	for _, name := range run.Packages() {
		p := run.Package(name)
		r.bill.suites = append(r.bill.suites, suiteOf(name, p, run))
		tests, parents := append(slices.Clone(p.Passed), p.Failed...), map[testjson.TestName]bool{}
		for _, test := range tests {
			if parent := test.Test.Parent(); parent != "" {
				parents[testjson.TestName(parent)] = true
			}
		}
		for _, test := range tests {
			if !parents[test.Test] && test.Test != "" {
				r.bill.Tests = append(r.bill.Tests, testCost{Name: nameOf(test), Wall: test.Elapsed.Seconds()})
			}
		}
	}
}

func nameOf(test testjson.TestCase) string {
	return strings.TrimSpace(strings.TrimPrefix(test.Package, root) + " " + test.Test.Name())
}
