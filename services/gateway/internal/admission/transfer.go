package admission

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// TransferredAtMost is how many stores one request transfers, each at the cost of some five writes on the broker's disk: few
// enough to be answered in time.
const TransferredAtMost = 50

// mayTransfer says whether the principal may give stores to other tenants. It is asked before anything else is, so that
// who may not learns nothing of the store.
func mayTransfer(who principal.Principal) error {
	return rights.Check(who, rights.TransferStore)
}

// tenantThere refuses a tenant that there isn't. In open mode it is whoever comes from its address.
func tenantThere(ctx context.Context, parts *bus.Parts, tenant string) error {
	if parts.Directory == nil {
		return tenantNamed(parts.Log.Naming(), "tenant", tenant)
	}
	_, err := parts.Directory.Tenant(ctx, tenant)
	if errors.Is(err, directory.ErrUnknown) {
		return &engine.FieldError{Field: "tenant", Message: "must be the id of a tenant that there is"}
	}
	return err
}

// tenantNamed refuses what no tenant is called.
func tenantNamed(naming storelog.Naming, field, tenant string) error {
	if naming.Names(tenant) || directory.IsTenant(tenant) {
		return nil
	}
	return &engine.FieldError{
		Field: field, Message: "must be the name of a tenant, t- with ten characters a-z and 2-7, or in open mode as its stores say it",
	}
}

// Transfer gives the store to another tenant, with its history; what runs of it runs on. It is true as soon as it is said. One that
// is that tenant's already is answered as it is. It needs a place in that tenant's quota (*QuotaError).
//
// Killed anywhere in between, it is done or isn't, and a claim too many may be left at either tenant until a sweep finds it.
func (a *Admission) Transfer(ctx context.Context, who principal.Principal, id store.ID, to string) (store.State, error) {
	if err := mayTransfer(who); err != nil {
		return store.State{}, err
	}
	parts, err := a.transferring(ctx)
	if err != nil {
		return store.State{}, err
	}
	if err := tenantThere(ctx, parts, to); err != nil {
		return store.State{}, err
	}
	return a.handOver(ctx, transfer{parts: parts, who: who, id: id, to: to})
}

// transferring are the parts, unless a release may still run that would misread a transfer. Nothing is noted of what is refused so.
func (a *Admission) transferring(ctx context.Context) (*bus.Parts, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	level, since := parts.Log.WriteLevel(), store.Transferred.Since()
	if level < since {
		if level, err = parts.Log.AskWriteLevel(ctx); err != nil {
			return nil, err
		}
	}
	if level < since {
		return nil, storelog.ErrUpgrading
	}
	return parts, nil
}

// Transfers is what became of a tenant's stores, of one page of them.
type Transfers struct {
	Transferred []store.ID
	Refused     []Kept
	// Next is behind which of the tenant's stores to go on; empty where there are no more.
	Next string
}

// Kept is a store that wasn't transferred.
type Kept struct {
	Store store.ID
	Why   error
}

// TransferAll gives a tenant's stores to another, a page of them, newest first. What can't be had of one store keeps no other;
// where it is the platform that can't, nothing more is tried. It can be repeated: stores that have gone aren't the tenant's any more.
func (a *Admission) TransferAll(ctx context.Context, who principal.Principal, from, to, after string) (Transfers, error) {
	if err := mayTransfer(who); err != nil {
		return Transfers{}, err
	}
	parts, err := a.transferring(ctx)
	if err != nil {
		return Transfers{}, err
	}
	err = tenantNamed(parts.Log.Naming(), "from", from)
	if err == nil {
		err = tenantThere(ctx, parts, to)
	}
	if err == nil && from == to {
		err = &engine.FieldError{Field: "tenant", Message: "must be another tenant than from"}
	}
	if err != nil {
		return Transfers{}, err
	}
	page, err := reader.Ask(ctx, a.reader, query.Stores, query.StoresRequest{
		Scope: query.Of(from), After: after, Limit: TransferredAtMost, Seen: a.seen.of(from),
	})
	if err != nil {
		return Transfers{}, err
	}
	all := Transfers{Next: page.Next}
	var broken error
	for _, s := range page.Stores {
		err := broken
		if err == nil {
			_, err = a.handOver(ctx, transfer{parts: parts, who: who, id: s.ID, from: from, to: to})
		}
		switch {
		case err == nil:
			all.Transferred = append(all.Transferred, s.ID)
		case errors.Is(err, errNotTheirs):
			// Somebody was faster than the list, and whose it is now it may stay.
		default:
			all.Refused = append(all.Refused, Kept{Store: s.ID, Why: err})
			if !ofTheStore(err) {
				broken = err
			}
		}
	}
	if broken != nil && len(all.Transferred) == 0 {
		return Transfers{}, broken
	}
	return all, nil
}

