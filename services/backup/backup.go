// Package backup takes encrypted snapshots of the log to a folder or an object store and restores the log from one. Run is
// the whole program.
//
// Everything else is derived from the log, Postgres by the projector and claims by a sweep, but for one: who looked at
// passwords. That is in Postgres, in a table that no rebuild drops, and the stream it came by isn't copied. Brought back as
// another stream it would have all its rows a second time there; brought back as the same one it would give the numbers again
// that were given since, and their entries would be taken for repeats. And who copies it could have it removed.
package backup

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file:///folder
	_ "gocloud.dev/blob/s3blob"   // s3://bucket?region=…

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/services/backup/internal/seal"
	"github.com/store-platform/store-platform/services/backup/internal/snapshot"
)

// Config is everything that can be set.
type Config struct {
	Do           string    `arg:"" enum:"take,list,restore" help:"take, list or restore."`
	From         string    `name:"from" help:"Which backup to restore, as list shows it. Empty: the newest."`
	URL          string    `name:"backup-url" env:"BACKUP_URL" required:"" help:"Where backups are kept: file:///folder, or s3://bucket?region=… with credentials as the AWS tools take them. Installations may share it."`
	Keep         int       `name:"backup-keep" env:"BACKUP_KEEP" default:"14" help:"How many backups are kept; older ones are removed after a new one was verified."`
	Keys         seal.Keys `name:"backup-keys" env:"BACKUP_KEYS" help:"What backups are encrypted with, comma-separated: the first encrypts, all are tried on what is restored. Random text of at least 24 characters each."`
	Installation string    `name:"installation" env:"INSTALLATION" required:"" help:"Id of this installation, the same as its gateway's. Another's log isn't taken, its backups neither removed nor restored."`

	NATS config.NATS `embed:""`
}

// errNone: there is no backup to restore.
var errNone = errors.New("there is no backup")

// Run does what cfg says, shows results on out and progress on progress.
func Run(ctx context.Context, cfg Config, out, progress io.Writer) error {
	if err := cfg.check(); err != nil {
		return err
	}
	bucket, err := blob.OpenBucket(ctx, cfg.URL)
	if err != nil {
		return fmt.Errorf("open BACKUP_URL: %w", err)
	}
	defer bucket.Close()
	kept := shelf{bucket: bucket, installation: cfg.Installation, progress: progress}
	if cfg.Do == "list" {
		return kept.list(ctx, out)
	}
	nc, err := cfg.NATS.Connect(ctx, "store-backup", nil)
	if err != nil {
		return err
	}
	defer nc.Close()
	if cfg.Do == "restore" {
		return restore(ctx, nc, kept, cfg, progress)
	}
	name, err := take(ctx, nc, kept, cfg.Keys, time.Now().UTC())
	if err != nil {
		return err
	}
	fmt.Fprintln(out, name)
	// The backup counts all the same: as a failure it would be taken again, which removes nothing either.
	if err := kept.prune(ctx, name, cfg.Keep, time.Now()); err != nil {
		fmt.Fprintf(progress, "%s was verified and counts; older ones that should have gone are still there: %v\n", name, err)
	}
	return nil
}

func (c Config) check() error {
	if c.Keep < 1 {
		return errors.New("BACKUP_KEEP must be at least 1")
	}
	if c.Installation == "" {
		return errors.New("INSTALLATION must be set: it says whose backups these are")
	}
	// What earlier releases left is restored without.
	if err := c.Keys.Check(); err != nil && (c.Do == "take" || !errors.Is(err, seal.ErrNoKey)) {
		return fmt.Errorf("BACKUP_KEYS: %w", err)
	}
	return nil
}

