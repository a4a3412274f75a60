// Package backup takes snapshots of the log to a folder or an object store and restores the log from one. Run is the
// whole program. Everything else is derived from the log: Postgres by the projector, claims by a sweep.
package backup

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file:///folder
	_ "gocloud.dev/blob/s3blob"   // s3://bucket?region=…

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/services/backup/internal/snapshot"
)

// Config is everything that can be set.
type Config struct {
	Do   string `arg:"" enum:"take,list,restore" help:"take, list or restore."`
	From string `name:"from" help:"Which backup to restore, as list shows it. Empty: the newest."`
	URL  string `name:"backup-url" env:"BACKUP_URL" required:"" help:"Where backups are kept: file:///folder, or s3://bucket?region=… with credentials as the AWS tools take them."`
	Keep int    `name:"backup-keep" env:"BACKUP_KEEP" default:"14" help:"How many backups are kept; older ones are removed after a new one was verified."`

	NATS config.NATS `embed:""`
}

const (
	prefix = "stores-"
	suffix = ".snapshot"
	// stamp sorts as text in the order of time.
	stamp = "20060102T150405Z"
)

// errNone: there is no backup to restore.
var errNone = errors.New("there is no backup")

// Run does what cfg says, shows results on out and progress on progress.
func Run(ctx context.Context, cfg Config, out, progress io.Writer) error {
	if cfg.Keep < 1 {
		return errors.New("BACKUP_KEEP must be at least 1")
	}
	bucket, err := blob.OpenBucket(ctx, cfg.URL)
	if err != nil {
		return fmt.Errorf("open BACKUP_URL: %w", err)
	}
	defer bucket.Close()
	if cfg.Do == "list" {
		return list(ctx, bucket, out)
	}
	nc, err := cfg.NATS.Connect(ctx, "store-backup")
	if err != nil {
		return err
	}
	defer nc.Close()
	if cfg.Do == "restore" {
		return restore(ctx, nc, bucket, cfg.From, progress)
	}
	name, err := take(ctx, nc, bucket, time.Now().UTC(), progress)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, name)
	return prune(ctx, bucket, cfg.Keep, progress)
}

func list(ctx context.Context, bucket *blob.Bucket, out io.Writer) error {
	names, err := names(ctx, bucket)
	for _, name := range names {
		fmt.Fprintln(out, name)
	}
	return err
}

// names lists the backups, oldest first.
func names(ctx context.Context, bucket *blob.Bucket) ([]string, error) {
	var found []string
	for objects := bucket.List(&blob.ListOptions{Prefix: prefix}); ; {
		object, err := objects.Next(ctx)
		if errors.Is(err, io.EOF) {
			slices.Sort(found)
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the backups: %w", err)
		}
		if strings.HasSuffix(object.Key, suffix) {
			found = append(found, object.Key)
		}
	}
}

// take copies the log and reads the copy back: a backup that can't be read is none.
func take(ctx context.Context, nc *nats.Conn, bucket *blob.Bucket, now time.Time, progress io.Writer) (string, error) {
	taken, err := snapshot.Take(ctx, nc)
	if err != nil {
		return "", err
	}
	seq, err := taken.Head.LastSeq()
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("%s%s-%012d%s", prefix, now.Format(stamp), seq, suffix)
	fmt.Fprintf(progress, "taking the log up to message %d as %s\n", seq, name)
	// Without Close nothing appears under the name: cancelling gives the upload up.
	writing, giveUp := context.WithCancel(ctx)
	defer giveUp()
	object, err := bucket.NewWriter(writing, name, nil)
	if err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	digest := sha256.New()
	both := io.MultiWriter(object, digest)
	err = json.NewEncoder(both).Encode(taken.Head)
	if err == nil {
		err = taken.WriteTo(ctx, both)
	}
	if err != nil {
		giveUp()
		_ = object.Close()
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	if err := object.Close(); err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	return name, verify(ctx, bucket, name, digest.Sum(nil), progress)
}

func verify(ctx context.Context, bucket *blob.Bucket, name string, want []byte, progress io.Writer) error {
	object, err := bucket.NewReader(ctx, name, nil)
	if err != nil {
		return fmt.Errorf("read %s back: %w", name, err)
	}
	defer object.Close()
	digest := sha256.New()
	size, err := io.Copy(digest, object)
	if err != nil {
		return fmt.Errorf("read %s back: %w", name, err)
	}
	if have := digest.Sum(nil); !slices.Equal(have, want) {
		return fmt.Errorf("%s was written as %s and is read as %s", name, hex.EncodeToString(want), hex.EncodeToString(have))
	}
	fmt.Fprintf(progress, "verified %s: %d bytes, sha256 %s\n", name, size, hex.EncodeToString(want))
	return nil
}

// prune removes the oldest backups beyond keep.
func prune(ctx context.Context, bucket *blob.Bucket, keep int, progress io.Writer) error {
	have, err := names(ctx, bucket)
	if err != nil {
		return err
	}
	for _, name := range have[:max(0, len(have)-keep)] {
		if err := bucket.Delete(ctx, name); err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
		fmt.Fprintln(progress, "removed", name)
	}
	return nil
}

// restore brings a backup back where there is no log. The broker itself refuses over one that exists.
func restore(ctx context.Context, nc *nats.Conn, bucket *blob.Bucket, name string, progress io.Writer) error {
	if name == "" {
		have, err := names(ctx, bucket)
		if err != nil {
			return err
		}
		if len(have) == 0 {
			return errNone
		}
		name = have[len(have)-1]
	}
	object, err := bucket.NewReader(ctx, name, nil)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	defer object.Close()
	buffered := bufio.NewReader(object)
	line, err := buffered.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the head of %s: %w", name, err)
	}
	var head snapshot.Head
	if err := json.Unmarshal(line, &head); err != nil {
		return fmt.Errorf("read the head of %s: %w", name, err)
	}
	fmt.Fprintf(progress, "restoring %s (%d bytes)\n", name, object.Size())
	now := time.Now().UTC()
	reason := fmt.Sprintf("The log was restored from %s at %s: what happened after that backup is unknown to it.", name, now.Format(time.RFC3339))
	err = snapshot.Restore(ctx, nc, head, buffered, now, reason)
	if errors.Is(err, snapshot.ErrExists) {
		return fmt.Errorf("%w: stop the gateway and remove the stream first if this one is really to be replaced", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(progress, "restored; sweeps stay paused until somebody resumes them, and the read model must be rebuilt")
	return nil
}
