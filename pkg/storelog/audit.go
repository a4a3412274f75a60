package storelog

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/store"
)

// AuditStream holds who looked at what, beside the log: a store's history is for ever, and nothing that a client can
// repeat for nothing may be.
const AuditStream = "AUDIT"

const (
	auditPrefix = "audit."
	// AllAudit is the filter over all of it.
	AllAudit = auditPrefix + ">"
)

const (
	// auditAge is how long an entry is kept: a year, and the month in which somebody asks about it.
	auditAge = 400 * 24 * time.Hour
	// auditEach is how many entries of one kind by one actor among one tenant's stores are kept: whoever makes more pushes
	// out its own. auditAll bounds the stream, and the number of its subjects with it, and auditEntry one entry in bytes.
	// There is no bound in bytes, because a broker sets those aside whole, and a small one would refuse the stream.
	auditEach  = 128
	auditAll   = 200_000
	auditEntry = 4 << 10
)

// What was done, as an audit entry says.
type What string

// The kinds. One that strangers can cause, as a refused sign-in, must go by few subjects: the stream refuses what
// doesn't fit rather than forget what is there.
const (
	// CredentialsViewed: somebody was shown the generated passwords of a store.
	CredentialsViewed What = "credentials_viewed"
)

// AuditEntry says who did what, in ids only.
type AuditEntry struct {
	What What      `json:"what"`
	At   time.Time `json:"at"`
	// Tenant is whose store it was; Actor who did it, as the log names actors, and From that one's own tenant.
	Tenant string   `json:"tenant"`
	Store  store.ID `json:"store"`
	Actor  string   `json:"actor"`
	From   string   `json:"from"`
}

// who is the token of who did it to whom. Names become digests: one may hold anything, and a listing of
// subjects needn't name people.
func (e AuditEntry) who() string {
	sum := sha256.Sum256([]byte(e.Tenant + "\x00" + e.Actor))
	return hex.EncodeToString(sum[:8])
}

// Audited is an entry as it was read. Subject and Seq can be relied on when it can't be decoded.
type Audited struct {
	Raw
	Entry AuditEntry
	// Err is why Entry is empty but for What, which the subject says, too.
	Err error
}

// Audit is a connection to the stream. It is safe for concurrent use.
type Audit struct {
	js    jetstream.JetStream
	epoch string
}

// Audit binds to the stream. Until a gateway of this release has come there is none (jetstream.ErrStreamNotFound).
func (l *Log) Audit(ctx context.Context) (*Audit, error) {
	stream, err := findStream(ctx, l.js, AuditStream)
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", AuditStream, err)
	}
	return &Audit{js: l.js, epoch: epochOf(stream.CachedInfo())}, nil
}

// Epoch tells this stream from another under the same name, whose sequences mean other entries.
func (a *Audit) Epoch() string { return a.epoch }

// Append writes an entry, and returns when it is on the disk: who shows something that is to be noted does so behind
// that. It fails with ErrLogFull when there is no room. After an Unanswered error the entry may be there, which says
// more than was done and never less.
func (a *Audit) Append(ctx context.Context, e AuditEntry) error {
	e.At = e.At.UTC()
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode an audit entry: %w", err)
	}
	id := rand.Text()
	err = ask(ctx, func(ctx context.Context) error {
		_, err := a.js.PublishMsg(ctx, &nats.Msg{Subject: auditPrefix + string(e.What) + "." + e.who(), Data: data},
			jetstream.WithMsgID(id), jetstream.WithExpectStream(AuditStream), jetstream.WithRetryAttempts(0))
		return err
	})
	if isFull(errorCode(err)) {
		err = fmt.Errorf("%w: %w", ErrLogFull, err)
	}
	if err != nil {
		return fmt.Errorf("append %s to the audit: %w", e.What, err)
	}
	return nil
}

// Tail calls handle for every entry behind the sequence after, in order, and goes on with new ones until ctx ends or
// handle fails.
func (a *Audit) Tail(ctx context.Context, after uint64, handle func(Audited) error) error {
	return tail(ctx, a.js, AuditStream, after, func(raw Raw) error { return handle(auditedOf(raw)) })
}

func auditedOf(raw Raw) Audited {
	what, _, _ := strings.Cut(strings.TrimPrefix(raw.Subject, auditPrefix), ".")
	read := Audited{Raw: raw}
	if err := json.Unmarshal(raw.Data, &read.Entry); err != nil {
		read.Entry, read.Err = AuditEntry{}, fmt.Errorf("decode audit entry %d: %w", raw.Seq, err)
	} else if string(read.Entry.What) != what {
		read.Entry, read.Err = AuditEntry{}, errors.New("an audit entry says another kind than its subject")
	}
	read.Entry.What = What(what)
	return read
}

// auditShape is that of the stream: the oldest entries of one actor make room for that one's newest, and where there is
// no room for another actor's first the stream refuses it. To forget the oldest of all instead would let whoever makes
// noise enough choose what is forgotten.
func auditShape(c jetstream.StreamConfig, settings Settings) jetstream.StreamConfig {
	c.Description = "Who looked at what"
	c.Subjects = []string{AllAudit}
	c.Storage = jetstream.FileStorage
	c.Retention = jetstream.LimitsPolicy
	c.Discard = jetstream.DiscardNew
	c.Replicas = max(c.Replicas, settings.Replicas)
	c.MaxAge = max(c.MaxAge, auditAge)
	c.MaxMsgsPerSubject = max(c.MaxMsgsPerSubject, auditEach)
	c.MaxMsgs = max(c.MaxMsgs, auditAll)
	c.MaxMsgSize = max(c.MaxMsgSize, auditEntry)
	c.AllowDirect = false
	c.DenyDelete = true
	c.DenyPurge = true
	return c
}
