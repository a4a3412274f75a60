// Package clock makes the waits of an installation that is a test shorter than production's, all in one proportion.
//
// Divided is what has to pass before somebody believes that a worker is dead, or before it is time to look or to try
// again: how long a lease lives, and with it when a command is delivered or tried once more, how long a shop is asked
// before its step gives up, and when workers and keeper look. A test that kills a worker, or keeps a shop shut, waits all
// of it out. Not divided is how long one request may take, to the broker, Postgres, Kubernetes or a shop: nothing waits
// for that but a request that hangs, and a busy machine needs it in full.
//
// An installation has one clock, and it hangs on the log. The gateway is told of it (Variable) and makes leases live
// shorter; the workers go by how long the broker keeps a lease (lease.Bucket). So no two of them differ, and nobody
// believes in a lease that the broker has forgotten, whatever anybody was told.
package clock

import (
	"fmt"
	"strings"
	"time"
)

// Variable is the gateway's setting.
const Variable = "TEST_CLOCK_DIVISOR"

// most leaves a lease three seconds. Any machine stalls for longer than what is below that.
const most = 10

// tests is how the ids of installations begin whose clock may be divided.
const tests = "test"

// Divisor says how many times shorter than in production an installation's waits are. Zero is one.
type Divisor int

// Of is what remains of one of production's waits.
func (d Divisor) Of(wait time.Duration) time.Duration { return wait / time.Duration(max(d, 1)) }

// Check refuses what is out of bounds, and anything but production's clock for an installation that is no test. The
// services ask it before they begin.
func (d Divisor) Check(installation string) error {
	switch {
	case d < 0 || d > most:
		return fmt.Errorf("%s=%d: must be 1 to %d", Variable, d, most)
	case d > 1 && !strings.HasPrefix(installation, tests):
		return fmt.Errorf("%s=%d: only for an installation whose id begins with %q, this one's is %q", Variable, d, tests, installation)
	}
	return nil
}
