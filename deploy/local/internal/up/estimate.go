package up

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/platform"
)

// costs are what the parts cost, in CPU seconds of one machine with an empty cache, each built after those above it. Only
// their ratios matter.
var costs = map[string]float64{
	gateway: 44, brokerName: 25, events: 15, provisioner: 187, janitor: 2, edge: 3, imagesName: 5,
	"hyper": 598, "containerd": 52, "runc": 18, "coredns": 14, "localpath": 5, "kuberouter": 10, "pause": 1,
}

// least is the share of all below which a pace says nothing yet.
const least = 0.04

// almost is how much of a part that doesn't count its steps may be taken for done before it is.
const almost = 0.95

// estimate is how far the building of all that is missing has come, and how long the rest may take at the pace so far.
// Safe for concurrent use.
type estimate struct {
	mu      sync.Mutex
	total   float64            // the cost of all that was missing
	parts   map[string]float64 // what is left of each that is missing
	current []platform.Cluster // what is being built, the newest last
	began   time.Time
	known   float64   // the cost of what is done for sure,
	at      time.Time // and since when
}

// plan begins with these parts missing.
func (e *estimate) plan(missing []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.parts = map[string]float64{}
	for _, part := range missing {
		e.parts[part] = costs[part]
		e.total += costs[part]
	}
	e.began = time.Now()
	e.at = e.began
}

// begin notes that a part is being built, and tells whether that is news.
func (e *estimate) begin(part, message string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := platform.Cluster{Part: part, Message: message}
	if slices.Contains(e.current, now) {
		return false
	}
	e.leaveOff(part)
	e.current = append(e.current, now)
	return true
}

// leaveOff is called with mu held.
func (e *estimate) leaveOff(part string) {
	e.current = slices.DeleteFunc(e.current, func(c platform.Cluster) bool { return c.Part == part })
}

// stop notes that a part isn't being built, for now.
func (e *estimate) stop(part string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.leaveOff(part)
}

// count notes that so many of a part's steps are done.
func (e *estimate) count(part string, done, total int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.leave(part, costs[part]*(1-float64(done)/float64(total)))
}

// end notes that a part is built.
func (e *estimate) end(part string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.leave(part, 0)
	e.leaveOff(part)
}

// leave notes what is left of a part. It is called with mu held.
func (e *estimate) leave(part string, left float64) {
	if before, missing := e.parts[part]; missing && left < before {
		e.parts[part] = left
		e.known += before - left
		e.at = time.Now()
	}
}

// now is what is being built, with how far all of it is; nothing has no Part.
func (e *estimate) now() platform.Cluster {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.current) == 0 {
		return platform.Cluster{}
	}
	now := e.current[len(e.current)-1]
	if percent, words := e.words(); words != "" {
		now.Message, now.Done, now.Total = now.Message+words, percent, 100
	}
	return now
}

// words say how far all of it is, as they stand behind a sentence, and in percent. Before there is a pace, or where nothing
// was missing, there are none. It is called with mu held.
func (e *estimate) words() (percent int, words string) {
	if e.known == 0 || e.known < least*e.total {
		return 0, ""
	}
	pace := e.known / e.at.Sub(e.began).Seconds()
	possible := 0.0
	for _, one := range e.current {
		possible += almost * e.parts[one.Part]
	}
	done := e.known + min(pace*time.Since(e.at).Seconds(), possible)
	percent = int(100 * done / e.total)
	return percent, fmt.Sprintf(", %d %% of all, about %s left", percent, about((e.total-done)/pace))
}

func about(seconds float64) string {
	if minutes := int(seconds/60 + 0.5); minutes > 1 {
		return fmt.Sprintf("%d minutes", minutes)
	}
	return "a minute"
}
