// Package snapshot takes a stream out of the broker as it stands, and puts it back where there is none.
//
// It speaks JetStream's own snapshot: the broker's files, consistent, without the broker having to stop. Consumers stay
// behind: one whose place is newer than the log that comes back would pass over commands that are appended there again.
package snapshot

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/storelog"
)

var (
	// ErrExists: the stream is there already. It may be newer than the backup, so nothing is put in its place.
	ErrExists = errors.New("there is one already")
	// ErrNone: there is nothing to back up.
	ErrNone = errors.New("there is no such stream")
)

// minServer is the first broker whose snapshots are messages, and not its own files.
var minServer = [2]int{2, 15}

const (
	// The streams' names stand behind these.
	snapshotSubject = "$JS.API.STREAM.SNAPSHOT."
	restoreSubject  = "$JS.API.STREAM.RESTORE."
	// chunk is how much is under way at once; a broker takes messages of up to 1 MiB.
	chunk = 128 << 10
	// silence is how long the broker may say nothing before a backup is given up.
	silence = 30 * time.Second
	// unpacking is how long it may take to answer that it has made a stream of all: files of a broker before 2.15 it only then
	// begins to read.
	unpacking = time.Hour
	// hearsay is how long brokers may take to hear of each other that one of them takes the files of a backup.
	hearsay = 30 * time.Second

	codeStreamNotFound = 10059
	codeNameExists     = 10130
)

// breaths are the pauses before a part is sent again.
var breaths = again.Pauses{First: 50 * time.Millisecond, Longest: 50 * time.Millisecond}

// Head says what a backup holds. It stands before the broker's files.
type Head struct {
	// Installation is whose log it is. Archives of earlier releases lack it, and say so in the stream's metadata if at all.
	Installation string                 `json:"installation,omitempty"`
	Config       jetstream.StreamConfig `json:"config"`
	// State is the broker's own account of the stream; the broker wants it back as it was.
	State json.RawMessage `json:"state"`
	// With are the buckets that were taken with a log, each as a backup of its own: one without the others isn't whole.
	With []string `json:"with,omitempty"`
}

// CheckInstallation fails with storelog.ErrForeignLog when the log is another's.
func (h Head) CheckInstallation(installation string) error {
	return storelog.CheckOwner(cmp.Or(h.Installation, storelog.OwnerOf(h.Config.Metadata)), installation)
}

// extent is how much the broker said that it gives.
type extent struct {
	Messages uint64 `json:"messages"`
	LastSeq  uint64 `json:"last_seq"`
}

func (h Head) extent() (extent, error) {
	var e extent
	if err := json.Unmarshal(h.State, &e); err != nil {
		return extent{}, fmt.Errorf("read the state of the backup: %w", err)
	}
	return e, nil
}

// LastSeq is the sequence of the newest message in the backup.
func (h Head) LastSeq() (uint64, error) {
	e, err := h.extent()
	return e.LastSeq, err
}

// answer is what the broker says to a request.
type answer struct {
	Error   *jetstream.APIError `json:"error"`
	Deliver string              `json:"deliver_subject"`
	Head
}

// Stream is a snapshot that is being taken.
type Stream struct {
	Head Head

	files *nats.Subscription
}

// Take begins a snapshot of a stream. Its files come with WriteTo; Close gives it up, which the broker notices.
//
// It fails with storelog.ErrOldServer before anything is copied. In a cluster another broker may hand the files out, and an
// older one while they are replaced one by one: what that gave Walk refuses.
func Take(ctx context.Context, nc *nats.Conn, stream string) (*Stream, error) {
	if err := storelog.CheckServer(nc, minServer); err != nil {
		return nil, fmt.Errorf("take a snapshot that others than brokers can read: %w", err)
	}
	files, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		return nil, fmt.Errorf("listen for the snapshot: %w", err)
	}
	said, err := request(ctx, nc, snapshotSubject+stream, map[string]any{
		"deliver_subject": files.Subject, "no_consumers": true, "jsck": true, "chunk_size": chunk,
	}, silence)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ask for a snapshot of %s: %w", stream, err), files.Unsubscribe())
	}
	return &Stream{Head: said.Head, files: files}, nil
}

