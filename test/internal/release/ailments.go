package release

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Stores of which the author itself tells what others would: the keeper of a store, or a janitor over half an hour.
const (
	isDegraded   = "Is degraded"
	hasRecovered = "Has recovered"
	wasMended    = "Was mended"
	isStuck      = "Can't be deleted"
)

// nobodys is where the message lies that can't be read: it locks the store that it is in.
const nobodys = store.ID("nobodysstore")

// ail has stores fall ill, be mended or not, and be put away, while there are workers.
func (a *author) ail(ctx context.Context, provisioner *nats.Conn) error {
	keeper, err := storelog.Open(ctx, provisioner)
	if err != nil {
		return err
	}
	gone := store.Facts{Reason: "WorkloadMissing", Message: "A part of the store has gone.", Detail: `deployments.apps "shop" not found`}
	for _, told := range []struct {
		name  string
		types []store.Type
		there func(store.State) bool
	}{
		{isDegraded, []store.Type{store.BecameDegraded}, isIll},
		{hasRecovered, []store.Type{store.BecameDegraded, store.Recovered}, isReady},
		{wasMended, []store.Type{store.BecameDegraded, store.MendCommand}, isReady},
		{mendFails, []store.Type{store.BecameDegraded, store.MendCommand}, func(s store.State) bool { return isIll(s) && !s.InFlight() && s.Verb == store.Mend }},
		{isMended, []store.Type{store.BecameDegraded, store.MendCommand}, hasDone("credentials")},
	} {
		for _, t := range told.types {
			if err := a.tell(ctx, keeper, told.name, t, gone); err != nil {
				return err
			}
		}
		if err := a.until(ctx, told.name, told.there); err != nil {
			return err
		}
	}
	return a.putAway(ctx, isPutAway)
}

// leave leaves behind what nobody may work on any more.
func (a *author) leave(ctx context.Context) error {
	gateway, err := a.broker.Dial("gateway")
	if err != nil {
		return err
	}
	defer gateway.Close()
	log, err := storelog.Open(ctx, gateway)
	if err != nil {
		return err
	}
	if err := log.PauseSweeps(ctx, "restored from a backup: look before anything is swept"); err != nil {
		return err
	}
	// A message without the state of its store: no writer of the platform leaves such a thing.
	if _, err := log.Append(ctx, store.State{}, store.Message{Type: store.Waited, Store: nobodys, Tenant: "nobody", Actor: "provisioner", Time: time.Now()}); err != nil {
		return err
	}
	return a.getStuck(ctx)
}

// getStuck has a delete tried as often as makes it stuck, without the pauses between.
func (a *author) getStuck(ctx context.Context) error {
	status, answer, err := a.Call(ctx, alice, http.MethodDelete, "/stores/"+string(a.stores[isStuck]), nil, "")
	if err != nil || status != http.StatusAccepted {
		return fmt.Errorf("delete store %q: %d %v: %w", isStuck, status, answer, err)
	}
	nc, err := a.broker.Dial("janitor")
	if err != nil {
		return err
	}
	defer nc.Close()
	janitor, err := storelog.Open(ctx, nc)
	if err != nil {
		return err
	}
	for attempt := range store.MaxAttempts {
		due := time.Now().Add(time.Second).UTC()
		if err := a.tell(ctx, janitor, isStuck, store.AttemptStarted, store.Facts{Attempt: attempt + 1}); err != nil {
			return err
		}
		why := store.Facts{Attempt: attempt + 1, Step: "namespace", NotBefore: &due,
			Reason: "NamespaceStuck", Message: "The cluster doesn't let go of the store.", Detail: "finalizers: example.com/hold"}
		if err := a.tell(ctx, janitor, isStuck, store.RetryScheduled, why); err != nil {
			return err
		}
	}
	return a.until(ctx, isStuck, store.State.Stuck)
}

// tell appends what is told of a store, with the facts where they explain something.
func (a *author) tell(ctx context.Context, log *storelog.Log, name string, t store.Type, facts store.Facts) error {
	actor := "provisioner"
	if t == store.AttemptStarted || t == store.RetryScheduled {
		actor = "janitor"
	}
	_, err := log.Update(ctx, a.stores[name], func(s store.State) (*store.Message, error) {
		m := &store.Message{Type: t, Actor: actor, Time: time.Now(), Facts: facts}
		switch t {
		case store.MendCommand:
			m.Facts.Spec = &s.Spec
		case store.Recovered:
			m.Generation, m.Facts = s.Generation, store.Facts{}
		default:
			m.Generation = s.Generation
		}
		return m, nil
	})
	if err != nil {
		return fmt.Errorf("tell of store %q that it is %s: %w", name, t, err)
	}
	return nil
}

// putAway discards the dead letter of a store.
func (a *author) putAway(ctx context.Context, name string) error {
	s, err := a.log.Last(ctx, a.stores[name])
	if err != nil {
		return err
	}
	path := fmt.Sprintf("/dead-letters/%d/discard", s.DeadLetters()[0])
	status, answer, err := a.Call(ctx, Admin, http.MethodPost, path, []byte(`{"reason":"its owner has given it up"}`), "")
	if err != nil || status != http.StatusAccepted {
		return fmt.Errorf("put store %q away: %d %v: %w", name, status, answer, err)
	}
	return nil
}

func isIll(s store.State) bool { return s.Status == store.Degraded }
