// Command store-backup takes the log to a place outside the cluster, and brings it back.
package main

import (
	"context"
	"os"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/services/backup"
)

type program struct{ backup.Config }

func (p *program) Run(ctx context.Context) error {
	return backup.Run(ctx, p.Config, os.Stdout, os.Stderr)
}

func main() {
	config.Main("store-backup", "Backs the log up, and restores it where there is none.", &program{})
}
