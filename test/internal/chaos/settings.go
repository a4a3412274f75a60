package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/store-platform/store-platform/test/internal/chaos/record"
)

// pool is the nodes on which an operator wants the pods of stores in the middle of a turn. In a cluster without nodes it only
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
