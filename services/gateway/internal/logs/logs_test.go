package logs

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// A refusal ends logs at once, and silence when it has lasted. Who is unknown until an operator has confirmed the accounts is refused.
func TestWhoMayNotReadAnyMoreIsToldAtTheNextLook(t *testing.T) {
	const soon, late = askAgain, silence * askAgain
	for name, c := range map[string]struct {
		state store.State
		err   error
		after time.Duration
		want  error
	}{
		"sees it":         {store.State{Status: store.Ready}, nil, late, nil},
		"deleted":         {store.State{Status: store.Deleted}, nil, soon, EndDeleted},
		"not the asker's": {store.State{}, store.ErrNotFound, soon, EndRevoked},
		"refused":         {store.State{}, problem.New(problem.Forbidden, "no"), soon, EndRevoked},
		"unconfirmed":     {store.State{}, directory.ErrUnconfirmed, soon, EndRevoked},
		"nobody says":     {store.State{}, bus.ErrUnavailable, late - 1, nil},
		"nor for long":    {store.State{}, bus.ErrUnavailable, late, EndUnheard},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				s := &Stream{ways: &Ways{every: askAgain, quiet: time.Hour}, looked: began, answered: began, told: began}
				s.may = func(context.Context) (store.State, error) { return c.state, errors.Join(c.err) }
				if err := s.mayGoOn(t.Context()); err != nil {
					t.Errorf("before it is asked, it ends with %v", err)
				}
				time.Sleep(c.after)
				if err := s.mayGoOn(t.Context()); fmt.Sprint(err) != fmt.Sprint(c.want) {
					t.Errorf("it ends with %v, want %v", err, c.want)
				}
			})
		})
	}
}