// ofTheStore says whether an error is one store's alone, or its new tenant's, and not the platform's.
func ofTheStore(err error) bool {
	var inFlight *store.InFlightError
	var quota *QuotaError
	if errors.As(err, &inFlight) || errors.As(err, &quota) {
		return true
	}
	for _, own := range []error{store.ErrNotFound, store.ErrDeleted, storelog.ErrUnreadable, storelog.ErrNewerSchema, storelog.ErrConflict} {
		if errors.Is(err, own) {
			return true
		}
	}
	return false
}

// errNotTheirs: the store isn't the tenant's that it was to be taken from.
var errNotTheirs = errors.New("the store is another tenant's")

// transfer is one store on its way to another tenant.
type transfer struct {
	parts *bus.Parts
	who   principal.Principal
	id    store.ID
	// from is whose it must be, where that is set; to is whose it is to be.
	from, to string

	// giver is whose it was when that was looked at last, mark that one's claim, and nonce that of the new one's.
	giver string
	mark  claim.Mark
	nonce string
	// noted is whose it was in what the audit has of this.
	noted string
	// refused is why it may not be said, where nothing was sent.
	refused error
}

// handOver claims, notes and says it, in this order, and gives back the claim that isn't needed: the former tenant's, or where the
// log has refused for certain the new one's.
func (a *Admission) handOver(ctx context.Context, t transfer) (store.State, error) {
	paid := sync.OnceValue(func() error { return a.pay(ctx, t.who, 1) })
	now := a.now()
	state, err := t.parts.Log.Update(ctx, t.id, func(s store.State) (m *store.Message, err error) {
		m, err = a.handing(ctx, &t, s, now, paid)
		t.refused = err
		return m, err
	})
	if err != nil {
		if t.nonce != "" && t.certain(err) {
			giveBack(ctx, t.parts.Claims, t.to, t.id, t.nonce)
		}
		return store.State{}, err
	}
	if t.giver != t.to {
		if err := t.parts.Claims.ReleaseMarked(ctx, t.giver, t.mark); err != nil {
			slog.WarnContext(ctx, "release the claim of who had a store; a sweep does", "store", t.id, "error", err)
		}
		a.seen.note(t.giver, state.Version)
	}
	return a.shown(t.who, state), nil
}

// handing decides on one state. The claim is made behind each look at the store: what makes it void, another transfer or a deletion, is
// then behind that look, too, and the fence refuses what was decided on it.
func (a *Admission) handing(ctx context.Context, t *transfer, s store.State, now time.Time, paid func() error) (*store.Message, error) {
	if err := store.AdmitChange(s); err != nil {
		return nil, err
	}
	t.giver = s.Tenant
	switch {
	case s.Tenant == t.to:
		return nil, nil
	case t.from != "" && s.Tenant != t.from:
		return nil, errNotTheirs
	}
	if err := paid(); err != nil {
		return nil, err
	}
	var err error
	if t.mark, err = t.parts.Claims.Mark(ctx, s.Tenant, t.id); err != nil {
		return nil, err
	}
	if t.nonce, err = a.claim(ctx, t.parts, t.to, t.id); err != nil {
		var quota *QuotaError
		if errors.As(err, &quota) {
			quota.Others = true
		}
		return nil, err
	}
	if err := t.note(ctx, s.Tenant, now); err != nil {
		return nil, err
	}
	return &store.Message{
		Type: store.Transferred, Tenant: t.to, Actor: t.who.Actor(), Generation: s.Generation, Time: now, Facts: store.Facts{From: s.Tenant},
	}, nil
}

// note tells the audit of both tenants, once for each that the store is taken from.
func (t *transfer) note(ctx context.Context, giver string, now time.Time) error {
	if t.noted == giver {
		return nil
	}
	for _, tenant := range []string{giver, t.to} {
		err := t.parts.Audit.Append(ctx, storelog.AuditEntry{
			What: storelog.StoreTransferred, At: now, Tenant: tenant, Store: t.id, Actor: t.who.Actor(), From: t.who.Tenant(),
			Before: giver, After: t.to,
		})
		if err != nil {
			return err
		}
	}
	t.noted = giver
	return nil
}

// certain says whether it is known that nothing was said. A conflict isn't that: somebody else may have given the store to the same
// tenant, who then needs the claim.
func (t *transfer) certain(err error) bool {
	switch {
	case errors.Is(err, storelog.ErrInDoubt), errors.Is(err, storelog.ErrConflict):
		return false
	case t.refused != nil, errors.Is(err, storelog.ErrLogFull), errors.Is(err, storelog.ErrUpgrading), errors.Is(err, storelog.ErrNewerSchema):
		return true
	}
	return false
}
