// Package claim counts a tenant's stores exactly, however many gateways admit at once.
//
// One key per tenant holds the ids of its stores and is changed only under its own revision. A gateway claims before it
// appends: if it died in between, a claim without a store is left, which errs on the side of the quota. It gives back a
// claim of its own and no other's, where the log has said for certain that there is no store. The janitor releases
// when a store is gone, and its sweeps mend what the dead left (reconcile.go).
package claim

import (
	"context"
	cryptorand "crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// ErrQuota: the tenant has as many stores as it may.
var ErrQuota = errors.New("the tenant has as many stores as it may")

// ErrClosed: the tenant is going, or gone, and takes no more stores.
var ErrClosed = errors.New("the tenant takes no more stores")

// HeldError: the tenant has claims, so it can't be closed.
type HeldError struct{ Claims int }

func (e *HeldError) Error() string { return fmt.Sprintf("the tenant has %d claims", e.Claims) }

// held is what a tenant's key holds.
type held struct {
	Tenant string  `json:"tenant"`
	Stores []entry `json:"stores"`
	// Closed: there are no stores, and there will be none. It stays behind the tenant for a while (Remembered), so that who has read of it a moment ago
	// makes none for nobody.
	Closed bool `json:"closed,omitempty"`
	// written is when the broker stored it, which is after each of its entries was made.
	written time.Time
}

type entry struct {
	ID    store.ID  `json:"id"`
	Since time.Time `json:"since"`
	// Nonce tells this claim from others of the same id. Releases before nonces write none, and leave out those of a key
	// that they change: such a claim is given back by nobody, and waits for its store or a sweep.
	Nonce string `json:"nonce,omitempty"`
}

func (h *held) holds(id store.ID) bool {
	return slices.ContainsFunc(h.Stores, func(e entry) bool { return e.ID == id })
}

// release says whether there was anything to release.
func (h *held) release(id store.ID) bool {
	before := len(h.Stores)
	h.Stores = slices.DeleteFunc(h.Stores, func(e entry) bool { return e.ID == id })
	return len(h.Stores) != before
}

// giveBack says whether there was a claim of that nonce.
func (h *held) giveBack(id store.ID, nonce string) bool {
	before := len(h.Stores)
	h.Stores = slices.DeleteFunc(h.Stores, func(e entry) bool { return e.ID == id && e.Nonce == nonce && nonce != "" })
	return len(h.Stores) != before
}

// Book is the bucket of claims. Safe for concurrent use.
type Book struct {
	kv     jetstream.KeyValue
	memory memory
}

// NewBook keeps claims in kv, which storelog.Bucket opened.
func NewBook(kv jetstream.KeyValue) *Book {
	return &Book{kv: kv, memory: memory{pages: map[string]page{}}}
}

// Claim notes the store for its tenant unless that has limit stores already (ErrQuota) or is closed (ErrClosed). Claiming twice is claiming once,
// from now on: who claims again is about to append again, and a sweep that has found the old claim without a store must
// see that it is young, or meet another revision.
//
// The nonce is what GiveBack takes. It is empty where the id was claimed already: what became of that other append, which
// may still be on its way, is nothing that this claim's writer can know.
func (b *Book) Claim(ctx context.Context, tenant string, id store.ID, limit int, now time.Time) (nonce string, err error) {
	made := cryptorand.Text()
	note := func(h *held) (bool, error) {
		nonce = made
		if h.Closed {
			return false, ErrClosed
		}
		if h.holds(id) && !h.giveBack(id, nonce) {
			nonce = ""
			h.release(id)
		}
		if len(h.Stores) >= limit {
			return false, fmt.Errorf("%d of %d: %w", len(h.Stores), limit, ErrQuota)
		}
		h.Stores = append(h.Stores, entry{ID: id, Since: now.UTC(), Nonce: nonce})
		return true, nil
	}
	written, err := b.fromMemory(ctx, tenant, note)
	if err != nil {
		written, err = b.change(ctx, tenant, note)
	}
	if err == nil {
		b.memory.keep(written)
	}
	return nonce, err
}

// fromMemory is a change of what this Book itself has written last, without reading it. The revision that it is written under
// makes it exact. Memory may be old, so nothing that comes of it but a success means anything: who gets an error reads.
func (b *Book) fromMemory(ctx context.Context, tenant string, change func(*held) (bool, error)) (page, error) {
	p, known := b.memory.take(tenant)
	if !known {
		return page{}, errForgotten
	}
	if _, err := change(&p.held); err != nil {
		return page{}, err
	}
	return b.write(ctx, p)
}

// GiveBack forgets a claim that made no store, and only that one: whoever has claimed the same id since, by the same key
// say, may have a store. It is for who knows that there is none of its own, which a conflict or an answer that never
// came doesn't say.
func (b *Book) GiveBack(ctx context.Context, tenant string, id store.ID, nonce string) error {
	_, err := b.change(ctx, tenant, func(h *held) (bool, error) { return h.giveBack(id, nonce), nil })
	return err
}

// Release forgets a store that is gone. Releasing twice is releasing once.
func (b *Book) Release(ctx context.Context, tenant string, id store.ID) error {
	_, err := b.change(ctx, tenant, func(h *held) (bool, error) { return h.release(id), nil })
	return err
}

// Close ends a tenant's claiming for ever, unless it has any (*HeldError): of a create at the same moment and this, one is
// refused. Closing twice is closing once.
func (b *Book) Close(ctx context.Context, tenant string) error {
	_, err := b.change(ctx, tenant, func(h *held) (bool, error) {
		if n := len(h.Stores); n > 0 {
			return false, &HeldError{Claims: n}
		}
		changed := !h.Closed
		h.Closed = true
		return changed, nil
	})
	return err
}

// Mark is a tenant's claim of a store as it was found once; the zero one is of none.
type Mark entry

// Mark finds the tenant's claim of the store.
func (b *Book) Mark(ctx context.Context, tenant string, id store.ID) (Mark, error) {
	p, err := b.read(ctx, tenant)
	if err != nil {
		return Mark{}, err
	}
	if at := slices.IndexFunc(p.held.Stores, func(e entry) bool { return e.ID == id }); at >= 0 {
		return Mark(p.held.Stores[at]), nil
	}
	return Mark{}, nil
}

// ReleaseMarked forgets the claim of a store that is another tenant's since the claim was marked, and only that very one: where
// somebody has claimed the store for the same tenant anew, it may be getting it back.
func (b *Book) ReleaseMarked(ctx context.Context, tenant string, m Mark) error {
	_, err := b.change(ctx, tenant, func(h *held) (bool, error) {
		before := len(h.Stores)
		h.Stores = slices.DeleteFunc(h.Stores, func(e entry) bool { return e.ID == m.ID && e.Nonce == m.Nonce && e.Since.Equal(m.Since) })
		return len(h.Stores) != before, nil
	})
	return err
}

// Held lists the ids a tenant has claimed, oldest first.
func (b *Book) Held(ctx context.Context, tenant string) ([]store.ID, error) {
	p, err := b.read(ctx, tenant)
	if err != nil {
		return nil, err
	}
	ids := make([]store.ID, len(p.held.Stores))
	for i, e := range p.held.Stores {
		ids[i] = e.ID
	}
	return ids, nil
}

// change lets change decide on what a tenant holds, and again when somebody else got ahead; it says whether there is
// anything to write. It answers what the tenant holds then.
func (b *Book) change(ctx context.Context, tenant string, change func(*held) (bool, error)) (page, error) {
	var p page
	value, err := storelog.Rewrite(ctx, b.kv, keyOf(tenant), func(have storelog.Value) ([]byte, error) {
		var err error
		if p, err = pageOf(tenant, have); err != nil {
			return nil, err
		}
		changed, err := change(&p.held)
		if err != nil || !changed {
			return nil, err
		}
		return json.Marshal(p.held)
	})
	if err != nil {
		return page{}, fmt.Errorf("change the claims of %s: %w", tenant, err)
	}
	p.revision = value.Revision
	return p, nil
}

// write puts a page where the one of its revision is, and answers it with the revision that it has there.
func (b *Book) write(ctx context.Context, p page) (page, error) {
	data, err := json.Marshal(p.held)
	if err != nil {
		return page{}, fmt.Errorf("encode the claims of %s: %w", p.held.Tenant, err)
	}
	if p.revision, err = b.kv.Update(ctx, keyOf(p.held.Tenant), data, p.revision); err != nil {
		return page{}, fmt.Errorf("write the claims of %s: %w", p.held.Tenant, err)
	}
	return p, nil
}

func (b *Book) read(ctx context.Context, tenant string) (page, error) {
	value, err := storelog.ReadValue(ctx, b.kv, keyOf(tenant))
	if err != nil {
		return page{}, fmt.Errorf("read the claims of %s: %w", tenant, err)
	}
	return pageOf(tenant, value)
}

// pageOf reads what a tenant's key holds; of a key that holds nothing it is an empty page.
func pageOf(tenant string, value storelog.Value) (page, error) {
	p := page{held: held{Tenant: tenant}, revision: value.Revision}
	if value.Data == nil {
		return p, nil
	}
	if err := json.Unmarshal(value.Data, &p.held); err != nil {
		return page{}, fmt.Errorf("decode the claims of %s: %w", tenant, err)
	}
	p.held.written = value.Created
	return p, nil
}

// keyOf hashes the tenant: an address or an e-mail isn't a legal key, and a listing of keys needn't name people.
func keyOf(tenant string) string {
	sum := sha256.Sum256([]byte(tenant))
	return "tenant." + hex.EncodeToString(sum[:16])
}
