package tiers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"gotest.tools/gotestsum/testjson"
)

// batch is one `go test`.
type batch struct {
	dir      string
	packages []string
	flags    []string
	env      []string
}

// batches are the tier's packages, a batch per module and per way of compiling them.
func (r *runner) batches(ctx context.Context, tier string, race bool, flags, env []string) []batch {
	var all []batch
	for i := range r.modules {
		m := &r.modules[i]
		if !m.loaded {
			m.packages, m.loaded = r.load(ctx, *m), true
		}
		light := batch{dir: m.dir, flags: flags, env: env}
		heavy := light
		if race {
			light.flags = append([]string{"-race"}, flags...)
			light.env = append([]string{"CGO_ENABLED=1"}, env...)
		}
		for _, p := range m.packages {
			switch {
			case p.tier != tier:
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

// goTest runs the tier's tests and counts them.
func (r *runner) goTest(ctx context.Context, tier string, race bool, flags, env []string) error {
	for _, batch := range r.batches(ctx, tier, race, flags, env) {
		if err := r.runBatch(ctx, batch); err != nil {
			return err
		}
	}
	return nil
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
		Stdout: stdout, Stderr: stderr, Handler: newReport(r.out), IgnoreNonJSONOutputLines: true,
	})
	if err != nil {
		return errors.Join(fmt.Errorf("read what go test in %s says: %w", batch.dir, err), <-ended)
	}
	err = <-ended
	failures := len(r.tally.failed)
	r.count(run)
	var exit *exec.ExitError
	switch {
	case err != nil && !errors.As(err, &exit):
		return fmt.Errorf("run go test in %s: %w", batch.dir, err)
	case err != nil && len(r.tally.failed) == failures:
		return fmt.Errorf("go test in %s: %w\n%s", batch.dir, err, strings.Join(run.Errors(), "\n"))
	}
	return nil
}

// report shows packages as they end and failed tests with what they said.
type report struct {
	formatter testjson.EventFormatter
	out       io.Writer
}

func newReport(out io.Writer) *report {
	return &report{out: out, formatter: testjson.NewEventFormatter(out, "pkgname-and-test-fails", testjson.FormatOptions{HideEmptyPackages: true})}
}

func (r *report) Event(event testjson.TestEvent, run *testjson.Execution) error {
	return r.formatter.Format(event, run)
}

func (r *report) Err(text string) error {
	_, err := fmt.Fprintln(r.out, text)
	return err
}

// count adds a run to the tally, subtests included.
func (r *runner) count(run *testjson.Execution) {
	for _, name := range run.Packages() {
		r.tally.passed += len(run.Package(name).Passed)
	}
	for _, test := range testjson.FilterFailedUnique(run.Failed()) {
		r.tally.fail(nameOf(test))
		if test.Test == "" {
			fmt.Fprintf(r.out, "%s failed outside its tests:\n%s%s\n", test.Package,
				strings.Join(run.OutputLines(test), ""), strings.Join(run.Errors(), ""))
		}
	}
	for _, test := range run.Skipped() {
		reason := strings.TrimSpace(strings.Join(run.OutputLines(test), ""))
		if why, allowed := r.skips[test.Test.Name()]; allowed {
			r.tally.skipped++
			fmt.Fprintf(r.out, "∅  %s: %s\n", nameOf(test), why)
			continue
		}
		r.tally.fail(nameOf(test) + " (skipped, and not in test/skips.txt)")
		fmt.Fprintf(r.out, "✖  %s was skipped and isn't in test/skips.txt:\n%s\n", nameOf(test), reason)
	}
}

func nameOf(test testjson.TestCase) string {
	return strings.TrimSpace(strings.TrimPrefix(test.Package, root) + " " + test.Test.Name())
}
