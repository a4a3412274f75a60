package admission

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// PartlyError: some of a change was said before it could go no further.
type PartlyError struct {
	// Said stands. A change's command is the last of it and is never here.
	Said []store.Type
	// Matched says that the request named an ETag, which the store has no more since then.
	Matched bool
	Err     error
}

func (e *PartlyError) Error() string { return fmt.Sprintf("behind %v: %v", e.Said, e.Err) }

func (e *PartlyError) Unwrap() error { return e.Err }

// changing is one change on its way into the log, message by message.
type changing struct {
	*Admission
	parts *bus.Parts
	who   principal.Principal
	id    store.ID
	now   time.Time
	// left is what of it isn't said yet, and said what is.
	left Change
	said []store.Type
	// paid is how many messages were paid for, and grows the plan whose volumes were asked about.
	paid  int
	grows string
}

// run says all of it. What it returns with an error is the store as this change has left it, if it has.
func (c *changing) run(ctx context.Context) (store.State, error) {
	for is := (store.State{}); ; {
		after, more, err := c.next(ctx)
		if err != nil && len(c.said) > 0 {
			err = &PartlyError{Said: c.said, Matched: c.left.Match != nil, Err: err}
		}
		if err != nil {
			return is, err
		}
		if !more {
			return after, nil
		}
		is = after
	}
}

// next says one message, if there is one to say. more: others are left.
func (c *changing) next(ctx context.Context) (after store.State, more bool, err error) {
	var todo []store.Message
	after, err = c.parts.Log.Update(ctx, c.id, func(s store.State) (*store.Message, error) {
		var err error
		if todo, err = c.decide(ctx, s); err != nil || len(todo) == 0 {
			return nil, err
		}
		return &todo[0], nil
	})
	if err != nil || len(todo) == 0 {
		return after, false, err
	}
	c.said, c.left = append(c.said, todo[0].Type), c.left.without(todo[0].Type)
	// The rest is held against what this one has made: whoever read that, and changed it, had the last word.
	if c.left.Match != nil {
		c.left.Match = []string{ETag(after)}
	}
	return after, len(todo) > 1, nil
}

// decide lists what is still to be said, of which the first is ready to be.
func (c *changing) decide(ctx context.Context, s store.State) ([]store.Message, error) {
	if err := visible(s, c.who, rights.CommandStores); err != nil {
		return nil, err
	}
	if c.left.Match != nil && !slices.Contains(c.left.Match, ETag(s)) {
		return nil, &ChangedError{Is: s}
	}
	todo, err := c.left.todo(s, c.parts.Catalog, c.now)
	if err != nil || len(todo) == 0 {
		return nil, err
	}
	if err := c.pays(ctx, len(todo)); err != nil {
		return nil, err
	}
	if err := c.growth(ctx, s, todo[len(todo)-1].Facts.Spec); err != nil {
		return nil, err
	}
	m := &todo[0]
	m.Tenant, m.Actor, m.Time = s.Tenant, c.who.Actor(), c.now
	if m.Type.IsCommand() {
		waits := waiting(c.parts.Platform.Cluster())
		m.Facts.Reason, m.Facts.Message = waits.Reason, waits.Message
	} else {
		m.Generation = s.Generation
	}
	return todo, nil
}

// pays pays for all that there is to say before any of it is said, and before anybody is asked about it: a question costs
// its answerer more than a message does, so what is refused after it has its price too. What others' changes add behind the
// first message is on nobody, because half a change isn't refused for a token.
func (c *changing) pays(ctx context.Context, messages int) error {
	owed := messages - c.paid
	if len(c.said) > 0 || owed <= 0 {
		return nil
	}
	if err := c.pay(ctx, c.who, owed); err != nil {
		return err
	}
	c.paid = messages
	return nil
}

// growth refuses a plan whose volumes the store can't get, and asks once. Where nobody can tell, the operation will, and
// what stands stays.
func (c *changing) growth(ctx context.Context, s store.State, spec *store.Spec) error {
	if spec == nil || spec.Plan == s.Spec.Plan || spec.Plan == c.grows || !s.Stood {
		return nil
	}
	grows, err := reader.Ask(ctx, c.reader, query.Growth.In(s.Cluster), query.GrowthRequest{Store: s.ID, Plan: spec.Plan})
	if err != nil {
		slog.WarnContext(ctx, "ask whether a store's volumes can grow; its update goes on, and will see", "store", s.ID, "error", err)
	}
	if grows.Refused {
		return &engine.FieldError{Field: "plan", Message: "needs larger volumes than the store has, and the cluster's storage can't make them larger"}
	}
	c.grows = spec.Plan
	return nil
}
