package tiers

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/jstemmer/go-junit-report/v2/gtr"
)

// reportDir gets what a run cost: report.json for programs, junit.xml for a forge, and what every `go test` said.
const reportDir = ".local/report"

// slowestShown is how many of the slowest tests a run ends with.
const slowestShown = 25

// bill is what a tier cost. Times are in seconds, as they stand in report.json.
type bill struct {
	Tier   string  `json:"tier"`
	Wall   float64 `json:"wall"`
	CPU    float64 `json:"cpu"`
	Budget float64 `json:"budget"`
	Passed int     `json:"passed"`
	Failed int     `json:"failed"`
	// Batches are the `go test`s, Tests what ran in them and the tier's own checks, the slowest first.
	Batches []batchCost `json:"batches"`
	Tests   []testCost  `json:"tests"`
	suites  []gtr.Package
}

// batchCost is what one `go test` cost, compiling included.
type batchCost struct {
	Module   string  `json:"module"`
	Packages int     `json:"packages"`
	Race     bool    `json:"race"`
	Wall     float64 `json:"wall"`
	CPU      float64 `json:"cpu"`
	// Events is the file with what it said, in the form of `go test -json`.
	Events string `json:"events"`
}

type testCost struct {
	Name string  `json:"name"`
	Wall float64 `json:"wall"`
	// Error is why a check of the tier's own failed; a test's stands in its batch's events.
	Error string `json:"error,omitempty"`
	check bool
}

// cpuOfChildren is what everything cost that this program has started and that has ended.
func cpuOfChildren() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func (b *bill) slowestFirst() {
	slices.SortStableFunc(b.Tests, func(x, y testCost) int { return cmp.Compare(y.Wall, x.Wall) })
}

// printBills prints the slowest tests and the table of tiers, whose last row is the whole, and says what is above its
// budget.
func printBills(out io.Writer, bills []bill, whole bill) {
	var tests []testCost
	for _, b := range bills {
		tests = append(tests, b.Tests...)
	}
	all := bill{Tests: tests}
	all.slowestFirst()
	fmt.Fprintf(out, "\nthe slowest of %d tests:\n", len(all.Tests))
	for _, t := range all.Tests[:min(slowestShown, len(all.Tests))] {
		fmt.Fprintf(out, "%8.1f s  %s\n", t.Wall, t.Name)
	}
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "tier\tseconds\tbudget\tCPU seconds\tpassed\tfailed\t\n")
	bills = append(slices.Clone(bills), whole)
	for _, b := range bills {
		fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%.0f\t%d\t%d\t\n", b.Tier, b.Wall, b.Budget, b.CPU, b.Passed, b.Failed)
	}
	_ = table.Flush()
	for _, b := range bills {
		if b.Budget > 0 && b.Wall > b.Budget {
			fmt.Fprintf(out, "%s took %.0f s, %.0f s more than its budget\n", b.Tier, b.Wall, b.Wall-b.Budget)
		}
	}
}

func (r *runner) reportPath() string { return filepath.Join(r.repo, reportDir) }

// keepBills writes report.json and junit.xml.
func (r *runner) keepBills(bills []bill) error {
	data, err := json.MarshalIndent(bills, "", "  ")
	if err != nil {
		return fmt.Errorf("keep what the run cost: %w", err)
	}
	return errors.Join(os.WriteFile(filepath.Join(r.reportPath(), "report.json"), append(data, '\n'), 0o644), writeJUnit(r.reportPath(), bills))
}

// eventsFile makes the file for what a batch says.
func (r *runner) eventsFile(b batch) (*os.File, error) {
	name := strings.NewReplacer("/", "-", "\\", "-").Replace(b.tier + "-" + b.dir)
	if b.race {
		name += "-race"
	}
	if b.fresh {
		name += "-fresh"
	}
	file, err := os.Create(filepath.Join(r.reportPath(), name+".json"))
	if err != nil {
		return nil, fmt.Errorf("keep what go test says: %w", err)
	}
	return file, nil
}
