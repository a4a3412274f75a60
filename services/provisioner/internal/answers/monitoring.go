package answers

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/provisioner/internal/packs"
)

// Cluster is what a store is looked at by (cluster.Cluster and Helm). It has nothing to change anything with.
type Cluster interface {
	// Seen, Failing and Struggling are from memory, the others ask.
	Seen(store.ID) cluster.Seen
	Failing(store.ID, []engine.Workload) *cluster.Error
	Struggling(store.ID, []engine.Failure) (found *cluster.Error, early bool)
	// Explained adds to what one of these found what only a look tells.
	Explained(context.Context, store.ID, *cluster.Error) *cluster.Error
	Surroundings(context.Context, store.ID) cluster.Surroundings
	Release(context.Context, store.ID) (*query.Release, error)
}

// monitor answers how what runs of a store is. What the watches know is told as it is now; what they don't, those who ask share.
type monitor struct {
	*Service
	around    *shared[around]
	explained *shared[*cluster.Error]
	// most is how many bytes the broker carries.
	most func() int64
}

// around is what no watch knows of a store.
type around struct {
	cluster.Surroundings
	release *query.Release
}

func newMonitor(s *Service, most func() int64) *monitor {
	pace := newPace()
	return &monitor{Service: s, around: newShared[around](pace), explained: newShared[*cluster.Error](pace), most: most}
}

func (m *monitor) answer(ctx context.Context, request query.MonitoringRequest) (reply query.MonitoringReply, err error) {
	state, err := m.state(ctx, request.Store)
	if err != nil {
		return reply, err
	}
	seen := m.Cluster.Seen(state.ID)
	reply = query.MonitoringReply{At: time.Now().UTC(), Workloads: seen.Workloads, Pods: seen.Pods}
	if !seen.Complete {
		reply.Missing = append(reply.Missing, "workloads", "pods")
	}
	var asking sync.WaitGroup
	if seen.There || !seen.Complete {
		asking.Go(func() { m.lookAround(ctx, state.ID, &reply) })
	}
	// Beside each other: either may take as long as one who asks has.
	wrong := m.wrong(ctx, state, seen)
	asking.Wait()
	reply.Wrong = wrong
	fit(&reply, m.most())
	return reply, nil
}

// lookAround fills in what no watch knows.
func (m *monitor) lookAround(ctx context.Context, id store.ID, reply *query.MonitoringReply) {
	found, had := m.around.get(ctx, string(id), func(ctx context.Context) (a around) {
		var missing error
		var asking sync.WaitGroup
		asking.Go(func() { a.release, missing = m.Cluster.Release(ctx, id) })
		surroundings := m.Cluster.Surroundings(ctx, id)
		asking.Wait()
		if a.Surroundings = surroundings; missing != nil {
			a.Missing = append(a.Missing, "release")
		}
		return a
	})
	if !had {
		found.Missing = []string{"volumes", "routes", "crons", "events", "release"}
	}
	reply.Volumes, reply.Routes, reply.Crons, reply.Events = found.Volumes, found.Routes, found.Crons, found.Events
	reply.Release, reply.More = found.release, slices.Clone(found.More)
	reply.Missing = append(reply.Missing, found.Missing...)
}

// wrong is what doesn't run now and why, as an attempt or the keeper would say it; where everything runs, what one of them has said
// last. What is being deleted is nobody's to miss.
func (m *monitor) wrong(ctx context.Context, s store.State, seen cluster.Seen) *query.Wrong {
	pack, _ := m.packOf(s)
	if seen.Complete && s.Doing() != store.Delete {
		if found := m.found(ctx, s, pack); found != nil {
			return &query.Wrong{
				Reason: found.Reason, Message: found.Sentence, Object: found.Object(), Detail: store.Bounded(found.Detail), For: pack.Whose(found.Reason),
			}
		}
	}
	if why := said(s); why.Reason != "" {
		return &query.Wrong{
			Reason: why.Reason, Message: why.Message, Object: query.ObjectIn(why.Detail), Detail: why.Detail, For: pack.Whose(why.Reason),
		}
	}
	return m.queued(ctx, s)
}

// reasonLeaseHeld is that of a command that nobody begins while somebody is still at its store.
const reasonLeaseHeld = "LeaseHeld"

// queued names whom a command waits for that isn't begun since its store's lease is another's; nil where it isn't. Nothing of that is on
// the log: the worker that wanted the lease tries again.
func (m *monitor) queued(ctx context.Context, s store.State) *query.Wrong {
	if !s.InFlight() || s.Working {
		return nil
	}
	held, err := m.Leases.Held(ctx, string(s.ID))
	if err != nil || len(held) == 0 {
		return nil
	}
	object := "lease/" + string(s.ID)
	return &query.Wrong{
		Reason: reasonLeaseHeld, Message: "Another worker is still at the store.", Object: object,
		Detail: object + ": held by " + held[0].Holder, For: engine.Pack{}.Whose(reasonLeaseHeld),
	}
}

// packOf is what the store is made of, or is to be; not every provisioner carries it.
func (m *monitor) packOf(s store.State) (packs.Engine, bool) {
	spec := s.Target()
	return m.Packs.Find(spec.Engine, spec.Version)
}

func (m *monitor) found(ctx context.Context, s store.State, pack packs.Engine) *cluster.Error {
	var found *cluster.Error
	early := false
	if s.Kept() && !s.InFlight() && pack.Name != "" {
		found = m.Cluster.Failing(s.ID, pack.WorkloadsWhen(s.Standing != store.SuspendedStanding))
	} else {
		found, early = m.Cluster.Struggling(s.ID, pack.Failures)
	}
	if found == nil {
		return nil
	}
	key := string(s.ID) + " " + found.Object() + " " + found.Reason
	explained, had := m.explained.get(ctx, key, func(ctx context.Context) *cluster.Error {
		return m.Cluster.Explained(ctx, s.ID, found)
	})
	if had {
		early = early && explained.Reason == found.Reason
		found = explained
	}
	if early && s.InFlight() {
		return nil
	}
	return found
}

// said is what the log says is wrong: the keeper of a store that stands, an attempt of one that waits for the next or had none left.
func said(s store.State) store.Cause {
	switch {
	case s.NotBefore != nil, s.Stuck(), s.Status == store.Failed:
		return s.Why()
	case s.Ails():
		return s.Cause
	}
	return store.Cause{}
}
