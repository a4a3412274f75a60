package admission

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/line"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// MaxName is how many characters a store's name may have.
const MaxName = 60

// How long a store may be asked to live: shorter than MinTTL it would hardly be Ready before its deletion.
const (
	MinTTL = time.Minute
	MaxTTL = 8760 * time.Hour
)

// Wish is what a create asks for, as it was asked: empty fields mean the default.
type Wish struct {
	Name    string         `json:"name"`
	Engine  string         `json:"engine"`
	Plan    string         `json:"plan"`
	Options map[string]any `json:"options"`
	// TTL came later: creates without one must digest as they always did.
	TTL string `json:"ttl,omitempty"`
}

// digest tells a repeated request from another one under the same key. It is made before defaults are filled in: these
// may change while a client repeats itself.
func (w Wish) digest() (string, error) {
	if len(w.Options) == 0 {
		w.Options = nil
	}
	data, err := json.Marshal(w)
	if err != nil {
		return "", fmt.Errorf("digest the request: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// Create makes a store. With a key it makes one store however often it is called, and returns that store's state; the
// same key with another wish is ErrKeyReused.
func (a *Admission) Create(ctx context.Context, who principal.Principal, key string, w Wish) (store.State, error) {
	if !rights.Allow(who, rights.CreateStore, who.Tenant()) {
		return store.State{}, rights.Refuse(who, rights.CreateStore)
	}
	parts, err := a.bus.Parts()
	if err != nil {
		return store.State{}, err
	}
	if err := checkLine("Idempotency-Key", key); err != nil {
		return store.State{}, err
	}
	digest, err := w.digest()
	if err != nil {
		return store.State{}, err
	}
	id, err := a.newID(who.Tenant(), key)
	if err != nil {
		return store.State{}, err
	}
	if key != "" {
		before, err := parts.Log.Last(ctx, id)
		if err != nil || before.Exists() {
			return repeated(before, who, digest, err)
		}
	}
	spec, err := w.spec(id, parts.Catalog)
	if err != nil {
		return store.State{}, err
	}
	now := a.now()
	expires, err := w.expiry(now)
	if err != nil {
		return store.State{}, err
	}
	if err := a.pay(ctx, who, 1); err != nil {
		return a.unpaid(ctx, parts, who, key, digest, err)
	}
	nonce, err := a.claim(ctx, parts, who.Tenant(), id)
	if err != nil {
		return store.State{}, err
	}
	facts := waiting(parts.Platform.Cluster())
	facts.Spec, facts.Request, facts.ExpiresAt = &spec, digest, expires
	after, err := parts.Log.Append(ctx, store.State{}, store.Message{
		Type: store.CreateCommand, Store: id, Tenant: who.Tenant(), Actor: who.Actor(), Time: now, Facts: facts,
	})
	if errors.Is(err, storelog.ErrConflict) {
		// Somebody was faster with the same key.
		before, err := parts.Log.Last(ctx, id)
		return repeated(before, who, digest, err)
	}
	if errors.Is(err, storelog.ErrLogFull) && !errors.Is(err, storelog.ErrInDoubt) {
		giveBack(ctx, parts.Claims, who.Tenant(), id, nonce)
	}
	if err != nil {
		return store.State{}, err
	}
	return a.shown(who, after), nil
}

// unpaid refuses a create that can't be paid for, unless another try with its key was let in meanwhile: a repeat finds
// its store whatever it costs.
func (a *Admission) unpaid(
	ctx context.Context, parts *bus.Parts, who principal.Principal, key, digest string, refused error,
) (store.State, error) {
	if key == "" {
		return store.State{}, refused
	}
	before, err := parts.Log.Last(ctx, store.DeriveID(who.Tenant(), key))
	if err == nil && !before.Exists() {
		err = refused
	}
	return repeated(before, who, digest, err)
}

// giveBack undoes a claim whose store the log has refused for certain. Where that fails a sweep does it, ten minutes
// later; whoever asked has its answer already.
func giveBack(ctx context.Context, book *claim.Book, tenant string, id store.ID, nonce string) {
	if err := book.GiveBack(ctx, tenant, id, nonce); err != nil {
		slog.WarnContext(ctx, "give back a claim", "store", id, "error", err)
	}
}

func (a *Admission) newID(tenant, key string) (store.ID, error) {
	if key != "" {
		return store.DeriveID(tenant, key), nil
	}
	var random [16]byte
	if _, err := io.ReadFull(a.random, random[:]); err != nil {
		return "", fmt.Errorf("make a store id: %w", err)
	}
	return store.NewID(random[:]), nil
}

// repeated answers a create whose id has a history. An id is derived from its tenant, so the store is the tenant's own as
// long as no two derive the same; of anybody else's nothing is told but that the key is taken.
func repeated(before store.State, who principal.Principal, digest string, err error) (store.State, error) {
	if err != nil {
		return store.State{}, err
	}
	if before.Tenant != who.Tenant() || before.Request != digest {
		return store.State{}, ErrKeyReused
	}
	return before, nil
}

// claim lets the creates of one tenant pass one by one. The book would settle them too, but each round of 64 has one
// winner and 63 that read and write again.
func (a *Admission) claim(ctx context.Context, parts *bus.Parts, tenant string, id store.ID) (nonce string, err error) {
	leave, err := a.turns.enter(ctx, tenant)
	if err != nil {
		return "", fmt.Errorf("wait for the tenant's other creates: %w", err)
	}
	defer leave()
	limit, err := a.limit(ctx, parts, tenant)
	if err != nil {
		return "", err
	}
	nonce, err = parts.Claims.Claim(ctx, tenant, id, limit, a.now())
	if errors.Is(err, claim.ErrQuota) {
		return "", &QuotaError{Limit: limit}
	}
	return nonce, err
}

// limit is how many stores a tenant may have: what an operator has said of it, or else the settings.
func (a *Admission) limit(ctx context.Context, parts *bus.Parts, tenant string) (int, error) {
	if parts.Directory == nil {
		return a.quota, nil
	}
	said, err := parts.Directory.LimitsOf(ctx, tenant)
	if err != nil || said.MaxStores == nil {
		return a.quota, err
	}
	return *said.MaxStores, nil
}

// spec fills in what the wish left open and checks the rest; the error is an *engine.FieldError.
func (w Wish) spec(id store.ID, catalog *engine.Catalog) (store.Spec, error) {
	pack, err := w.pack(catalog)
	if err != nil {
		return store.Spec{}, err
	}
	plan, err := pack.Plan(w.Plan)
	if err != nil {
		return store.Spec{}, err
	}
	options, err := pack.ResolveOptions(w.Options)
	if err != nil {
		return store.Spec{}, err
	}
	name, err := w.name(id)
	if err != nil {
		return store.Spec{}, err
	}
	return store.Spec{Name: name, Engine: pack.Name, Version: pack.Version, Plan: plan.Name, Options: options}, nil
}

// name is the wish's without what stands around it, or one that is made up. A name that was given and shows nothing is
// told: whoever typed it meant something.
func (w Wish) name(id store.ID) (string, error) {
	if w.Name == "" {
		return MadeUpName(id), nil
	}
	name := line.Trim(w.Name)
	if name == "" {
		return "", &engine.FieldError{Field: "name", Message: "must have a character that can be seen"}
	}
	return name, checkName(name)
}

// expiry is when a store made now has lived long enough; nil is never. The error is an *engine.FieldError.
func (w Wish) expiry(now time.Time) (*time.Time, error) {
	if w.TTL == "" {
		return nil, nil
	}
	ttl, err := time.ParseDuration(w.TTL)
	if err != nil || ttl < MinTTL || ttl > MaxTTL {
		return nil, &engine.FieldError{Field: "ttl", Message: "must be a duration such as 90m or 72h, from 1m to 8760h"}
	}
	at := now.UTC().Add(ttl)
	return &at, nil
}

func (w Wish) pack(catalog *engine.Catalog) (engine.Pack, error) {
	if w.Engine != "" {
		if pack, ok := catalog.Find(w.Engine); ok {
			return pack, nil
		}
	} else if pack, ok := catalog.Default(); ok {
		return pack, nil
	}
	packs := catalog.Engines()
	if len(packs) == 0 {
		return engine.Pack{}, ErrCatalogEmpty
	}
	names := make([]string, len(packs))
	for i, pack := range packs {
		names[i] = pack.Name
	}
	return engine.Pack{}, &engine.FieldError{Field: "engine", Message: "must be one of " + strings.Join(names, ", ")}
}

func checkName(name string) error {
	if utf8.RuneCountInString(name) > MaxName {
		return &engine.FieldError{Field: "name", Message: fmt.Sprintf("must have at most %d characters", MaxName)}
	}
	return checkLine("name", name)
}

func checkLine(field, text string) error {
	if line.Fits(text) {
		return nil
	}
	return &engine.FieldError{Field: field, Message: line.Expected}
}
