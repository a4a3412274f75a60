// Package backup takes encrypted snapshots of the log, and of who there is, to a folder or an object store, and restores from
// one. Run is the whole program.
//
// Everything else is derived from the log, Postgres by the projector and claims by a sweep, but for one: the audit of who looked at
// passwords, and of what was done to accounts and tenants. That is in Postgres, in a table that no rebuild drops, and the stream it came by isn't copied. Brought back as
// another stream it would have all its rows a second time there; brought back as the same one it would give the numbers again
// that were given since, and their entries would be taken for repeats. And who copies it could have it removed.
package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file:///folder
	_ "gocloud.dev/blob/s3blob"   // s3://bucket?region=…

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/services/backup/internal/seal"
)

// Config is everything that can be set.
type Config struct {
	Do           string    `arg:"" enum:"take,list,restore" help:"take, list or restore."`
	From         string    `name:"from" help:"Which backup to restore, as list shows it. Empty: the newest."`
	URL          string    `name:"backup-url" env:"BACKUP_URL" required:"" told:"url" help:"Where backups are kept: file:///folder, or s3://bucket?region=… with credentials as the AWS tools take them. Installations may share it."`
	Keep         int       `name:"backup-keep" env:"BACKUP_KEEP" default:"14" help:"How many backups are kept; older ones are removed after a new one was verified."`
	Keys         seal.Keys `name:"backup-keys" env:"BACKUP_KEYS" told:"never" help:"What backups are encrypted with, comma-separated: the first encrypts, all are tried on what is restored. Random text of at least 24 characters each. Empty: nothing is taken, and of what is restored only what earlier releases left unencrypted."`
	Installation string    `name:"installation" env:"INSTALLATION" required:"" told:"whole" help:"Id of this installation, the same as its gateway's. Another's log isn't taken, its backups neither removed nor restored."`

	NATS config.NATS `embed:""`
}

// errNone: there is no backup to restore.
var errNone = errors.New("there is no backup")

// Run does what cfg says, shows results on out and progress on progress.
func Run(ctx context.Context, cfg Config, out, progress io.Writer) error {
	if err := cfg.check(); err != nil {
		return err
	}
	config.Tell(&cfg)
	bucket, err := blob.OpenBucket(ctx, cfg.URL)
	if covered := config.Cover(cfg.URL); err != nil && covered != cfg.URL {
		// Not err's words: they have the URL in them.
		return fmt.Errorf("open BACKUP_URL %s: there is no such place, it takes no such parameter, or its credentials can't be read", covered)
	}
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
