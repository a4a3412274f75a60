package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/store-platform/store-platform/test/internal/parts"
)

// gauge reads what processes have used and been asked so far.
type gauge struct {
	at time.Time
	// spent is the processors' time of each process, starved how long its threads were ready and got none.
	spent, starved []time.Duration
	// requests are the API server's by verb, asked and told the messages from and to the broker's clients.
	requests    map[string]float64
	asked, told int64
}

// read is called at the beginning and at the end of what is measured.
func (f *fleet) read(processes []*parts.Process) gauge {
	f.b.Helper()
	g := gauge{at: time.Now()}
	if f.api != nil {
		g.requests = f.requests()
	}
	g.asked, g.told = f.messages()
	for _, p := range processes {
		spent, err := spentBy(p.Process.Pid)
		f.b.must("read what a process has spent", err)
		starved, err := starvedOf(p.Process.Pid)
		f.b.must("read what a process has waited for", err)
		g.spent, g.starved = append(g.spent, spent), append(g.starved, starved)
	}
	return g
}

// measured is what lies between two readings, each a second.
type measured struct {
	// cores are the processors that each process kept busy, starved those that it would have liked to have besides.
	cores, starved []float64
	requests       map[string]float64
	asked, told    float64
}

func (g gauge) since(before gauge) measured {
	took := g.at.Sub(before.at).Seconds()
	m := measured{
		requests: map[string]float64{}, asked: float64(g.asked-before.asked) / took, told: float64(g.told-before.told) / took,
	}
	for i := range g.spent {
		m.cores = append(m.cores, (g.spent[i]-before.spent[i]).Seconds()/took)
		m.starved = append(m.starved, max(0, g.starved[i]-before.starved[i]).Seconds()/took)
	}
	for verb, count := range g.requests {
		if count > before.requests[verb] {
			m.requests[verb] = (count - before.requests[verb]) / took
		}
	}
	return m
}

func (m measured) allRequests() (sum float64) {
	for _, rate := range m.requests {
		sum += rate
	}
	return sum
}

// verbs lists the requests by verb, the most frequent first.
func (m measured) verbs() string {
	verbs := slices.SortedFunc(maps.Keys(m.requests), func(a, b string) int {
		return int(1000 * (m.requests[b] - m.requests[a]))
	})
	for i, verb := range verbs {
		verbs[i] = fmt.Sprintf("%s %.1f", verb, m.requests[verb])
	}
	return strings.Join(verbs, ", ")
}

// clockTicks is how many parts of a second the kernel counts a process's time in, on every Linux there is.
const clockTicks = 100

// spentBy is the processors' time that a process has had.
func spentBy(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name before the last bracket may hold anything. Behind it the state is the third field of proc(5), and the two times
	// are the 14th and the 15th.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0, errors.New("read /proc/pid/stat: it is too short")
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / clockTicks, errors.Join(err1, err2)
}

// starvedOf is how long a process's threads have waited for a processor that others had; of those that are gone it doesn't know.
func starvedOf(pid int) (sum time.Duration, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	for _, thread := range threads {
		var ran, waited int64
		text, err := os.ReadFile(thread)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if _, err := fmt.Sscan(string(text), &ran, &waited); err != nil {
			return 0, fmt.Errorf("read %s: %w", thread, err)
		}
		sum += time.Duration(waited)
	}
	return sum, nil
}

// peakOf is the most memory, in bytes, that a process has had resident.
func peakOf(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if fields := strings.Fields(string(line)); len(fields) > 1 && fields[0] == "VmHWM:" {
			kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("read /proc/pid/status: it has no VmHWM")
}

var requestLine = regexp.MustCompile(`^apiserver_request_total\{.*verb="([A-Z]+)".*\} ([0-9.e+]+)$`)

// requests counts what the API server has answered. A watch is counted when it ends.
func (f *fleet) requests() map[string]float64 {
	f.b.Helper()
	page, err := f.api.Stream(f.b.ctx, "/metrics")
	f.b.must("read the API server's metrics", err)
	defer page.Close()
	counts := map[string]float64{}
	lines := bufio.NewScanner(page)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		found := requestLine.FindSubmatch(lines.Bytes())
		if found == nil {
			continue
		}
		count, err := strconv.ParseFloat(string(found[2]), 64)
		f.b.must("read the API server's metrics", err)
		counts[string(found[1])] += count
	}
	f.b.must("read the API server's metrics", lines.Err())
	return counts
}

// messages counts those that clients have sent to the broker, and those that it has sent to them.
func (s *bus) messages() (asked, told int64) {
	s.b.Helper()
	page, err := parts.Page(s.b.ctx, "http://"+s.Monitor+"/varz")
	s.b.must("ask the broker", err)
	var says struct {
		In  int64 `json:"in_msgs"`
		Out int64 `json:"out_msgs"`
	}
	s.b.must("read what the broker says", json.Unmarshal(page, &says))
	return says.In, says.Out
}
