package admission

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/line"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// MaxReason is how many characters the reason of a discard may have.
const MaxReason = 500

// Redrive sends the dead letter with this sequence again: the command that failed or is stuck, as a new command; a
// message that the read model has set aside, as the wish that it be read once more. Whatever isn't a dead letter, isn't
// one any more or isn't the client's is store.ErrNoDeadLetter.
func (a *Admission) Redrive(ctx context.Context, who principal.Principal, seq uint64) (store.State, error) {
	return a.deal(ctx, who, seq, store.Redriven, "")
}

// Discard puts the dead letter away for good, for a reason that stays on the log. The store itself stays as it is.
func (a *Admission) Discard(ctx context.Context, who principal.Principal, seq uint64, reason string) (store.State, error) {
	reason = line.Trim(reason)
	if reason == "" || utf8.RuneCountInString(reason) > MaxReason {
		return store.State{}, &engine.FieldError{Field: "reason", Message: fmt.Sprintf("must have 1 to %d characters", MaxReason)}
	}
	if err := checkLine("reason", reason); err != nil {
		return store.State{}, err
	}
	return a.deal(ctx, who, seq, store.Discarded, reason)
}

// deal finds the letter in the log: that of a command is dealt with while nobody remembers anything.
func (a *Admission) deal(
	ctx context.Context, who principal.Principal, seq uint64, how store.Type, reason string,
) (store.State, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return store.State{}, err
	}
	raw, err := parts.Log.Message(ctx, seq)
	if errors.Is(err, storelog.ErrNoMessage) {
		return store.State{}, store.ErrNoDeadLetter
	}
	if err != nil {
		return store.State{}, err
	}
	id, err := storelog.StoreOf(raw.Subject)
	if err != nil {
		return store.State{}, store.ErrNoDeadLetter
	}
	paid := sync.OnceValue(func() error { return a.pay(ctx, who, 1) })
	state, err := parts.Log.Update(ctx, id, func(s store.State) (*store.Message, error) {
		m, err := a.answerCommand(s, who, seq, how, reason, parts)
		if err == nil {
			err = paid()
		}
		return m, err
	})
	// The message itself may be the letter, which only an operator deals with. Others learn nothing from the difference.
	if errors.Is(err, store.ErrNoDeadLetter) || errors.Is(err, storelog.ErrUnreadable) {
		if !rights.Allow(who, rights.Operate, "") {
			return store.State{}, store.ErrNoDeadLetter
		}
		if err := paid(); err != nil {
			return store.State{}, err
		}
		state, err = a.answerMessage(ctx, parts, id, store.Message{
			Type: how, Actor: who.Actor(), Time: a.now(), Facts: store.Facts{DeadLetter: seq, Message: reason},
		})
	}
	if err != nil {
		return store.State{}, err
	}
	return a.shown(who, state), nil
}

// answerCommand decides on the letter of a store's newest command. A second redrive finds another newest command, so
// there is never a second one for the same letter.
func (a *Admission) answerCommand(
	s store.State, who principal.Principal, seq uint64, how store.Type, reason string, parts *bus.Parts,
) (*store.Message, error) {
	if !s.Exists() || !rights.Allow(who, rights.AnswerLetters, s.Tenant) {
		return nil, store.ErrNoDeadLetter
	}
	if how == store.Discarded {
		return &store.Message{
			Type: store.Discarded, Tenant: s.Tenant, Actor: who.Actor(), Generation: seq, Time: a.now(),
			Facts: store.Facts{DeadLetter: seq, Message: reason},
		}, store.AdmitDiscard(s, seq)
	}
	verb, err := store.AdmitRedrive(s, seq)
	if err != nil {
		return nil, err
	}
	m := a.wanting(verb, s, who, parts.Platform.Cluster())
	m.Facts.DeadLetter = seq
	return m, nil
}

// answerMessage writes behind a message that was set aside. That one which ends its store's history can't be read is
// seen in the log, and going on behind it can't wait: the store is locked until then. Of all others only the read model
// knows whether it has set them aside, and without it nothing is done.
//
// The event belongs to no generation, so that it changes nothing of how the store is.
//
// Whoever comes here operates: such messages are nobody's.
func (a *Admission) answerMessage(ctx context.Context, parts *bus.Parts, id store.ID, m store.Message) (store.State, error) {
	state, err := parts.Log.Last(ctx, id)
	if errors.Is(err, storelog.ErrUnreadable) {
		state, err = parts.Log.Mend(ctx, id, m.Facts.DeadLetter, m)
		if errors.Is(err, storelog.ErrConflict) {
			// Where another message ends the history that can't be read either, that one comes first.
			if _, other := parts.Log.Last(ctx, id); errors.Is(other, storelog.ErrUnreadable) {
				return store.State{}, other
			}
		}
		return state, err
	}
	if err != nil {
		return store.State{}, err
	}
	reply, err := reader.Ask(ctx, a.reader, query.DeadLetters, query.DeadLettersRequest{
		Scope: query.All(), Kind: query.DeadSetAside, After: m.Facts.DeadLetter - 1, Limit: 1, Seen: state.Version,
	})
	if err != nil {
		return store.State{}, err
	}
	if len(reply.DeadLetters) == 0 || reply.DeadLetters[0].Seq != m.Facts.DeadLetter {
		return store.State{}, store.ErrNoDeadLetter
	}
	return parts.Log.Update(ctx, id, func(store.State) (*store.Message, error) { return &m, nil })
}