// take copies the log, reads the copy back to its last message, and only then has it count.
func take(ctx context.Context, nc *nats.Conn, kept shelf, keys seal.Keys, now time.Time) (string, error) {
	taken, err := snapshot.Take(ctx, nc)
	if err != nil {
		return "", err
	}
	if err := taken.Head.CheckInstallation(kept.installation); err != nil {
		return "", errors.Join(err, taken.Close())
	}
	taken.Head.Installation = kept.installation
	seq, err := taken.Head.LastSeq()
	if err != nil {
		return "", errors.Join(err, taken.Close())
	}
	name := kept.name(now, seq)
	fmt.Fprintf(kept.progress, "taking the log up to message %d as %s\n", seq, name)
	digest, err := write(ctx, kept, name, keys, taken)
	if err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	said, err := verify(ctx, kept, name, keys, digest)
	if err != nil {
		return "", errors.Join(fmt.Errorf("verify %s, which therefore doesn't count: %w", name, err), kept.discard(ctx, name))
	}
	fmt.Fprintln(kept.progress, "verified", name+":", said)
	return name, kept.mark(ctx, name, said)
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

// verify opens a backup as a restore would and reads every message in it. The digest proves that what was encrypted came
// back, and the walk that it is a log: a broker's files may be broken before anybody encrypts them.
func verify(ctx context.Context, kept shelf, name string, keys seal.Keys, want []byte) (said string, err error) {
	object, err := kept.bucket.NewReader(ctx, name, nil)
	if err != nil {
		return "", fmt.Errorf("read it back: %w", err)
	}
	defer object.Close()
	content, err := keys.Open(object)
	if err != nil {
		return "", err
	}
	digest := sha256.New()
	head, files, err := open(io.TeeReader(content, digest), kept.installation)
	if err != nil {
		return "", err
	}
	messages, err := snapshot.Walk(head, files)
	if err != nil {
		return "", err
	}
	if !slices.Equal(digest.Sum(nil), want) {
		return "", errors.New("it was read as something else than was written")
	}
	return fmt.Sprintf("%d messages, %d bytes", messages, object.Size()), nil
}

// open reads what encode wrote, as far as the broker's files, and refuses another installation's.
func open(content io.Reader, installation string) (snapshot.Head, io.Reader, error) {
	buffered := bufio.NewReader(content)
	line, err := buffered.ReadBytes('\n')
	if err != nil {
		return snapshot.Head{}, nil, fmt.Errorf("read its head: %w", err)
	}
	var head snapshot.Head
	if err := json.Unmarshal(line, &head); err != nil {
		return snapshot.Head{}, nil, fmt.Errorf("read its head: %w", err)
	}
	return head, buffered, head.CheckInstallation(installation)
}

// restore brings a backup back where there is no log. The broker itself refuses over one that exists.
func restore(ctx context.Context, nc *nats.Conn, kept shelf, cfg Config, progress io.Writer) error {
	name, err := kept.choose(ctx, cfg.From)
	if err != nil {
		return err
	}
	object, err := kept.bucket.NewReader(ctx, name, nil)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	defer object.Close()
	content := io.Reader(object)
	if !isPlain(name) {
		if content, err = cfg.Keys.Open(object); err != nil {
			return fmt.Errorf("open %s with BACKUP_KEYS: %w", name, err)
		}
	}
	head, files, err := open(content, cfg.Installation)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	fmt.Fprintf(progress, "restoring %s (%d bytes)\n", name, object.Size())
	now := time.Now().UTC()
	reason := fmt.Sprintf("The log was restored from %s at %s: what happened after that backup is unknown to it.", name, now.Format(time.RFC3339))
	err = snapshot.Restore(ctx, nc, head, files, now, reason)
	if errors.Is(err, snapshot.ErrExists) {
		return fmt.Errorf("%w: stop the gateway and remove the stream first if this one is really to be replaced", err)
	}
	if err != nil {
		return fmt.Errorf("restore %s: %w", name, err)
	}
	fmt.Fprintln(progress, "restored; sweeps stay paused until somebody resumes them, and the read model must be rebuilt")
	return nil
}
