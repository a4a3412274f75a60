package admission

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

var (
	// ErrCannotSuspend: the engine brings nothing that would answer for a suspended store.
	ErrCannotSuspend = errors.New("the engine's stores can't be suspended")
	// ErrEngineUnknown: nobody says what the store's engine offers.
	ErrEngineUnknown = errors.New("the store's engine isn't in the catalog")
)

// ChangedError: the store isn't the one that the client's If-Match names.
type ChangedError struct{ Is store.State }

func (e *ChangedError) Error() string { return "the store has changed since the client read it" }

// Change is what of a store is to be another; nil fields stay as they are.
type Change struct {
	Name *string
	// TTL counts from now; the empty one takes the store's end away.
	TTL *string
	// Plan and Options make an operation of it. An option that is nil goes back to its default.
	Plan    *string
	Options map[string]any
	// Match lists the ETags of which the store must have one; nil is any.
	Match []string
}

// ETag names what clients can set of a store, as it is now.
func ETag(s store.State) string { return strconv.Quote(strconv.FormatUint(s.Changed, 10)) }

// Change changes the store. A new name and another end are events, and are true at once; another plan and other options
// are an operation. Everything is checked before anything is written. Each of the three is a message of its own: where
// somebody comes between two of them, or what is asked for isn't to be had any more, the error is a *PartlyError.
func (a *Admission) Change(ctx context.Context, who principal.Principal, id store.ID, c Change) (store.State, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return store.State{}, err
	}
	all := changing{Admission: a, parts: parts, who: who, id: id, now: a.now(), left: c}
	state, err := all.run(ctx)
	if state.Exists() {
		state = a.shown(who, state)
	}
	if err != nil {
		return store.State{}, err
	}
	return state, nil
}

// without is what is left of a change. What was said once isn't said again, or two clients who want different things would
// answer each other for ever.
func (c Change) without(said store.Type) Change {
	switch said {
	case store.Renamed:
		c.Name = nil
	case store.LifetimeChanged:
		c.TTL = nil
	case store.UpdateCommand:
		c.Plan, c.Options = nil, nil
	}
	return c
}

// todo lists what is still to be said of the store, all of it checked: its operation last. What is wrong with the wish
// itself is said before what stands in its way.
func (c Change) todo(s store.State, catalog *engine.Catalog, now time.Time) ([]store.Message, error) {
	all, err := c.said(s, now)
	if err != nil {
		return nil, err
	}
	spec, err := c.spec(s, catalog)
	if err != nil {
		return nil, err
	}
	if err := store.AdmitChange(s); err != nil || spec == nil {
		return all, err
	}
	return append(all, store.Message{Type: store.UpdateCommand, Facts: store.Facts{Spec: spec}}), store.Admit(s, store.Update)
}

// said is what is true by being said.
func (c Change) said(s store.State, now time.Time) ([]store.Message, error) {
	var all []store.Message
	if c.Name != nil {
		name, err := Wish{Name: *c.Name}.name(s.ID)
		switch {
		case *c.Name == "":
			return nil, &engine.FieldError{Field: "name", Message: "must have a character that can be seen"}
		case err != nil:
			return nil, err
		case name != s.Spec.Name:
			all = append(all, store.Message{Type: store.Renamed, Facts: store.Facts{Name: name}})
		}
	}
	if c.TTL != nil {
		expires, err := Wish{TTL: *c.TTL}.expiry(now)
		if err != nil {
			return nil, err
		}
		if !sameEnd(expires, s.ExpiresAt) {
			all = append(all, store.Message{Type: store.LifetimeChanged, Facts: store.Facts{ExpiresAt: expires}})
		}
	}
	return all, nil
}

func sameEnd(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}

// spec is what is to stand, nil when that is wanted already. The error is an *engine.FieldError where the pack says no.
func (c Change) spec(s store.State, catalog *engine.Catalog) (*store.Spec, error) {
	if c.Plan == nil && c.Options == nil {
		return nil, nil
	}
	pack, ok := catalog.Version(s.Spec.Engine, s.Spec.Version)
	if !ok {
		return nil, ErrEngineUnknown
	}
	spec := s.Spec
	if c.Plan != nil {
		plan, err := pack.Plan(*c.Plan)
		if err != nil {
			return nil, err
		}
		spec.Plan = plan.Name
		if err := pack.CheckPlanChange(s.Spec.Plan, spec.Plan); err != nil {
			return nil, err
		}
	}
	options, err := pack.ResolveOptions(c.merged(s.Spec.Options))
	if err != nil {
		return nil, err
	}
	if err := pack.CheckChange(s.Spec.Options, options); err != nil {
		return nil, err
	}
	if spec.Plan == s.Spec.Plan && sameOptions(pack, s.Spec.Options, options) {
		return nil, nil
	}
	spec.Options = options
	return &spec, nil
}

// merged keeps a nil, of which the pack says whether it is an option's, and which default it stands for.
func (c Change) merged(stand map[string]any) map[string]any {
	merged := map[string]any{}
	maps.Copy(merged, stand)
	maps.Copy(merged, c.Options)
	return merged
}

// sameOptions compares what the pack makes of both: what comes from the log has JSON's types.
func sameOptions(pack engine.Pack, stand, wanted map[string]any) bool {
	resolved, err := pack.ResolveOptions(stand)
	return err == nil && reflect.DeepEqual(resolved, wanted)
}

// Suspend stops the store and keeps its data.
func (a *Admission) Suspend(ctx context.Context, who principal.Principal, id store.ID) (store.State, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return store.State{}, err
	}
	state, err := a.Read(ctx, who, id, rights.CommandStores)
	if err != nil {
		return store.State{}, err
	}
	pack, ok := parts.Catalog.Version(state.Spec.Engine, state.Spec.Version)
	switch {
	case !ok || pack.CanSuspend():
	case parts.Log.WriteLevel() < store.SuspendCommand.Since():
		// What a release publishes that doesn't know the verb says nothing of the engine.
		return store.State{}, storelog.ErrUpgrading
	default:
		return store.State{}, ErrCannotSuspend
	}
	return a.command(ctx, who, id, store.Suspend)
}

// Resume starts a suspended store again.
func (a *Admission) Resume(ctx context.Context, who principal.Principal, id store.ID) (store.State, error) {
	return a.command(ctx, who, id, store.Resume)
}

// Cancel calls off the operation in flight: it ends failed, and what it has done so far is gone back from by the keeper. It is
// free: an operation ends once, and was paid for. What the platform began by itself nobody paid for, it is begun again as often as
// it is called off, and it is in nobody's way: calling that off costs what a command does.
func (a *Admission) Cancel(ctx context.Context, who principal.Principal, id store.ID) (store.State, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return store.State{}, err
	}
	paid := sync.OnceValue(func() error { return a.pay(ctx, who, 1) })
	state, err := parts.Log.Update(ctx, id, func(s store.State) (*store.Message, error) {
		if err := visible(s, who, rights.CommandStores); err != nil {
			return nil, err
		}
		if err := store.AdmitCancel(s); err != nil {
			return nil, err
		}
		if store.Verbs[s.Doing()].Yields {
			if err := paid(); err != nil {
				return nil, err
			}
		}
		return &store.Message{
			Type: store.BecameFailed, Tenant: s.Tenant, Actor: who.Actor(), Generation: s.Generation, Time: a.now(),
			Facts: store.Facts{Reason: store.ReasonCancelled, Message: "It was called off."},
		}, nil
	})
	if err != nil {
		return store.State{}, err
	}
	return a.shown(who, state), nil
}
