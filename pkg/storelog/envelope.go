package storelog

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/store"
)

// CloudEvents 1.0 in binary mode (https://github.com/cloudevents/spec, NATS protocol binding), with extensions for
// tenant, actor and cause.
const (
	headerSpec      = "ce-specversion"
	headerID        = "ce-id"
	headerSource    = "ce-source"
	headerType      = "ce-type"
	headerSubject   = "ce-subject"
	headerTime      = "ce-time"
	headerTenant    = "ce-tenant"
	headerActor     = "ce-actor"
	headerCausation = "ce-causationid"
	// headerReadable is the least schema that a reader must know to show the message. It is lower than that of the state
	// where a later release only adds to what was said before.
	headerReadable    = "ce-readableby"
	headerContentType = "content-type"

	typePrefix = "storeplatform.store."
	typeSuffix = ".v1"
)

// ErrNewerSchema is met by an old writer in a log that a newer one has written to. It must step back.
var ErrNewerSchema = errors.New("the store's state was written by a newer version of the platform")

// ErrUnreadable: what stands in the log is no message, or not one that carries the state of its store. No writer of the
// platform leaves such a thing; an operator may set it aside and go on behind it, see Mend.
var ErrUnreadable = errors.New("the message can't be read")

var (
	errNoState      = errors.New("it carries no state of its store")
	errOtherCluster = errors.New("its subject isn't one of the cluster that its store is in")
)

// Entry is one message of the log together with the state after it.
type Entry struct {
	Message store.Message
	State   store.State
	// Header carries the trace context of the append.
	Header nats.Header
}

// body is what a message holds: what it says, and how the store is after it.
type body struct {
	Facts store.Facts `json:"facts"`
	State store.State `json:"state"`
}

func encode(m store.Message, after store.State) (*nats.Msg, error) {
	data, err := json.Marshal(body{Facts: m.Facts, State: after})
	if err != nil {
		return nil, fmt.Errorf("encode message %s: %w", m.Type, err)
	}
	msg := nats.NewMsg(subjectOf(m, after.ClusterName()))
	msg.Data = data
	set := func(key, value string) { msg.Header[key] = []string{value} }
	set(headerSpec, "1.0")
	set(headerID, m.ID)
	set(headerSource, "/store-platform/"+m.Actor)
	set(headerType, typePrefix+string(m.Type)+typeSuffix)
	set(headerSubject, string(m.Store))
	set(headerTime, m.Time.Format(time.RFC3339Nano))
	set(headerTenant, m.Tenant)
	set(headerActor, m.Actor)
	set(headerContentType, "application/json")
	set(headerReadable, strconv.Itoa(after.Schema))
	if m.Generation != 0 {
		set(headerCausation, strconv.FormatUint(m.Generation, 10))
	}
	return msg, nil
}

// Decode reads a message of the log. The sequence comes from the broker. It fails with ErrNewerSchema or ErrUnreadable.
func Decode(subject string, header nats.Header, data []byte, seq uint64) (Entry, error) {
	entry, err := decode(subject, header, data, seq)
	if err != nil && !errors.Is(err, ErrNewerSchema) {
		return Entry{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return entry, err
}

func decode(subject string, header nats.Header, data []byte, seq uint64) (Entry, error) {
	id, err := StoreOf(subject)
	if err != nil {
		return Entry{}, fmt.Errorf("message %d has subject %q: %w", seq, subject, err)
	}
	var b body
	if err := Read(data, &b); err != nil {
		return Entry{}, fmt.Errorf("decode message %d of store %s: %w", seq, id, err)
	}
	if b.State.Schema > store.Schema && !readable(header) {
		return Entry{}, fmt.Errorf("message %d of store %s has schema %d: %w", seq, id, b.State.Schema, ErrNewerSchema)
	}
	// Whoever went on from it would begin the store anew from nothing.
	if b.State.ID != id {
		return Entry{}, fmt.Errorf("message %d of store %s: %w", seq, id, errNoState)
	}
	// Nor is one of another cluster's store its own: the hands of both would take it for theirs, or those of neither.
	if cluster, err := ClusterOf(subject); err != nil || cluster != b.State.ClusterName() {
		return Entry{}, fmt.Errorf("message %d of store %s, subject %q: %w", seq, id, subject, errOtherCluster)
	}
	m, err := decodeHeader(header, id, seq)
	if err != nil {
		return Entry{}, fmt.Errorf("message %d of store %s: %w", seq, id, err)
	}
	m.Facts, m.Schema, m.Command = b.Facts, b.State.Schema, isCommand(subject)
	return Entry{Message: m, State: b.State.At(seq, m.Command), Header: header}, nil
}

// readable says whether this program may show what a newer release wrote. It doesn't go on behind it: see Append.
func readable(header nats.Header) bool {
	least, err := strconv.Atoi(first(header, headerReadable))
	return err == nil && least <= store.Schema
}

// first is by the header's exact name: nats.Header.Get is, too, but for a nil map.
func first(header nats.Header, key string) string {
	if v := header[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func decodeHeader(header nats.Header, id store.ID, seq uint64) (store.Message, error) {
	get := func(key string) string { return first(header, key) }
	name, hasPrefix := strings.CutPrefix(get(headerType), typePrefix)
	name, hasSuffix := strings.CutSuffix(name, typeSuffix)
	if !hasPrefix || !hasSuffix {
		return store.Message{}, fmt.Errorf("unknown type %q", get(headerType))
	}
	at, err := time.Parse(time.RFC3339Nano, get(headerTime))
	if err != nil {
		return store.Message{}, fmt.Errorf("read its time: %w", err)
	}
	var generation uint64
	if cause := get(headerCausation); cause != "" {
		if generation, err = strconv.ParseUint(cause, 10, 64); err != nil {
			return store.Message{}, fmt.Errorf("read its cause: %w", err)
		}
	}
	return store.Message{
		ID: get(headerID), Type: store.Type(name), Store: id, Tenant: get(headerTenant), Actor: get(headerActor),
		Generation: generation, Time: at, Seq: seq,
	}, nil
}
