// Package trouble says what is broken in a running platform, when, and for how long: drawn from a seed for as long as one
// likes, or planned, so that each kind comes in a minute. Whoever runs the platform breaks it accordingly.
package trouble

import (
	"fmt"
	"time"
)

// Manner is how something is broken.
type Manner string

// Processes are killed and frozen; ways are cut once, refused for a while, or held without a word, and what was held arrives
// late or never.
const (
	Kill     Manner = "killed"
	Freeze   Manner = "frozen"
	Cut      Manner = "cut"
	Refuse   Manner = "refused"
	HoldLate Manner = "held and late"
	HoldLost Manner = "held and lost"
)

// Ways out of a service's replica.
const (
	ToBroker   = "broker"
	ToPostgres = "Postgres"
	ToAPI      = "API server"
	ToEvents   = "events"
)

// Service is one whose replicas are broken alone.
type Service struct {
	Name     string
	Replicas int
	Ways     []string
}

// Services are the platform's.
var Services = []Service{
	{"gateway", 2, []string{ToBroker, ToEvents}},
	{"events", 2, []string{ToBroker, ToPostgres}},
	{"provisioner", 3, []string{ToBroker, ToAPI}},
	{"janitor", 2, []string{ToBroker, ToAPI}},
}

// Replicas is how many there are of a service, and of what services stand on.
func Replicas(service string) int {
	for _, s := range Services {
		if s.Name == service {
			return s.Replicas
		}
	}
	return 1
}

// What the services stand on; of each there is one.
const (
	Broker   = "broker"
	Postgres = "postgres"
)

// Kind is a sort of trouble.
type Kind struct {
	Manner Manner
	// Service is whose process or way is broken, Way empty for the process.
	Service, Way string
}

func (k Kind) String() string {
	if k.Way == "" {
		return fmt.Sprintf("%s: %s", k.Manner, k.Service)
	}
	return fmt.Sprintf("%s: way of %s to %s", k.Manner, k.Service, k.Way)
}

// Kinds are all that there are.
func Kinds() []Kind {
	all := []Kind{{Kill, Broker, ""}, {Kill, Postgres, ""}}
	for _, s := range Services {
		all = append(all, Kind{Kill, s.Name, ""}, Kind{Freeze, s.Name, ""})
		for _, way := range s.Ways {
			for _, manner := range []Manner{Cut, Refuse, HoldLate, HoldLost} {
				all = append(all, Kind{manner, s.Name, way})
			}
		}
	}
	return all
}

// Trouble is one.
type Trouble struct {
	Kind
	// Replica is which of the service's, from 0.
	Replica int
	// At is when, since the beginning, and Long for how long; what is killed or cut is whole again by itself.
	At, Long time.Duration
}

// MostFrozen bounds the processes that are frozen at a time, so that somebody is left to take over.
const MostFrozen = 3

// bounds are how long things are broken.
type bounds struct {
	// A frozen process sleeps for longer than its lease, and longer than its message waits for it.
	shortestSleep, longestSleep time.Duration
	// A way is broken for between these; the longer ones outlast a lease.
	shortestBreak, longestBreak time.Duration
}

func boundsOf(lease time.Duration) bounds {
	return bounds{shortestSleep: lease + lease/30, longestSleep: lease + lease/2, shortestBreak: lease / 60, longestBreak: lease + 2*lease/3}
}
