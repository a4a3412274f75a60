package admission

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/limits"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// ReasonClusterNotReady is a store's reason while there is no cluster to make it in.
const ReasonClusterNotReady = "ClusterNotReady"

var (
	// ErrKeyReused: the Idempotency-Key made a store before, from another request.
	ErrKeyReused = errors.New("the Idempotency-Key belongs to another request")
	// ErrCatalogEmpty: nobody has published an engine yet.
	ErrCatalogEmpty = errors.New("no engine is on offer yet")
	// ErrCredentials: no provisioner can read a store's passwords now.
	ErrCredentials = errors.New("the passwords can't be read")
	// ErrCredentialsGone: somebody has removed them from the cluster.
	ErrCredentialsGone = errors.New("the passwords are gone")
)

// NotReadyError: what was asked for exists only of a store that stands.
type NotReadyError struct {
	// Coming says that an operation is under way that makes it stand.
	Coming bool
}

// NotReady is that of a store which doesn't stand.
func NotReady(s store.State) *NotReadyError {
	return &NotReadyError{Coming: s.InFlight() && s.Leaves() == store.Up}
}

func (*NotReadyError) Error() string { return "the store is not ready" }

// QuotaError: the tenant has as many stores as it may.
type QuotaError struct {
	Limit int
	// Others says that it is another tenant than who asks.
	Others bool
}

func (e *QuotaError) Error() string { return fmt.Sprintf("the tenant has %d stores already", e.Limit) }

// Admission admits. Safe for concurrent use.
type Admission struct {
	bus    *bus.Bus
	reader *reader.Reader
	quota  int
	now    func() time.Time
	random io.Reader
	// commands are paid from.
	commands *limits.Buckets
	turns    turnstile
	seen     *seen
}

// New makes an admission with at most quota stores a tenant, which pays for what it writes from one of the buckets. r is asked about what only
// the read model knows; random is where ids of creates without an Idempotency-Key come from.
func New(b *bus.Bus, r *reader.Reader, quota int, buckets *limits.Buckets, now func() time.Time, random io.Reader) *Admission {
	return &Admission{bus: b, reader: r, quota: quota, commands: buckets, now: now, random: random, turns: newTurnstile(), seen: newSeen()}
}

// PayAs takes from the bucket of an account what it does about tenants, each of which leaves something for ever.
func (a *Admission) PayAs(ctx context.Context, who principal.Principal) error {
	switch {
	case !who.Known():
		return principal.ErrNobody
	case who.Unmetered():
		return nil
	}
	return a.commands.Take(ctx, who.Account(), 1)
}

// pay takes what so many messages cost whoever writes them; the error is a *limits.EmptyError. What changes nothing is free.
func (a *Admission) pay(ctx context.Context, who principal.Principal, messages int) error {
	if who.Unmetered() {
		return nil
	}
	return a.commands.Take(ctx, who.Tenant(), messages)
}

// Seen is the newest version that the tenant was shown by this gateway: lists wait for it, so that a store is listed
// right after its 202.
func (a *Admission) Seen(tenant string) uint64 { return a.seen.of(tenant) }

// Read returns the store as it is now, to do something to it that who asks may do. A store of another tenant doesn't exist.
func (a *Admission) Read(ctx context.Context, who principal.Principal, id store.ID, do rights.Action) (store.State, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return store.State{}, err
	}
	state, err := parts.Log.Last(ctx, id)
	if err != nil {
		return store.State{}, err
	}
	if err := visible(state, who, do); err != nil {
		return store.State{}, err
	}
	return state, nil
}

// Past returns the store as it was at a point. Its past is its present owner's, and nobody's before there is one.
func (a *Admission) Past(ctx context.Context, who principal.Principal, id store.ID, at storelog.Point) (storelog.Past, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return storelog.Past{}, err
	}
	past, err := parts.Log.Past(ctx, id, at, func(now store.State) error { return visible(now, who, rights.ReadStores) })
	if err == nil && !past.Then.Exists() {
		err = store.ErrNotFound
	}
	return past, err
}

// Delete wants the store gone. Of a store that is being deleted, or is gone already, it returns how that stands. It is free:
// a store goes once, and its create was paid for, so whoever has spent all can still end what they began.
func (a *Admission) Delete(ctx context.Context, who principal.Principal, id store.ID) (store.State, error) {
	return a.command(ctx, who, id, store.Delete)
}

// Retry wants the failed operation tried again, or what is Degraded mended.
func (a *Admission) Retry(ctx context.Context, who principal.Principal, id store.ID) (store.State, error) {
	return a.command(ctx, who, id, store.Retry)
}

