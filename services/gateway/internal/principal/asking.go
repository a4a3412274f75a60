package principal

import (
	"cmp"
	"context"
	"errors"
	"sync"
)

// ErrNobody: it isn't known who asks, and nobody gets this.
var ErrNobody = errors.New("nobody asks")

// Finder finds out who makes a request. That may take questions to the broker, so it isn't done before somebody wants to know: what is
// the same for everybody waits for nobody.
type Finder interface {
	// Find finds who asks in a tenant; an empty one is that which the request names itself, if any. With an error it
	// answers who asks all the same, where that alone is known: somebody who is in no such tenant.
	Find(ctx context.Context, tenant string) (Principal, error)
	// Strange says that what was shown to say who asks is nothing by which anybody was found here lately. It asks nobody.
	Strange() bool
	// Again finds what has become of who was found before. It fails as Find does.
	Again(ctx context.Context, p Principal) (Principal, error)
}

type key struct{}

// asking is what a context says of who asks: a principal, or why there is none, or how to find out.
type asking struct {
	finder Finder
	once   sync.Once
	who    Principal
	why    error
}

func in(ctx context.Context) *asking {
	if a, ok := ctx.Value(key{}).(*asking); ok {
		return a
	}
	return &asking{}
}

func (a *asking) find(ctx context.Context) (Principal, error) {
	if a.finder != nil {
		a.once.Do(func() { a.who, a.why = a.finder.Find(ctx, "") })
	}
	return a.who, a.why
}

// With says who asks in what is done with the context.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, key{}, &asking{who: p})
}

// Without says that nobody asks, and why it can't be told who: whoever refuses nobody says that.
func Without(ctx context.Context, why error) context.Context {
	return context.WithValue(ctx, key{}, &asking{why: why})
}

// Asked says how to find out who asks. It is done once.
func Asked(ctx context.Context, finder Finder) context.Context {
	return context.WithValue(ctx, key{}, &asking{finder: finder})
}

// In returns who asks; nobody, where the door has let nobody in.
func In(ctx context.Context) Principal {
	who, _ := in(ctx).find(ctx)
	return who
}

// Found is In as far as somebody has wanted to know before.
func Found(ctx context.Context) Principal {
	a := in(ctx)
	if a.finder != nil {
		// Whoever asks for nothing first finds nobody, and so does who comes then: the answers are through.
		a.once.Do(func() {})
	}
	return a.who
}

// Strange says that finding out who asks takes questions about something that may have been invented a moment ago. Who counts requests has
// these paid for before anybody is asked.
func Strange(ctx context.Context) bool {
	a := in(ctx)
	return a.finder != nil && a.finder.Strange()
}

// Missing is why nobody asks; nil where somebody does. A route that is for somebody asks this first of all.
func Missing(ctx context.Context) error {
	who, why := in(ctx).find(ctx)
	if who.Known() {
		return nil
	}
	return cmp.Or(why, ErrNobody)
}

// Astray is why somebody is in no tenant who has named one; nil where none was named, or nobody asks.
func Astray(ctx context.Context) error {
	who, why := in(ctx).find(ctx)
	if !who.Known() {
		return nil
	}
	return why
}

// Within returns a context in which the same asks in a tenant that the request names by its path. Who isn't in that is
// known there all the same, and Astray.
func Within(ctx context.Context, tenant string) context.Context {
	a := in(ctx)
	if a.finder == nil {
		return ctx
	}
	who, why := a.finder.Find(ctx, tenant)
	return context.WithValue(ctx, key{}, &asking{who: who, why: why})
}

// Again returns a function that finds what has become of who asks, for those who serve it longer than a request takes; nil of who can't
// become anybody else.
func Again(ctx context.Context) func(context.Context) (Principal, error) {
	a := in(ctx)
	if a.finder == nil {
		return nil
	}
	who, _ := a.find(ctx)
	return func(ctx context.Context) (Principal, error) { return a.finder.Again(ctx, who) }
}
