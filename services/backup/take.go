package backup

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/backup/internal/seal"
	"github.com/store-platform/store-platform/services/backup/internal/snapshot"
)

// take copies the log, and then who there is: a tenant of a store in it is in what was copied later. It reads the copies back to
// their last message, and only then do they count.
func take(ctx context.Context, nc *nats.Conn, kept shelf, keys seal.Keys, now time.Time) (string, error) {
	log, err := snapshot.Take(ctx, nc, storelog.Stream)
	if err != nil {
		return "", err
	}
	if err := log.Head.CheckInstallation(kept.installation); err != nil {
		return "", errors.Join(err, log.Close())
	}
	people, err := peopleOf(ctx, nc)
	if err != nil {
		return "", errors.Join(err, log.Close())
	}
	log.Head.With = people.buckets
	seq, err := log.Head.LastSeq()
	if err != nil {
		return "", errors.Join(err, log.Close())
	}
	name, err := kept.free(ctx, now, seq)
	if err != nil {
		return "", errors.Join(err, log.Close())
	}
	fmt.Fprintf(kept.progress, "taking the log up to message %d as %s\n", seq, name)
	said, err := keep(ctx, kept, name, keys, log)
	for _, bucket := range people.buckets {
		if err != nil {
			break
		}
		var more string
		more, err = keepBucket(ctx, nc, kept, partOf(name, bucket), keys, bucket)
		said += "; " + bucket + ": " + more
	}
	if err == nil {
		err = kept.noteErased(ctx, people.erased)
	}
	if err != nil {
		return "", errors.Join(err, kept.discard(ctx, name))
	}
	fmt.Fprintln(kept.progress, "verified", name+":", said)
	return name, kept.mark(ctx, name, said)
}

func keepBucket(ctx context.Context, nc *nats.Conn, kept shelf, name string, keys seal.Keys, bucket string) (said string, err error) {
	taken, err := snapshot.Take(ctx, nc, storelog.StreamOf(bucket))
	if err != nil {
		return "", err
	}
	return keep(ctx, kept, name, keys, taken)
}

// keep writes a stream under a name, and reads it back.
func keep(ctx context.Context, kept shelf, name string, keys seal.Keys, taken *snapshot.Stream) (said string, err error) {
	taken.Head.Installation = kept.installation
	digest, err := write(ctx, kept, name, keys, taken)
	if err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	read, err := verify(ctx, kept, name, keys)
	if err == nil && !slices.Equal(read.digest, digest) {
		err = errors.New("it was read as something else than was written")
	}
	if err != nil {
		return "", fmt.Errorf("verify %s, which therefore doesn't count: %w", name, err)
	}
	return fmt.Sprintf("%d messages, %d bytes", read.messages, read.size), nil
}

// write answers the digest of what was encrypted.
func write(ctx context.Context, kept shelf, name string, keys seal.Keys, taken *snapshot.Stream) ([]byte, error) {
	// Without Close nothing appears under the name: cancelling gives the upload up.
	writing, giveUp := context.WithCancel(ctx)
	defer giveUp()
	object, err := kept.bucket.NewWriter(writing, name, nil)
	if err != nil {
		return nil, errors.Join(err, taken.Close())
	}
	digest := sha256.New()
	sealed, err := keys.Seal(object)
	if err == nil {
		err = encode(ctx, taken, io.MultiWriter(sealed, digest))
	}
	if err == nil {
		err = sealed.Close()
	}
	if err != nil {
		giveUp()
		_ = object.Close()
		return nil, errors.Join(err, taken.Close())
	}
	return digest.Sum(nil), object.Close()
}

// encode writes what a backup is before it is encrypted: a line of JSON, and the broker's files.
func encode(ctx context.Context, taken *snapshot.Stream, w io.Writer) error {
	if err := json.NewEncoder(w).Encode(taken.Head); err != nil {
		return fmt.Errorf("write its head: %w", err)
	}
	return taken.WriteTo(ctx, w)
}

// verified is what was found in a backup.
type verified struct {
	messages uint64
	size     int64
	// digest is of what was encrypted: that it came back says the one that was written.
	digest []byte
}

// verify opens a backup as a restore would and reads every message in it, since a broker's files may be broken before anybody
// encrypts them.
func verify(ctx context.Context, kept shelf, name string, keys seal.Keys) (verified, error) {
	object, err := kept.bucket.NewReader(ctx, name, nil)
	if err != nil {
		return verified{}, fmt.Errorf("read it back: %w", err)
	}
	defer object.Close()
	content, err := keys.Open(object)
	if err != nil {
		return verified{}, err
	}
	digest := sha256.New()
	head, files, err := open(io.TeeReader(content, digest), kept.installation)
	if err != nil {
		return verified{}, err
	}
	messages, err := snapshot.Walk(head, files)
	if err != nil {
		return verified{}, err
	}
	return verified{messages, object.Size(), digest.Sum(nil)}, nil
}