// Close listens no longer.
func (s *Stream) Close() error {
	if err := s.files.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrBadSubscription) {
		return fmt.Errorf("give the snapshot up: %w", err)
	}
	return nil
}

// WriteTo copies the broker's files until the broker says that these were all.
func (s *Stream) WriteTo(ctx context.Context, w io.Writer) error {
	defer func() { _ = s.Close() }()
	for {
		bounded, cancel := context.WithTimeout(ctx, silence)
		msg, err := s.files.NextMsgWithContext(bounded)
		cancel()
		if err != nil {
			return fmt.Errorf("wait for the snapshot: %w", err)
		}
		if len(msg.Data) == 0 {
			if status := msg.Header.Get("Status"); status != "" && status != "204" {
				return fmt.Errorf("the broker gave the snapshot up: %s %s", status, msg.Header.Get("Description"))
			}
			return nil
		}
		if _, err := w.Write(msg.Data); err != nil {
			return fmt.Errorf("write the snapshot: %w", err)
		}
		if msg.Reply != "" {
			if err := msg.Respond(nil); err != nil {
				return fmt.Errorf("ask for more of the snapshot: %w", err)
			}
		}
	}
}

// Restore makes the stream of a backup's files, with what head says of it: what is in its metadata holds from its first moment.
func Restore(ctx context.Context, nc *nats.Conn, head Head, files io.Reader) error {
	said, err := request(ctx, nc, restoreSubject+head.Config.Name, map[string]any{"config": head.Config, "state": head.State}, silence)
	if err != nil {
		return fmt.Errorf("ask to restore %s: %w", head.Config.Name, err)
	}
	if err := bring(ctx, nc, said.Deliver, files); err != nil {
		// What wants no answer ends it: else the broker waits five seconds for more, with half a stream on its disk.
		return errors.Join(err, nc.Publish(said.Deliver, nil))
	}
	return nil
}

// bring sends the files to where the broker takes them, and returns when they are a stream.
func bring(ctx context.Context, nc *nats.Conn, to string, files io.Reader) error {
	buffer := make([]byte, chunk)
	for {
		// Not io.ReadFull: to it a connection that was cut, io.ErrUnexpectedEOF, is an end like any other.
		n, err := files.Read(buffer)
		if n > 0 {
			if err := send(ctx, nc, to, buffer[:n], silence); err != nil {
				return fmt.Errorf("send the snapshot: %w", err)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the backup: %w", err)
		}
	}
	if err := send(ctx, nc, to, nil, unpacking); err != nil {
		return fmt.Errorf("finish the restore: %w", err)
	}
	return nil
}

// send returns when the broker has taken a part. Of several brokers, ours may not have heard yet that another takes it, and
// says that nobody does: then nobody has it, and it is sent again.
func send(ctx context.Context, nc *nats.Conn, to string, part []byte, patience time.Duration) error {
	began := time.Now()
	_, err := again.Until(ctx, breaths, func() (answer, error) {
		said, err := request(ctx, nc, to, part, patience)
		if !errors.Is(err, nats.ErrNoResponders) || time.Since(began) > hearsay {
			err = again.Never(err)
		}
		return said, err
	})
	return err
}

// request sends bytes as they are, anything else as JSON.
func request(ctx context.Context, nc *nats.Conn, subject string, body any, patience time.Duration) (answer, error) {
	data, raw := body.([]byte)
	if !raw {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return answer{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	msg, err := nc.RequestWithContext(ctx, subject, data)
	if err != nil {
		return answer{}, err
	}
	var said answer
	if len(msg.Data) > 0 {
		if err := json.Unmarshal(msg.Data, &said); err != nil {
			return answer{}, fmt.Errorf("read the broker's answer: %w", err)
		}
	}
	switch {
	case said.Error == nil:
		return said, nil
	case said.Error.ErrorCode == codeNameExists:
		return answer{}, ErrExists
	case said.Error.ErrorCode == codeStreamNotFound:
		return answer{}, ErrNone
	}
	return answer{}, said.Error
}
