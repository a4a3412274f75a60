package tiers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"golang.org/x/sync/errgroup"
	"gotest.tools/gotestsum/testjson"
)

// suite is a tier's tests.
type suite struct {
	tier string
	race bool
	// abreast is how many batches run at once: more than one where most of a test is waiting.
	abreast    int
	flags, env []string
}

// batch is one `go test`.
type batch struct {
	dir      string
	packages []string
	flags    []string
	env      []string
}

// batches are the suite's packages, a batch per module and per way of compiling them.
func (r *runner) batches(ctx context.Context, s suite) []batch {
	var all []batch
	for i := range r.modules {
		m := &r.modules[i]
		if !m.loaded {
			m.packages, m.loaded = r.load(ctx, *m), true
		}
		light := batch{dir: m.dir, flags: s.flags, env: s.env}
		heavy := light
		if s.race {
			light.flags = append([]string{"-race"}, s.flags...)
			light.env = append([]string{"CGO_ENABLED=1"}, s.env...)
		}
		for _, p := range m.packages {
			switch {
			case p.tier != s.tier:
			case p.heavy:
				heavy.packages = append(heavy.packages, p.path)
			default:
				light.packages = append(light.packages, p.path)
			}
		}
		for _, batch := range []batch{light, heavy} {
			if len(batch.packages) > 0 {
				all = append(all, batch)
			}
		}
	}
	return all
}

// goTest runs a suite and counts its tests.
func (r *runner) goTest(ctx context.Context, s suite) error {
	batches := r.batches(ctx, s)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, s.abreast))
	for _, batch := range batches {
		group.Go(func() error { return r.runBatch(ctx, batch) })
	}
	return group.Wait()
}

func (r *runner) runBatch(ctx context.Context, batch batch) error {
	args := append([]string{"test", "-json"}, batch.flags...)
	test := r.command(ctx, batch.dir, "go", append(args, batch.packages...)...)
	test.Env = append(test.Env, batch.env...)
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
		Stdout: stdout, Stderr: stderr, Handler: r.newReport(), IgnoreNonJSONOutputLines: true,
	})
	if err != nil {
		return errors.Join(fmt.Errorf("read what go test in %s says: %w", batch.dir, err), <-ended)
	}
	err = <-ended
	counted := r.count(run)
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
	runner    *runner
}

func (r *runner) newReport() *report {
	return &report{runner: r, formatter: testjson.NewEventFormatter(r.out, "pkgname-and-test-fails", testjson.FormatOptions{HideEmptyPackages: true})}
}

func (r *report) Event(event testjson.TestEvent, run *testjson.Execution) error {
	r.runner.mu.Lock()
	defer r.runner.mu.Unlock()
	return r.formatter.Format(event, run)
}

func (r *report) Err(text string) error {
	r.runner.mu.Lock()
	defer r.runner.mu.Unlock()
	_, err := fmt.Fprintln(r.runner.out, text)
	return err
}

// count counts a run, subtests included.
func (r *runner) count(run *testjson.Execution) tally {
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

func nameOf(test testjson.TestCase) string {
	return strings.TrimSpace(strings.TrimPrefix(test.Package, root) + " " + test.Test.Name())
}
