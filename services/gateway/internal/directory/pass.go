package directory

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/storelog"
)

// passes are things that whoever knows a secret has, for as long as they live. What is kept is the secret's digest.
type passes[T any] struct {
	kv     jetstream.KeyValue
	prefix string
}

// issue makes one, and returns the secret, which nobody can read out again. life is at least a second.
func (p passes[T]) issue(ctx context.Context, thing T, life time.Duration) (secret string, err error) {
	secret = rand.Text()
	return secret, p.put(ctx, secret, thing, life)
}

// put is issue of a secret that was made for it, and is known to nobody else: what is there already was an earlier try, whose answer was lost.
func (p passes[T]) put(ctx context.Context, secret string, thing T, life time.Duration) error {
	return shelf[T]{p.kv, ""}.createFor(ctx, p.keyOf(secret), thing, life)
}

// look answers what a secret stands for; ErrUnknown where that is nothing.
func (p passes[T]) look(ctx context.Context, secret string) (T, error) {
	return p.at(ctx, p.keyOf(secret))
}

// at is look by where it is kept.
func (p passes[T]) at(ctx context.Context, key string) (T, error) {
	return shelf[T]{p.kv, ""}.read(ctx, key)
}

// spend answers what a secret stands for and ends it: of all who try, at however many gateways, one succeeds. After an error
// that says nothing of it (storelog.Unanswered) it may be spent.
func (p passes[T]) spend(ctx context.Context, secret string) (T, error) {
	var thing T
	key := p.keyOf(secret)
	have, err := storelog.ReadValue(ctx, p.kv, key)
	if err != nil {
		return thing, err
	}
	if have.Data == nil {
		return thing, ErrUnknown
	}
	err = p.kv.Purge(ctx, key, jetstream.LastRevision(have.Revision), jetstream.PurgeTTL(markLife))
	if storelog.Refused(err) {
		return thing, ErrUnknown
	}
	if err != nil {
		return thing, fmt.Errorf("spend a pass: %w", err)
	}
	return thing, shelf[T]{p.kv, ""}.decode(have.Data, &thing)
}

// end ends one, whether or not there is any.
func (p passes[T]) end(ctx context.Context, secret string) error {
	return shelf[T]{p.kv, ""}.remove(ctx, p.keyOf(secret))
}

func (p passes[T]) keyOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return p.prefix + hex.EncodeToString(sum[:])
}
