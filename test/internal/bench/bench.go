// Package bench measures the platform. Every line of its table stands beside a bare measurement of the same run: what
// the same disk, broker, database or cluster does without the platform in between, so that the ratio means something on
// any machine, also a slow or busy one.
//
//	posts       accepted POSTs against the two fsynced writes behind each
//	who         reading a store and accepted POSTs, by a token, against open mode
//	list        pages of fifty stores by a token, of a tenant among many, against the same rows of the database
//	filters     pages of fifty of each filter and order, by an operator among all stores, against the same select
//	at          reading a store, and pages of a list, as they were against as they are
//	signin      a gateway's memory while a crowd signs in against the same one with one guess at a time
//	projection  catching up with the log against inserting the same rows
//	feed        append to the last of a thousand clients against fan-out by a bare broker
//	sweep       a sweep of a hundred live stores among many that are gone against reading the last message of the hundred
//	standing    two provisioners beside 100, 1,000 and 10,000 stores that stand, against the same two with one; failures told
//	waiting     what as many that wait for a cluster ask of the broker, and how soon they go on when it comes, against one that waits
//	scaling     stores made a minute by two and by four provisioners with few slots against so many times what one makes
//	ready       of each engine: create to Ready against helm upgrade --install, and what a store weighs
//	idle        of each engine: what stores cost that nobody visits against the same pods without any probe
//	logs        a pod's last lines, and how late a line comes that is followed, against the API server's own answer
//	flight      one provisioner's memory with two hundred stores in flight against the same one idle
//	start       make up to the page and to the first Ready against the slowest part of each, alone
//
// The first eight run real services and a real broker without a cluster, the next three beside an API server without nodes; the
// others run `make up` in a state folder of their own. A row that fails prints why, and the others go on.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Options are what can be chosen.
type Options struct {
	// Rows are names of rows; all when empty.
	Rows []string
	// Cold also starts the platform with an empty cache.
	Cold bool
	// Standing are how many stores stand, by turns, and Minutes how long the most of them are looked on.
	Standing []int
	Minutes  float64
	// Quick measures next to nothing, to see whether the bench works.
	Quick bool
}

type row struct {
	name string
	run  func(*bench)
}

// rows stand in the order in which they run: those that want no cluster come before there is one.
var rows = []row{
	{"posts", posts}, {"who", knownByToken}, {"list", listPages}, {"filters", listFilters}, {"at", readPast}, {"explain", explaining},
	{"signin", crowdSigningIn},
	{"projection", projectionRate}, {"feed", feedLatency}, {"sweep", sweepAmongGone},
	{"standing", manyStanding}, {"waiting", manyWaiting}, {"scaling", creating},
	{"ready", createToReady}, {"idle", idle}, {"logs", readingLogs}, {"flight", inFlight}, {"start", startUp},
}

// EnumOfNames lists the rows' names, as kong wants them.
func EnumOfNames() string {
	names := make([]string, len(rows))
	for i, r := range rows {
		names[i] = r.name
	}
	return strings.Join(names, ",")
}

// sizes are how much is measured.
type sizes struct {
	posts, postTurns, clients, manyStores int
	// reads are so many of a turn, guesses so many of a crowd.
	reads, guesses                    int
	events, feedClients, feedTurns    int
	readyRuns, slowRuns, flight, idle int
	// followed are lines of a log.
	followed int
	// quiet is how long is looked at what nobody uses.
	quiet time.Duration

	standing              []int
	standingFor, settling time.Duration

	// rounds is how often each slot makes a store, whose pods take podsTake to run.
	rounds   int
	podsTake time.Duration
}

var (
	full = sizes{
		posts: 640, postTurns: 24, clients: 64, manyStores: 100_000, reads: 6400, guesses: 512, events: 100_000, feedClients: 1000, feedTurns: 20,
		readyRuns: 7, slowRuns: 3, flight: 200, idle: 6, followed: 10_000, quiet: time.Minute, settling: settling,
		rounds: 5, podsTake: 10 * time.Second,
	}
	quick = sizes{
		posts: 128, postTurns: 2, clients: 64, manyStores: 2000, reads: 640, guesses: 64, events: 2000, feedClients: 50, feedTurns: 1,
		readyRuns: 2, slowRuns: 1, flight: 5, idle: 1, followed: 1000, quiet: 10 * time.Second,
		standing: []int{10}, standingFor: 5 * time.Second, settling: settling / 10,
		rounds: 1, podsTake: time.Second,
	}
)

var (
	errRows     = errors.New("not every row could be measured")
	errStanding = errors.New("STANDING says how many stores stand, by turns, like 100,1000")
)

// Run measures and prints the table to out; what it is doing meanwhile goes to progress. When it returns, everything
// that it started is gone.
func Run(ctx context.Context, out, progress io.Writer, o Options) error {
	if !o.Quick && (len(o.Standing) == 0 || slices.Min(o.Standing) < 1) {
		return fmt.Errorf("%w: %v", errStanding, o.Standing)
	}
	top, err := exec.CommandContext(ctx, "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return fmt.Errorf("find the clone: %w", err)
	}
	l := &lab{repo: strings.TrimSpace(string(top)), out: progress, sizes: full, cold: o.Cold}
	l.sizes.standing, l.sizes.standingFor = o.Standing, time.Duration(o.Minutes*float64(time.Minute))
	if o.Quick {
		l.sizes = quick
	}
	if err := l.open(); err != nil {
		return err
	}
	var all []*bench
	failed := false
	for _, r := range rows {
		if len(o.Rows) > 0 && !slices.Contains(o.Rows, r.name) || ctx.Err() != nil {
			continue
		}
		b := l.measure(ctx, r)
		failed = failed || b.failure() != nil
		all = append(all, b)
	}
	failed = l.close() != nil || failed
	printTable(out, all)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case failed:
		return errRows
	}
	return nil
}
