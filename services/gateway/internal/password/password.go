// Package password keeps passwords as argon2id hashes, and says which are taken. A hash is dear on purpose, in time and in memory, so few are
// computed at once and few requests wait for it: whoever comes beyond that is refused at once (ErrBusy) instead of making
// everybody wait for what strangers guess.
package password

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/alexedwards/argon2id"
)

// ErrBusy: as many hashes are being computed and waited for as may be. Nothing was compared.
var ErrBusy = errors.New("too many passwords are being looked at")

// params are those of new hashes, the least in memory of what OWASP recommends. Not RFC 9106's 64 MiB: the collector lets garbage grow to as much
// as is in use, so four hashes of that size come near half a gigabyte, which is all that a gateway has.
var params = argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// dearest is the most memory, in KiB, that a hash which is read may want: it is another release's, or nobody's.
const dearest = 64 << 10

const (
	// atOnce is how many hashes are computed at a time, waiting how many more may wait for their turn, and patience for how long.
	atOnce   = 4
	waiting  = 32
	patience = 5 * time.Second
)

// Hasher computes hashes, a few at once. Make it with NewHasher; it is safe for concurrent use.
type Hasher struct {
	turns  chan struct{}
	queued atomic.Int64
	made   atomic.Int64
	// nobodys is the hash that the password of an unknown address is compared with.
	nobodys string
}

// NewHasher makes one; a process has one.
func NewHasher() *Hasher { return &Hasher{turns: make(chan struct{}, atOnce), nobodys: nobodys()} }

// nobodys is a hash as dear to compare with as any. All of it is chance and not of a password: what is thrown away needn't be computed, least
// of all by each gateway that starts, and a match wouldn't be believed.
func nobodys() string {
	chance := make([]byte, params.SaltLength+params.KeyLength)
	_, _ = rand.Read(chance)
	text := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
		params.Memory, params.Iterations, params.Parallelism, text(chance[:params.SaltLength]), text(chance[params.SaltLength:]))
}

// Made is how many hashes were computed for requests.
func (h *Hasher) Made() int64 { return h.made.Load() }

// Hash answers the hash of a password, in PHC format. It fails with ErrBusy.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	hash, err := argon2id.CreateHash(password, &params)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

// Check compares a password with a hash; stale: it is right, and the hash is of other parameters than new ones. Nobody's hash, the empty one, takes
// as long as any and is never matched. It fails with ErrBusy.
func (h *Hasher) Check(ctx context.Context, password, hash string) (right, stale bool, err error) {
	nobodys := hash == ""
	if nobodys {
		hash = h.nobodys
	}
	have, _, _, err := argon2id.DecodeHash(hash)
	if err != nil || have.Memory > dearest || have.Iterations < 1 || have.Parallelism < 1 {
		return false, false, errors.New("a password's hash can't be read")
	}
	done, err := h.turn(ctx)
	if err != nil {
		return false, false, err
	}
	defer done()
	right, have, err = argon2id.CheckHash(password, hash)
	if err != nil {
		return false, false, errors.New("a password's hash can't be read")
	}
	return right && !nobodys, right && !nobodys && *have != params, nil
}

// turn waits for one's turn, and returns what ends it.
func (h *Hasher) turn(ctx context.Context) (done func(), err error) {
	if h.queued.Add(1) > atOnce+waiting {
		h.queued.Add(-1)
		return nil, ErrBusy
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case h.turns <- struct{}{}:
		h.made.Add(1)
		return func() { <-h.turns; h.queued.Add(-1) }, nil
	case <-late.C:
		err = ErrBusy
	case <-ctx.Done():
		err = ctx.Err()
	}
	h.queued.Add(-1)
	return nil, err
}
