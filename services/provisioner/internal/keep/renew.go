package keep

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/store"
)

func renewalKey(n int) string { return leasePrefix + "renewal." + strconv.Itoa(n) }

const (
	// renewAbreast is how many stores of a cluster take over other settings at a time, and renewPause how long the turn of one
	// that couldn't is kept from others: a setting that no store runs with closes a few shops, and not all of them.
	renewAbreast = 4
	renewPause   = 30 * time.Minute
)

// renewal is why a store isn't as it is to be without anybody's having changed it: its refresh is asked for, and the store
// isn't called Degraded.
type renewal struct {
	// made: what the store was made with isn't what is said now, of all stores or by the log. It concerns many at once, and each waits
	// for its turn. Else an operation failed or was called off, and what it had done by then isn't wanted any more.
	made bool
	// explained are the kinds that differ for its sake, where it is told by more than what an operation did.
	explained []string
	facts     store.Facts
	log       string
}

var (
	otherSettings = renewal{
		made: true, explained: settled, log: "a store was made with other settings of the installation; asked for its refresh",
	}
	// Its namespace is looked at as it was made, and nothing else of it says whose it is.
	otherTenant = renewal{made: true, log: "a store was made as another tenant's; asked for its refresh"}
	takenBack   = renewal{
		facts: store.Facts{Reason: "TakenBack", Message: "What the operation before had changed until it ended is taken back."},
		log:   "an operation ended with half of what it was to change; asked for a refresh that takes it back",
	}
)

// renewal is nil for a store that is as it is to be, as far as nobody has changed it.
func (l *look) renewal(undone bool) *renewal {
	switch {
	case undone && len(l.entry.drift) > 0:
		return &takenBack
	case l.state.Running.Settings != l.cfg.Settings:
		return &otherSettings
	case l.state.MadeAs() != l.state.Tenant:
		return &otherTenant
	}
	return nil
}

// settled are the kinds in which what an installation says of its stores is without a release.
var settled = []string{"ResourceQuota", "LimitRange", "NetworkPolicy", "ServiceAccount", "Secret"}

// explains says whether all that differs differs for its sake.
func (r *renewal) explains(drift []cluster.Drift) bool {
	return !r.made || !slices.ContainsFunc(drift, func(d cluster.Drift) bool { return !slices.Contains(r.explained, d.Kind) })
}

// mayRenew says whether it is the store's turn. A release that doesn't know the verb may still run beside this one, and then
// the store stays as it is.
func (l *look) mayRenew(ctx context.Context, r *renewal, now time.Time) bool {
	if !l.levelAllows(ctx) || !r.isDue(&l.entry.pulse, l.state, now) {
		return false
	}
	if !r.made {
		return l.mends.Allow()
	}
	return l.renewals.Allow() && l.takeTurn(ctx)
}

// takeTurn takes one of the turns of the whole cluster, however many keepers it has. It lasts until the refresh has ended
// (endTurn), and no longer than this keeper's term.
func (l *look) takeTurn(ctx context.Context) bool {
	for n := range renewAbreast {
		held, err := l.leases.Take(ctx, renewalKey(n), l.cfg.Holder)
		if errors.Is(err, lease.ErrHeld) {
			continue
		}
		if err != nil {
			l.warn(ctx, "take a turn for a store's refresh", err)
			return false
		}
		_, end := held.Hold(l.ctx)
		over := context.AfterFunc(l.ctx, end)
		l.entry.endTurn = func() {
			if over() {
				end()
			}
		}
		return true
	}
	return false
}

// isDue: what was called off is taken back at once, however often somebody does that, since the store says that it is as it was
// before. What a refresh couldn't do waits as a mend does, and other settings for longer.
func (r *renewal) isDue(p *pulse, s store.State, now time.Time) bool {
	failed := s.Doing() == store.Refresh && s.Outcome == store.Unsuccessful
	if r.made {
		return p.mayMend(now) && !(failed && now.Sub(s.UpdatedAt) < renewPause)
	}
	return !failed || p.mayMend(now)
}

// levelAllows asks for the log's write level now and then, for all stores: nobody tells when it is raised.
func (l *look) levelAllows(ctx context.Context) bool {
	level, since := l.cfg.Log.WriteLevel(), store.RefreshCommand.Since()
	if level < since && l.levelAsked.Allow() {
		asked, err := l.cfg.Log.AskWriteLevel(ctx)
		if err != nil {
			l.warn(ctx, "ask for the log's write level", err)
		}
		level = max(level, asked)
	}
	return level >= since
}

// refresh asks for one.
func (l *look) refresh(ctx context.Context, r *renewal, now time.Time) time.Duration {
	again := l.state.Doing() == store.Refresh
	said, err := l.submit(ctx, store.Message{Type: store.RefreshCommand, Facts: r.facts}, func(s store.State) error { return store.Admit(s, store.Refresh) })
	if err != nil {
		l.warn(ctx, "ask for a refresh", err)
	}
	if !said {
		l.endTurn()
		return lookAgain
	}
	if r.made || again {
		l.entry.pulse.mending(now)
	}
	l.entry.pulse.forget()
	l.entry.drift, l.entry.driftDue = nil, now
	l.told.said(ctx, store.RefreshCommand, r.facts.Reason)
	slog.InfoContext(ctx, r.log, l.attrs()...)
	return lookAgain
}

// noteRenewal takes note of a refresh that had a turn and has ended. One that failed keeps its turn for a while:
// when all turns are such, no other store is asked to.
func (l *look) noteRenewal() {
	switch {
	case l.entry.endTurn == nil, l.state.InFlight():
	case l.state.Doing() == store.Refresh && l.state.Outcome == store.Unsuccessful:
		why := l.state.Why()
		slog.Error("a store can't take over what it is to be made with now; fewer others are asked to for a while", "store", l.id,
			"reason", why.Reason, "detail", why.Detail, "until", time.Now().Add(renewPause))
		time.AfterFunc(renewPause, l.entry.endTurn)
		l.entry.endTurn = nil
	default:
		l.endTurn()
	}
}

func (l *look) endTurn() {
	if end := l.entry.endTurn; end != nil {
		end()
		l.entry.endTurn = nil
	}
}
