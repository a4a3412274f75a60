package snapshot

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats-server/v2/server/archive"
)

var (
	// ErrOldBroker: a broker before 2.15 hands its own files out, which nobody else can read.
	ErrOldBroker = errors.New("no snapshot of a broker that is 2.15 or newer: its messages can't be read")
	// ErrIncomplete: the messages aren't those that the broker said it gives.
	ErrIncomplete = errors.New("the snapshot isn't whole")
)

// stateName is the entry that a snapshot begins with.
const stateName = "state.json"

// Walk reads the broker's files to their end, every message of them, and holds them against what head says. It answers how
// many messages there are, and fails with ErrOldBroker, ErrIncomplete, or the error of files.
func Walk(head Head, files io.Reader) (messages uint64, err error) {
	want, err := head.extent()
	if err != nil {
		return 0, err
	}
	have, err := walk(archive.NewReader(s2.NewReader(files)))
	// To the end, and again after an error: the readers above say of one below them only that their input is invalid.
	if _, below := io.Copy(io.Discard, files); below != nil {
		return 0, below
	}
	if err != nil {
		return 0, err
	}
	if have != want {
		return 0, fmt.Errorf("%w: %d messages up to number %d of %d up to number %d",
			ErrIncomplete, have.Messages, have.LastSeq, want.Messages, want.LastSeq)
	}
	return have.Messages, nil
}

// walk goes from the account of the stream over its messages to the mark behind the last, and makes sure that nothing follows.
func walk(entries *archive.Reader) (extent, error) {
	first, err := entries.Next()
	if err != nil {
		return extent{}, fmt.Errorf("%w: %w", ErrOldBroker, err)
	}
	if first.Name != stateName {
		return extent{}, fmt.Errorf("%w: it begins with %q", ErrIncomplete, first.Name)
	}
	var have extent
	for {
		entry, err := entries.Next()
		switch {
		case err != nil:
			return extent{}, fmt.Errorf("%w: behind message %d: %w", ErrIncomplete, have.LastSeq, err)
		case entry.Sequence > have.LastSeq:
			have.LastSeq = entry.Sequence
			have.Messages++
		case *entry == archive.Header{}:
			return have, end(entries)
		default:
			return extent{}, fmt.Errorf("%w: behind message %d stands %q, %d", ErrIncomplete, have.LastSeq, entry.Name, entry.Sequence)
		}
	}
}

func end(entries *archive.Reader) error {
	if _, err := entries.Next(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something stands behind its end", ErrIncomplete)
	}
	return nil
}
