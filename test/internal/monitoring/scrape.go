package monitoring

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Namespace is where a scrape finds the platform.
const Namespace = "store-platform"

// Scrape is what processes said of themselves at one moment: values by series, which stand as PromQL writes them.
type Scrape struct {
	at     time.Time
	values map[string]float64
}

// NewScrape is one of nobody: what isn't reached says nothing.
func NewScrape() *Scrape { return &Scrape{at: time.Now(), values: map[string]float64{}} }

// Add adds a page of metrics, with the labels that a PodMonitor would put on it; whoever tells of other namespaces, as kubelets do, is
// believed. The text that services speak and PromQL write series alike.
func (s *Scrape) Add(pod, page string) error {
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		end := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[end+1:], 64)
		if err != nil || end < 0 {
			return fmt.Errorf("what %s says of itself has the line %q", pod, line)
		}
		name, labels, _ := strings.Cut(line[:end], "{")
		more := fmt.Sprintf(`{pod=%q`, pod)
		if !namespaced.MatchString(labels) {
			more = fmt.Sprintf(`{namespace=%q,pod=%q`, Namespace, pod)
		}
		if labels = strings.TrimSuffix(labels, "}"); labels != "" {
			more += "," + labels
		}
		s.values[name+more+"}"] = value
	}
	return nil
}

// namespaced are labels with a namespace of their own among them.
var namespaced = regexp.MustCompile(`(^|,)namespace="`)

// Value is the sum of the series whose name, and whose labels' text, have these in them; false where there is none.
func (s *Scrape) Value(name string, labels ...string) (sum float64, found bool) {
	for series, value := range s.values {
		if !strings.HasPrefix(series, name+"{") || slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(series, l) }) {
			continue
		}
		sum, found = sum+value, true
	}
	return sum, found
}

// Going is what goes on as it did between two scrapes: each series of the later one, with its slope.
type Going struct {
	now    *Scrape
	minute map[string]float64
}

// counter is what a counter's name, or that of a part of a histogram, ends in.
var counter = regexp.MustCompile(`^[^{]*_(total|count|sum|bucket)\{`)

// Steady is a platform on which counters go on, and all else stays.
func Steady(earlier, later *Scrape) Going {
	g := Going{now: later, minute: map[string]float64{}}
	for series, value := range later.values {
		// One that begins, began at nothing, and so did one that is less than it was: its process was started anew.
		if before := earlier.values[series]; counter.MatchString(series) {
			g.minute[series] = slope(value-min(before, value), earlier, later)
		}
	}
	return g
}

// Growing is a trouble that goes on: what is behind, waits, or ages, does so further.
func Growing(earlier, later *Scrape) Going {
	g := Steady(earlier, later)
	for series, value := range later.values {
		if before, known := earlier.values[series]; known && !counter.MatchString(series) {
			g.minute[series] = slope(value-before, earlier, later)
		}
	}
	return g
}

// slope is by how much something changes in a minute.
func slope(change float64, earlier, later *Scrape) float64 {
	if by := change / later.at.Sub(earlier.at).Minutes(); !math.IsNaN(by) && !math.IsInf(by, 0) {
		return by
	}
	return 0
}

// Names are the metrics and labels that the services have said.
type Names map[string]bool

// Note adds those of a scrape.
func (n Names) Note(s *Scrape) {
	for series := range s.values {
		for _, word := range words(series) {
			n[word] = true
		}
	}
}

// quoted are the values of labels, lengths those of time.
var quoted, lengths = regexp.MustCompile(`"[^"]*"`), regexp.MustCompile(`\b[0-9][0-9a-z.]*`)

func words(query string) []string {
	return name.FindAllString(lengths.ReplaceAllString(quoted.ReplaceAllString(query, ""), ""), -1)
}

// ofPromQL are its own words, as far as rules and boards use them.
var ofPromQL = strings.Fields(`absent and bool by changes count deriv group histogram_quantile increase label_replace max min offset on or rate sum time unless`)

// Foreign are metrics and labels that others say, by whom.
var Foreign = map[string]string{
	"kubelet_volume_stats_used_bytes": "the kubelet", "kubelet_volume_stats_capacity_bytes": "the kubelet", "persistentvolumeclaim": "the kubelet",
	"kube_cronjob_status_last_successful_time": "kube-state-metrics", "kube_cronjob_created": "kube-state-metrics", "cronjob": "kube-state-metrics",
	"ALERTS": "Prometheus", "alertname": "Prometheus", "alertstate": "Prometheus",
}

// Unsaid are the words of queries that no service has said, and nobody else does.
func (n Names) Unsaid(queries []string) (unsaid []string) {
	for _, query := range queries {
		for _, word := range words(query) {
			if !n[word] && Foreign[word] == "" && !slices.Contains(ofPromQL, word) && !strings.Contains(word, ":") && !slices.Contains(unsaid, word) {
				unsaid = append(unsaid, word)
			}
		}
	}
	return unsaid
}

// name is how metrics and labels are called.
var name = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)

// series are those that any of the queries may look at, minute by minute, in promtool's notation.
func (g Going) series(queries []string, minutes int) []inputSeries {
	wanted := map[string]bool{}
	for _, query := range queries {
		for _, word := range name.FindAllString(query, -1) {
			wanted[word] = true
		}
	}
	var all []inputSeries
	for _, series := range slices.Sorted(maps.Keys(g.now.values)) {
		if value := g.now.values[series]; wanted[name.FindString(series)] && !math.IsNaN(value) && !math.IsInf(value, 0) {
			all = append(all, inputSeries{series, fmt.Sprintf("%s%sx%d", plain(value), signed(g.minute[series]), minutes)})
		}
	}
	return all
}

func plain(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }

func signed(value float64) string {
	if value < 0 {
		return plain(value)
	}
	return "+" + plain(value)
}
