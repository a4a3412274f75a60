package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
	"github.com/store-platform/store-platform/test/internal/chaos/trouble"
)

// pool is the nodes on which an operator wants the pods of stores when some stand already. In a cluster without nodes it only
// shows in what stores want.
const pool = "shops"

// settings is the provisioners' file with what the installation says of its stores.
func (l *Lab) settings() string { return filepath.Join(l.Folder, "stores.yaml") }

// say writes it, and tells who judges.
func (l *Lab) say(pool string) error {
	text := "{}\n"
	if pool != "" {
		text = fmt.Sprintf("nodeSelector: {pool: %s}\n", pool)
	}
	if err := os.WriteFile(l.settings(), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write what the installation says of its stores: %w", err)
	}
	return record.WriteRun(l.Folder, record.Run{
		Installation: l.installation, Broker: "nats://" + l.broker.Address, Passwords: l.broker.Passwords,
		Database: l.database, Kubeconfig: l.kubeconfig, Pool: pool,
	})
}

// Refit has stores made, changes what the installation says of them, and kills who refreshes them. It comes before other turns:
// a keeper asks for a refresh a second, so that one of hundreds of stores would take longer than all else.
func (l *Lab) Refit(ctx context.Context) error {
	t, err := l.begin(ctx, "refit", suiteSeed)
	if err != nil {
		return err
	}
	began := time.Now()
	var making errgroup.Group
	var records []io.Closer
	for n := range courses {
		c, err := t.newClient(n)
		if err != nil {
			return err
		}
		records = append(records, c.records)
		making.Go(func() error {
			return c.take(ctx, store.DeriveID(c.tenant, c.name), []stage{{"made", open, c.makes(ctx)}})
		})
	}
	if err := errors.Join(making.Wait(), closeAll(records)); err != nil {
		return err
	}
	if err := l.refit(ctx, pool); err != nil {
		return err
	}
	for n := range trouble.Replicas("provisioner") {
		if err := t.refreshes(ctx, n+1); err != nil {
			return err
		}
		l.one("provisioner", n).signal(syscall.SIGKILL, true)
	}
	if err := t.refreshes(ctx, courses); err != nil {
		return err
	}
	if err := l.atRest(ctx); err != nil {
		return fmt.Errorf("the platform didn't come to rest: %w", err)
	}
	fmt.Fprintf(l.out, "%s: %d stores refreshed and at rest after %s\n", t.name, courses, brief(time.Since(began)))
	return t.judge(ctx)
}

// refreshes waits until so many were asked for.
func (t *turn) refreshes(ctx context.Context, enough int) error {
	return waittest.Until(ctx, func() error {
		if asked := t.logged()[store.RefreshCommand]; asked < enough {
			return fmt.Errorf("%d refreshes were asked for, and %d are to be", asked, enough)
		}
		return nil
	})
}

// refit says it and has every provisioner begin anew, one after the other.
func (l *Lab) refit(ctx context.Context, pool string) error {
	if err := l.say(pool); err != nil {
		return err
	}
	for _, r := range l.Replicas {
		if r.Service != "provisioner" {
			continue
		}
		if err := r.renew(ctx); err != nil {
			return err
		}
	}
	return nil
}
