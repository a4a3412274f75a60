package storelog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The KV buckets beside the stream.
const (
	BucketClaims   = "claims"
	BucketLeases   = "leases"
	BucketPacks    = "packs"
	BucketCatalog  = "catalog"
	BucketPlatform = "platform"
	BucketTickets  = "tickets"
	// BucketGuesses isn't there before EnsureGuesses has made it.
	BucketGuesses = "guesses"
)

// The buckets of an installation with accounts. What they hold is personal, so it must be possible to erase it: none of it is
// on the log.
const (
	BucketAccounts = "accounts"
	BucketTenants  = "tenants"
	BucketTokens   = "tokens"
	// BucketPasses holds what opens something for a while: sessions, invites, links, tickets of the feed, sign-ins under way.
	BucketPasses = "passes"
)

// BucketsOfPeople are those of them that a backup holds.
var BucketsOfPeople = []string{BucketTokens, BucketTenants, BucketAccounts}

// StreamOf is a bucket's stream.
func StreamOf(bucket string) string { return bucketPrefix + bucket }

// Keys of the bucket of accounts that whoever takes backups knows, too.
const (
	// KeyEraseAgain holds the ids of accounts that were erased since a backup which was restored, in pages that have their number behind a dot: a
	// message has an end, and the list has none.
	KeyEraseAgain = "erase-again"
	// KeyErased is where an id stays of an account that was erased, behind a dot.
	KeyErased = "erased"
)

// PagesOfEraseAgain is what the subject of a page of the former begins with; the page's number is the rest.
const PagesOfEraseAgain = "$KV." + BucketAccounts + "." + KeyEraseAgain + "."

// LeaseTTL is how long a lease lives in production that nobody renews; TicketTTL how long a feed ticket may wait for its
// client; GuessesTTL how long it is known who has guessed, behind their last guess.
const (
	LeaseTTL   = 30 * time.Second
	TicketTTL  = 30 * time.Second
	GuessesTTL = time.Hour
)

// bucketPrefix stands before a bucket's name in that of its stream (NATS ADR-8).
const bucketPrefix = "KV_"

type bucketSpec struct {
	name, about string
	// ttl is how long a key lives that nobody writes again; zero is for ever.
	ttl time.Duration
	// room bounds a bucket that is kept in the broker's memory, in bytes, and forgets the oldest keys when it is full.
	// Zero is kept on disk, and refuses keys when that is full.
	room int64
	// erased: a key may say itself how long it lives, and so may the mark that is left of one that was purged.
	erased bool
}

// guesses needn't outlive the broker, and a guess needn't wait for its disk. The room is that of a hundred thousand keys. Who
// wants to be forgotten has to make as many guesses at others meanwhile; if a full bucket refused new keys instead, they could
// keep everybody from signing in.
var guesses = bucketSpec{name: BucketGuesses, about: "Who has guessed how often", ttl: GuessesTTL, room: 16 << 20}

func buckets(settings Settings) []bucketSpec {
	specs := []bucketSpec{
		{name: BucketClaims, about: "A tenant's stores, counted exactly", erased: true},
		{name: BucketLeases, about: "Which worker holds a store", ttl: settings.Clock.Of(LeaseTTL)},
		{name: BucketPacks, about: "The engines by version, and which are on offer"},
		// The releases before this one read it.
		{name: BucketCatalog, about: "The engines on offer"},
		{name: BucketPlatform, about: "What the platform says of itself"},
		{name: BucketTickets, about: "Feed tickets, one use each", ttl: TicketTTL},
	}
	if !settings.Accounts {
		return specs
	}
	return append(specs,
		bucketSpec{name: BucketAccounts, about: "Who may sign in", erased: true},
		bucketSpec{name: BucketTenants, about: "Who belongs to a tenant, and as what", erased: true},
		bucketSpec{name: BucketTokens, about: "API tokens, by what they are known", erased: true},
		bucketSpec{name: BucketPasses, about: "Sessions, invites and links, each with a life", erased: true},
	)
}

// shape is that of a KV bucket, except that there are no direct gets: any replica answers these, from behind, so that a
// ticket would not be found by who was just given it, and a tenant be told of a quota that a delete has freed.
func (b bucketSpec) shape(c jetstream.StreamConfig, settings Settings) jetstream.StreamConfig {
	c.Description = b.about
	c.Subjects = []string{"$KV." + b.name + ".>"}
	c.Storage = jetstream.FileStorage
	c.Retention = jetstream.LimitsPolicy
	c.Discard = jetstream.DiscardNew
	c.Replicas = max(c.Replicas, settings.Replicas)
	c.MaxMsgsPerSubject = 1
	c.MaxMsgs, c.MaxBytes, c.MaxMsgSize, c.MaxConsumers = -1, -1, -1, -1
	if b.room > 0 {
		c.Storage, c.Discard, c.MaxBytes = jetstream.MemoryStorage, jetstream.DiscardOld, b.room
	}
	c.MaxAge = b.age(c.MaxAge)
	c.Duplicates = 2 * time.Minute
	if c.MaxAge > 0 {
		c.Duplicates = min(c.Duplicates, c.MaxAge)
	}
	c.AllowRollup = true
	c.DenyDelete = true
	c.AllowDirect = false
	c.AllowMsgTTL = c.AllowMsgTTL || b.erased
	return c
}

