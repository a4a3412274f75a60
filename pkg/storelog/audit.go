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
	// AccountPrefix begins the id of an account, and so an actor that is one.
	AccountPrefix = "a-"
	// AllAudit is the filter over all of it.
	AllAudit = auditPrefix + ">"
)

const (
	// auditAge is how long an entry is kept: a year, and the month in which somebody asks about it.
	auditAge = 400 * 24 * time.Hour
	// auditEach is how many entries of one kind by one account, or by who has none among one tenant's stores, are kept: whoever makes more pushes
	// out its own. auditAll bounds the stream, and the number of its subjects with it: beyond it the oldest of all go, as they
	// would of age. auditEntry bounds one entry in bytes. There is no bound in bytes for all, because a broker sets those
	// aside whole, and a small one would refuse the stream.
	auditEach  = 128
	auditAll   = 200_000
	auditEntry = 4 << 10
)

// ErrAuditFull: the broker has no room for another entry, not even in the place of the oldest.
var ErrAuditFull = errors.New("the audit is full")

// What was done, as an audit entry says.
type What string

// The kinds. One that strangers can cause, as a refused sign-in, must go by few subjects: each holds auditEach entries of
// the room that is everybody's.
const (
	// CredentialsViewed: somebody was shown the generated passwords of a store.
	CredentialsViewed What = "credentials_viewed"

	// SignedUp: somebody has made an account.
	SignedUp What = "signed_up"
	// SignedIn and SignedOut are of one session, AllSignedOut of all that an account had.
	SignedIn     What = "signed_in"
	SignedOut    What = "signed_out"
	AllSignedOut What = "signed_out_all"
	// SignInRefused: a password was wrong. Nobody did it, so that all of them share one subject.
	SignInRefused What = "sign_in_refused"
	// AccountChanged: somebody has another name, or has asked for another address; EmailVerified and EmailChanged: mail was read at one.
	AccountChanged  What = "account_changed"
	EmailVerified   What = "email_verified"
	EmailChanged    What = "email_changed"
	PasswordChanged What = "password_changed"
	// PasswordReset: it was changed by who had a link, and didn't know the old one.
	PasswordReset What = "password_reset"
	// LinkMade: an operator has made a link to read out.
	LinkMade       What = "link_made"
	AccountErased  What = "account_erased"
	OperatorMade   What = "operator_made"
	OperatorUnmade What = "operator_unmade"
	// RestoreConfirmed: an operator lets in who was restored from a backup. It is noted before that.
	RestoreConfirmed What = "restore_confirmed"
	TenantMade       What = "tenant_made"
	TenantChanged    What = "tenant_changed"
	TenantDeleted    What = "tenant_deleted"
	MemberAdded      What = "member_added"
	MemberChanged    What = "member_changed"
	MemberRemoved    What = "member_removed"
	Invited          What = "invited"
	InviteTaken      What = "invite_taken"
	InviteWithdrawn  What = "invite_withdrawn"
	TokenMade        What = "token_made"
	TokenRevoked     What = "token_revoked"
	// StoreTransferred: somebody gave a store to another tenant. It is noted for either, and before the log says it: there may
	// be a note of a transfer that came to nothing, and none is without a note.
	StoreTransferred What = "store_transferred"
)

// AuditEntry says who did what, in ids only.
type AuditEntry struct {
	What What      `json:"what"`
	At   time.Time `json:"at"`
	// Tenant is whose store it was, or the tenant that it was about, if any; Actor who did it, as the log names actors, and From that one's own
	// tenant.
	Tenant string   `json:"tenant"`
	Store  store.ID `json:"store"`
	Actor  string   `json:"actor"`
	From   string   `json:"from"`
	// Subject is the id of what it was done to, where that isn't a store: an account, a tenant, a token, an invite.
	Subject string `json:"about,omitempty"`
	// Before and After are whose store it was and is, of a transfer. Tenant is one of them.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// who is the token of who did it to whom. Names become digests: one may hold anything, and a listing of
// subjects needn't name people.
//
// An account is one whatever it does it to and by whichever of its tokens. It makes both as it likes, and would have auditEach entries of each kind for
// each of them; with accounts it isn't so free, whose sign-ups are counted. Who has no account is whom an address or the admin key is.
func (e AuditEntry) who() string {
	who := e.Tenant + "\x00" + e.Actor
	if account, _, _ := strings.Cut(e.Actor, "/"); strings.HasPrefix(account, AccountPrefix) {
		who = "\x00" + account
	}
	sum := sha256.Sum256([]byte(who))
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
	// held and most are how many entries there were and may be when it was bound; no bound is less than one.
	held uint64
	most int64
}

// Audit binds to the stream. Until a gateway of this release has come there is none (jetstream.ErrStreamNotFound).
func (l *Log) Audit(ctx context.Context) (*Audit, error) {
	stream, err := findStream(ctx, l.js, AuditStream)
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", AuditStream, err)
	}
	info := stream.CachedInfo()
	return &Audit{js: l.js, epoch: epochOf(info), held: info.State.Msgs, most: info.Config.MaxMsgs}, nil
}

// Epoch tells this stream from another under the same name, whose sequences mean other entries.
func (a *Audit) Epoch() string { return a.epoch }

// NearlyFull says whether nine of ten entries that there may be were there when this was bound: soon the oldest go before
// their time is over.
func (a *Audit) NearlyFull() bool { return a.most > 0 && 10*a.held >= 9*uint64(a.most) }

// Append writes an entry, and returns when it is on the disk: who shows something that is to be noted does so behind
// that. It fails with ErrAuditFull when there is no room. After an Unanswered error the entry may be there, which says
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
		err = fmt.Errorf("%w: %w", ErrAuditFull, err)
	}
	if err != nil {
		return fmt.Errorf("append %s to the audit: %w", e.What, err)
	}
	return nil
}

// Tail calls handle for every entry behind the sequence after, in order, and goes on with new ones until ctx ends or
// handle fails.
func (a *Audit) Tail(ctx context.Context, after uint64, handle func(Audited) error) error {
	return tail(ctx, a.js, AuditStream, nil, after, func(raw Raw) error { return handle(auditedOf(raw)) }, func() {})
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

// auditShape is that of the stream: the oldest entries of one actor make room for that one's newest, and where all is full
// the oldest of all for whoever comes. To refuse them instead would keep everybody from the passwords until something is
// old enough to go, and nobody may be shown any without a note. What goes, events has kept in its table, unless it hasn't
// read for as long as so many looks take.
func auditShape(c jetstream.StreamConfig, settings Settings) jetstream.StreamConfig {
	made := c.Subjects != nil
	c.Description = "Who looked at what"
	c.Subjects = []string{AllAudit}
	c.Storage = jetstream.FileStorage
	c.Retention = jetstream.LimitsPolicy
	c.Discard = jetstream.DiscardOld
	c.Replicas = max(c.Replicas, settings.Replicas)
	c.MaxAge = atLeast(made, c.MaxAge, auditAge)
	c.MaxMsgsPerSubject = atLeast(made, c.MaxMsgsPerSubject, auditEach)
	c.MaxMsgs = atLeast(made, c.MaxMsgs, auditAll)
	c.MaxMsgSize = atLeast(made, c.MaxMsgSize, auditEntry)
	c.AllowDirect = false
	c.DenyDelete = true
	c.DenyPurge = true
	return c
}

// atLeast is a bound of a stream, which in one that is made already may have been taken away: what isn't positive is none.
func atLeast[T time.Duration | int64 | int32](made bool, have, least T) T {
	if made && have <= 0 {
		return have
	}
	return max(have, least)
}