func (a *Admission) command(ctx context.Context, who principal.Principal, id store.ID, wish store.Verb) (store.State, error) {
	parts, err := a.bus.Parts()
	if err != nil {
		return store.State{}, err
	}
	paid := sync.OnceValue(func() error { return a.pay(ctx, who, 1) })
	state, err := parts.Log.Update(ctx, id, func(s store.State) (*store.Message, error) {
		if err := visible(s, who, rights.CommandStores); err != nil {
			return nil, err
		}
		verb := store.Intent(s, wish)
		err := store.Admit(s, verb)
		// Who has what it wants is told so: saying no to a repeated click would be pedantry.
		if errors.Is(err, store.ErrAlready) || errors.Is(err, store.ErrDeleted) && wish == store.Delete {
			return nil, nil
		}
		if err == nil && verb != store.Delete {
			err = paid()
		}
		if err != nil {
			return nil, err
		}
		return a.wanting(verb, s, who, parts.Platform.Cluster()), nil
	})
	if err != nil {
		return store.State{}, err
	}
	return a.shown(who, state), nil
}

// shown notes what a client is told of: the next list of whoever did it is to have it as much as the owner's.
func (a *Admission) shown(who principal.Principal, state store.State) store.State {
	a.seen.note(state.Tenant, state.Version)
	a.seen.note(who.Tenant(), state.Version)
	return state
}

// wanting is the command of an existing store with this verb.
func (a *Admission) wanting(verb store.Verb, s store.State, who principal.Principal, c platform.Cluster) *store.Message {
	return &store.Message{Type: store.Type(verb), Tenant: s.Tenant, Actor: who.Actor(), Time: a.now(), Facts: waiting(c)}
}

// Credentials are the store's passwords, of a store that stands, as others have none that work. Each look is paid for before
// anybody is asked, also one that comes to nothing then, and noted in the audit before anybody is shown anything: what
// can't be noted nobody has seen.
func (a *Admission) Credentials(ctx context.Context, who principal.Principal, id store.ID) ([]query.Credential, error) {
	state, err := a.Read(ctx, who, id, rights.ReadPasswords)
	if err != nil {
		return nil, err
	}
	if !state.Stands() {
		return nil, NotReady(state)
	}
	parts, err := a.bus.Parts()
	if err != nil {
		return nil, err
	}
	if err := a.pay(ctx, who, 1); err != nil {
		return nil, err
	}
	reply, err := reader.Ask(ctx, a.reader, query.Credentials.In(state.Cluster), query.CredentialsRequest{Store: id})
	if err != nil {
		return nil, a.unread(ctx, who, id, err)
	}
	err = parts.Audit.Append(ctx, storelog.AuditEntry{
		What: storelog.CredentialsViewed, At: a.now(), Tenant: state.Tenant, Store: id, Actor: who.Actor(), From: who.Tenant(),
	})
	if err != nil {
		return nil, err
	}
	return reply.Credentials, nil
}

// unread says why a store's passwords couldn't be read. One that has been suspended since, or is being deleted, has none that work,
// and asking a provisioner again brings nothing.
func (a *Admission) unread(ctx context.Context, who principal.Principal, id store.ID, err error) error {
	switch {
	case errors.Is(err, reader.ErrGone):
		err = fmt.Errorf("%w: %w", ErrCredentialsGone, err)
	case errors.Is(err, reader.ErrProvisioner):
		err = fmt.Errorf("%w: %w", ErrCredentials, err)
	default:
		return err
	}
	if now, read := a.Read(ctx, who, id, rights.ReadPasswords); read == nil && !now.Stands() {
		return NotReady(now)
	}
	return err
}

// visible makes not found and not yours the same. Who may see the store and not do this is told so.
func visible(s store.State, who principal.Principal, do rights.Action) error {
	switch {
	case s.Exists() && rights.Allow(who, do, s.Tenant):
		return nil
	case s.Exists() && rights.Allow(who, rights.ReadStores, s.Tenant):
		return rights.Refuse(who, do)
	}
	return store.ErrNotFound
}

// waiting says in the command itself why it can't be worked on yet; a worker's first event takes it away.
func waiting(c platform.Cluster) store.Facts {
	if c.Ready {
		return store.Facts{}
	}
	return store.Facts{Reason: ReasonClusterNotReady, Message: WaitingMessage(c)}
}

// WaitingMessage is what a waiting store's merchant reads.
func WaitingMessage(c platform.Cluster) string {
	if c.Message == "" {
		return "The cluster is not ready yet; the store starts by itself when it is."
	}
	return "Waiting for the cluster: " + c.Message
}
