package claim

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Grace is how long a claim may wait for its store: between the two a gateway appends the create, which takes it
// seconds at most.
const Grace = 10 * time.Minute

// Evidence is what a sweep knows of a tenant's stores.
type Evidence struct {
	// Stores are the tenant's that the log was just seen to hold and that aren't deleted.
	Stores []store.ID
	// Spared are ids, of any tenant, that are never released: what the log has lost it can't speak for.
	Spared []store.ID
	// Last reads how a store is now (storelog.Log.Last).
	Last func(context.Context, store.ID) (store.State, error)
}

// Mended is what Reconcile changed.
type Mended struct{ Released, Added []store.ID }

// Remembered is for how long it is known that a tenant was closed. A create that was let in before that, at a gateway which went by what it knew of the
// tenant, has been answered within a minute: what is left is a gateway that froze in the middle of one, and was woken a day later. Its store
// would be a tenant's that there isn't, as one is whose tenant a restore has lost, and an operator can give it away or delete it.
const Remembered = 24 * time.Hour

// Listed is what a book holds.
type Listed struct {
	// Tenants are those that have a claim. Who has none any more isn't among them: however many there have been, they cost no read each.
	Tenants []string
	closed  []closed
}

// closed is a key of a tenant that takes no more stores.
type closed struct {
	key      string
	revision uint64
	at       time.Time
}

// List reads all of it at once.
func (b *Book) List(ctx context.Context) (Listed, error) {
	values, err := b.kv.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return Listed{}, fmt.Errorf("list the claims: %w", err)
	}
	defer func() { _ = values.Stop() }()
	var listed Listed
	for {
		select {
		case <-ctx.Done():
			return Listed{}, fmt.Errorf("list the claims: %w", ctx.Err())
		case value, open := <-values.Updates():
			if !open {
				return Listed{}, fmt.Errorf("list the claims: %w", jetstream.ErrConsumerDeleted)
			}
			if value == nil { // the last there was
				return listed, nil
			}
			var h held
			if err := json.Unmarshal(value.Value(), &h); err != nil {
				return Listed{}, fmt.Errorf("decode the claims of key %s: %w", value.Key(), err)
			}
			if len(h.Stores) > 0 {
				listed.Tenants = append(listed.Tenants, h.Tenant)
			}
			if h.Closed {
				listed.closed = append(listed.closed, closed{value.Key(), value.Revision(), value.Created()})
			}
		}
	}
}

// markLife is how long is remembered that there was a key which is gone.
const markLife = time.Hour

// Forget removes the keys of tenants that were closed longer ago than is Remembered. Their ids are by chance and never used again, so nobody misses
// them, and they would be as many as there have ever been tenants.
func (b *Book) Forget(ctx context.Context, listed Listed, now time.Time) error {
	for _, c := range listed.closed {
		if now.Sub(c.at) < Remembered {
			continue
		}
		err := b.kv.Purge(ctx, c.key, jetstream.LastRevision(c.revision), jetstream.PurgeTTL(markLife))
		if err != nil && !storelog.Refused(err) {
			return fmt.Errorf("forget a closed tenant: %w", err)
		}
	}
	return nil
}

// Reconcile brings a tenant's claims in line with the log: claims older than Grace that no live store stands behind are
// released, live stores without a claim are claimed, whatever the quota says of it. It is exact beside gateways and
// janitors at work: each id is looked up in the log after the key was read, and the key is written under its revision,
// which every new claim changes.
func (b *Book) Reconcile(ctx context.Context, tenant string, seen Evidence, now time.Time) (Mended, error) {
	var mended Mended
	_, err := b.change(ctx, tenant, func(h *held) (bool, error) {
		mended = Mended{}
		released, err := leaked(ctx, *h, seen, now)
		if err != nil {
			return false, err
		}
		added, err := unclaimed(ctx, *h, seen)
		if err != nil {
			return false, err
		}
		for _, id := range released {
			h.release(id)
		}
		for _, s := range added {
			// Since its create: should it be deleted at this moment, the next sweep needn't wait to take it back.
			h.Stores = append(h.Stores, entry{ID: s.ID, Since: s.CreatedAt})
			mended.Added = append(mended.Added, s.ID)
		}
		mended.Released = released
		return len(mended.Released)+len(mended.Added) > 0, nil
	})
	if err != nil {
		return Mended{}, err
	}
	return mended, b.takeBack(ctx, tenant, mended.Added, seen)
}

// since is when an entry was made: by its gateway's clock, unless that was ahead.
func (h held) since(e entry) time.Time {
	if h.written.Before(e.Since) {
		return h.written
	}
	return e.Since
}

// leaked lists the claims that no live store stands behind.
func leaked(ctx context.Context, h held, seen Evidence, now time.Time) ([]store.ID, error) {
	var ids []store.ID
	for _, e := range h.Stores {
		if slices.Contains(seen.Stores, e.ID) || slices.Contains(seen.Spared, e.ID) || now.Sub(h.since(e)) < Grace {
			continue
		}
		s, err := seen.Last(ctx, e.ID)
		if err != nil {
			return nil, err
		}
		if !s.Exists() || s.Status == store.Deleted || s.Tenant != h.Tenant {
			ids = append(ids, e.ID)
		}
	}
	return ids, nil
}

// unclaimed lists the live stores without a claim. One that is being deleted isn't among them: its claim may have been
// released a moment ago, as the teardown's last step.
func unclaimed(ctx context.Context, h held, seen Evidence) ([]store.State, error) {
	var stores []store.State
	for _, id := range seen.Stores {
		if h.holds(id) {
			continue
		}
		s, err := seen.Last(ctx, id)
		if err != nil {
			return nil, err
		}
		if s.Exists() && s.Verb != store.Delete && s.Tenant == h.Tenant {
			stores = append(stores, s)
		}
	}
	return stores, nil
}

// takeBack releases what was claimed for a store that somebody began to delete meanwhile, or gave to another tenant: its
// teardown, or who gave it away, may have looked for a claim before there was one, and then nobody else would release it. Who asks for
// either after this look finds the claim.
func (b *Book) takeBack(ctx context.Context, tenant string, added []store.ID, seen Evidence) error {
	for _, id := range added {
		s, err := seen.Last(ctx, id)
		if err != nil {
			return err
		}
		if s.Verb != store.Delete && s.Tenant == tenant {
			continue
		}
		if err := b.Release(ctx, tenant, id); err != nil {
			return err
		}
	}
	return nil
}
