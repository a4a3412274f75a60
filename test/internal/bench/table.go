package bench

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// line is one of the table. The ratio is what the platform does to what the bare part does, in whichever direction the
// aim reads; not a number where one of the two couldn't be measured, or is nothing.
type line struct {
	what           string
	platform, bare string
	ratio          float64
	// aim in words, and whether it was met; an empty aim is none.
	aim string
	met bool
	// how says what the two numbers are.
	how string
}

// atLeast and atMost give a line its aim.
func (l line) atLeast(aim float64) line {
	l.aim, l.met = fmt.Sprintf("≥ %g", aim), l.ratio >= aim
	return l
}

func (l line) atMost(aim float64) line {
	l.aim, l.met = fmt.Sprintf("≤ %g", aim), l.ratio <= aim
	return l
}

// printTable prints the lines of all rows, and why rows have none.
func printTable(out io.Writer, all []*bench) {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "WHAT\tPLATFORM\tBARE\tRATIO\tAIM\tMET\tMEASURED")
	for _, b := range all {
		for _, l := range b.lines {
			met := "–"
			if l.aim != "" {
				met = map[bool]string{true: "yes", false: "no"}[l.met]
			}
			ratio := "–"
			if !math.IsNaN(l.ratio) && !math.IsInf(l.ratio, 0) {
				ratio = fmt.Sprintf("%.2f", l.ratio)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.what, l.platform, l.bare, ratio, cmp.Or(l.aim, "–"), met, l.how)
		}
		if err := b.failure(); err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			fmt.Fprintf(table, "%s\tfailed\t\t\t\t\t%s\n", b.name, first)
		}
	}
	_ = table.Flush()
	for _, b := range all {
		if err := b.failure(); err != nil {
			fmt.Fprintf(out, "\n%s failed:\n%v\n", b.name, err)
		}
	}
}

// quantile of values, which it sorts.
func quantile[T cmp.Ordered](values []T, q float64) T {
	slices.Sort(values)
	return values[min(int(q*float64(len(values))), len(values)-1)]
}

func median[T cmp.Ordered](values []T) T { return quantile(values, 0.5) }

func rate(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

func perSecond(r float64) string { return fmt.Sprintf("%.0f/s", r) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
