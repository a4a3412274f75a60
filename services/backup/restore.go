package backup

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/backup/internal/snapshot"
)

// restore brings a backup back where there is no log. The broker itself refuses over one that exists.
func restore(ctx context.Context, nc *nats.Conn, kept shelf, cfg Config, progress io.Writer) error {
	name, err := kept.choose(ctx, cfg.From)
	if err != nil {
		return err
	}
	r := restoring{nc: nc, kept: kept, cfg: cfg, at: time.Now().UTC(), progress: progress}
	log, err := r.open(ctx, name)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := r.people(ctx, name, log.head.With); err != nil {
		return err
	}
	last, err := log.head.LastSeq()
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	reason := fmt.Sprintf("The log was restored from %s at %s: what happened after that backup is unknown to it.", name, r.at.Format(time.RFC3339))
	log.head.Config.Metadata = storelog.Restored(log.head.Config.Metadata, last, r.at, reason)
	if err := r.bring(ctx, name, log); err != nil {
		return err
	}
	fmt.Fprintln(progress, "restored; sweeps stay paused until somebody resumes them, and the read model must be rebuilt")
	if len(log.head.With) > 0 {
		fmt.Fprintln(progress, "nobody who was restored is let in until an operator has come by a link of store-gateway operator-link and confirmed them: POST /accounts/restored/confirm")
	}
	return nil
}

// restoring is one restore.
type restoring struct {
	nc       *nats.Conn
	kept     shelf
	cfg      Config
	at       time.Time
	progress io.Writer
}

// people brings back who there was, before the log, which a gateway waits for. All of it is read first, the log too: what can't
// be read to its end then leaves nothing in the way of another backup.
func (r restoring) people(ctx context.Context, name string, buckets []string) error {
	if len(buckets) == 0 {
		return nil
	}
	for _, part := range append([]string{name}, partsOf(name, buckets)...) {
		if _, err := verify(ctx, r.kept, part, r.cfg.Keys); err != nil {
			return fmt.Errorf("open %s with BACKUP_KEYS: %w", part, err)
		}
	}
	for _, bucket := range buckets {
		if err := r.bucket(ctx, partOf(name, bucket), bucket); err != nil {
			return err
		}
	}
	erased, err := r.kept.erased(ctx)
	if err != nil {
		return err
	}
	return eraseAgain(ctx, r.nc, erased)
}

func (r restoring) bucket(ctx context.Context, name, bucket string) error {
	part, err := r.open(ctx, name)
	if err != nil {
		return err
	}
	defer part.Close()
	if want := storelog.StreamOf(bucket); part.head.Config.Name != want {
		return fmt.Errorf("open %s: it holds %s, and not %s", name, part.head.Config.Name, want)
	}
	part.head.Config.Metadata = storelog.RestoredBucket(part.head.Config.Metadata, r.at)
	return r.bring(ctx, name, part)
}

// opened is a backup whose head has been read.
type opened struct {
	io.Closer
	head  snapshot.Head
	files io.Reader
	size  int64
}

func (r restoring) open(ctx context.Context, name string) (*opened, error) {
	object, err := r.kept.bucket.NewReader(ctx, name, nil)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	content := io.Reader(object)
	if !isPlain(name) {
		if content, err = r.cfg.Keys.Open(object); err != nil {
			return nil, errors.Join(fmt.Errorf("open %s with BACKUP_KEYS: %w", name, err), object.Close())
		}
	}
	head, files, err := open(content, r.cfg.Installation)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", name, err), object.Close())
	}
	return &opened{object, head, files, object.Size()}, nil
}

func (r restoring) bring(ctx context.Context, name string, part *opened) error {
	fmt.Fprintf(r.progress, "restoring %s (%d bytes)\n", name, part.size)
	err := snapshot.Restore(ctx, r.nc, part.head, part.files)
	if errors.Is(err, snapshot.ErrExists) {
		return fmt.Errorf("%w: stop the gateway and give the broker an empty disk first if %s is really to be replaced", err, part.head.Config.Name)
	}
	if err != nil {
		return fmt.Errorf("restore %s: %w", name, err)
	}
	return nil
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
