package trouble

import (
	"iter"
	"math/rand/v2"
	"time"
)

// A trouble comes after a pause of between these.
const shortestPause, longestPause = 500 * time.Millisecond, 4 * time.Second

// Drawn are troubles without an end, each choice the seed's, for workers with such a lease.
func Drawn(seed uint64, lease time.Duration) iter.Seq[Trouble] {
	return func(yield func(Trouble) bool) {
		d := drawer{rand.New(rand.NewPCG(seed, 0)), boundsOf(lease)}
		for at := time.Duration(0); ; {
			at += d.between(shortestPause, longestPause)
			t := d.one()
			t.At = at
			if !yield(t) {
				return
			}
		}
	}
}

type drawer struct {
	*rand.Rand
	bounds
}

func (d drawer) between(shortest, longest time.Duration) time.Duration {
	return shortest + time.Duration(d.Int64N(int64(longest-shortest)))
}

// one draws a service by its replicas, and the manner by how often each is wanted.
func (d drawer) one() Trouble {
	weight, service, replica := d.IntN(100), "", d.IntN(replicas())
	var ways []string
	for _, s := range Services {
		if replica < s.Replicas {
			service, ways = s.Name, s.Ways
			break
		}
		replica -= s.Replicas
	}
	switch {
	case weight < 30:
		return Trouble{Kind: Kind{Kill, service, ""}, Replica: replica}
	case weight < 34:
		return Trouble{Kind: Kind{Kill, Broker, ""}}
	case weight < 40:
		return Trouble{Kind: Kind{Kill, Postgres, ""}}
	case weight < 52:
		return Trouble{Kind: Kind{Freeze, service, ""}, Replica: replica, Long: d.long(Freeze)}
	}
	manner := []Manner{Cut, Refuse, HoldLate, HoldLost, Cut, Refuse}[weight%6]
	return Trouble{Kind: Kind{manner, service, ways[d.IntN(len(ways))]}, Replica: replica, Long: d.long(manner)}
}

func replicas() (all int) {
	for _, s := range Services {
		all += s.Replicas
	}
	return all
}

// long is for how long something is broken.
func (d drawer) long(manner Manner) time.Duration {
	switch manner {
	case Freeze:
		return d.between(d.shortestSleep, d.longestSleep)
	case Refuse, HoldLate, HoldLost:
		return d.between(d.shortestBreak, d.longestBreak)
	}
	return 0
}