// age is how long keys are to live that live for have now; zero is for ever. What a newer release has made longer stays:
// a lease that the broker forgets before its holder does has two holders. What has no end where one is meant gets it, or
// the dead would hold their stores for ever.
func (b bucketSpec) age(have time.Duration) time.Duration {
	if b.ttl == 0 {
		return 0
	}
	return max(have, b.ttl)
}

// bucket is a KV bucket whose reads are tried again when nobody answers and whose writes don't wait for ever. A write
// is not tried again here: only its writer knows how to tell whether the first try was stored.
type bucket struct{ jetstream.KeyValue }

// writeWithin bounds one write: its answer is lost when the leader resigns.
const writeWithin = 2 * time.Second

// Bucket binds to one of the buckets that Ensure made. Unanswered and Refused tell what an error of a write means.
func (l *Log) Bucket(ctx context.Context, name string) (jetstream.KeyValue, error) {
	var kv jetstream.KeyValue
	err := ask(ctx, func(ctx context.Context) (err error) {
		kv, err = l.js.KeyValue(ctx, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", name, err)
	}
	return bucket{kv}, nil
}

// Keys lists the keys of a bucket that match a pattern, by asking for subjects as Stores does: listing them through the
// bucket itself takes a consumer, which not everybody has who may read it.
func (l *Log) Keys(ctx context.Context, name, pattern string) ([]string, error) {
	return Keys(ctx, l.js, name, pattern)
}

// Keys is Log.Keys for who opens no log.
func Keys(ctx context.Context, js jetstream.JetStream, name, pattern string) ([]string, error) {
	var info *jetstream.StreamInfo
	err := ask(ctx, func(ctx context.Context) error {
		stream, err := js.Stream(ctx, bucketPrefix+name)
		if err == nil {
			info, err = stream.Info(ctx, jetstream.WithSubjectFilter("$KV."+name+"."+pattern))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the keys of bucket %s: %w", name, err)
	}
	var keys []string
	for subject := range info.State.Subjects {
		keys = append(keys, strings.TrimPrefix(subject, "$KV."+name+"."))
	}
	slices.Sort(keys)
	return keys, nil
}

func (b bucket) Status(ctx context.Context) (status jetstream.KeyValueStatus, err error) {
	err = ask(ctx, func(ctx context.Context) (err error) {
		status, err = b.KeyValue.Status(ctx)
		return err
	})
	return status, err
}

func (b bucket) Get(ctx context.Context, key string) (entry jetstream.KeyValueEntry, err error) {
	err = ask(ctx, func(ctx context.Context) (err error) {
		entry, err = b.KeyValue.Get(ctx, key)
		return err
	})
	return entry, err
}

func (b bucket) Create(ctx context.Context, key string, value []byte, opts ...jetstream.KVCreateOpt) (revision uint64, err error) {
	err = within(ctx, writeWithin, func(ctx context.Context) (err error) {
		revision, err = b.KeyValue.Create(ctx, key, value, opts...)
		return err
	})
	return revision, err
}

func (b bucket) Put(ctx context.Context, key string, value []byte) (revision uint64, err error) {
	err = within(ctx, writeWithin, func(ctx context.Context) (err error) {
		revision, err = b.KeyValue.Put(ctx, key, value)
		return err
	})
	return revision, err
}

func (b bucket) Update(ctx context.Context, key string, value []byte, last uint64) (revision uint64, err error) {
	err = within(ctx, writeWithin, func(ctx context.Context) (err error) {
		revision, err = b.KeyValue.Update(ctx, key, value, last)
		return err
	})
	return revision, err
}

func (b bucket) Delete(ctx context.Context, key string, opts ...jetstream.KVDeleteOpt) error {
	return within(ctx, writeWithin, func(ctx context.Context) error { return b.KeyValue.Delete(ctx, key, opts...) })
}

func (b bucket) Purge(ctx context.Context, key string, opts ...jetstream.KVDeleteOpt) error {
	return within(ctx, writeWithin, func(ctx context.Context) error { return b.KeyValue.Purge(ctx, key, opts...) })
}
