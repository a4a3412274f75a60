package tiers

import (
	"fmt"
	"io"
	"slices"
)

// tally counts tests and checks. A test that was skipped without standing in test/skips.txt counts as failed.
type tally struct {
	passed, skipped int
	failed          []string
}

func (t *tally) fail(name string) { t.failed = append(t.failed, name) }

func (t *tally) merge(o tally) {
	t.passed += o.passed
	t.skipped += o.skipped
	t.failed = append(t.failed, o.failed...)
}

func (t *tally) line() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", t.passed, len(t.failed), t.skipped)
}

func (t *tally) printFailures(out io.Writer) {
	for _, name := range slices.Sorted(slices.Values(t.failed)) {
		fmt.Fprintln(out, "FAIL", name)
	}
}
