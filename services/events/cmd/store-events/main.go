// Command store-events remembers and tells: it projects the log into Postgres, answers queries and serves the feed.
package main

import (
	"context"
	"os"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/services/events"
)

// program has the settings that both of its commands take.
type program struct {
	events.Config

	Serve   serve   `cmd:"" default:"1" help:"Project, answer and serve the feed until told to stop (the default)."`
	Rebuild rebuild `cmd:"" help:"Drop the read model and replay the log into it, telling how far it is. Replicas may go on running."`
}

type serve struct{}

func (serve) Run(ctx context.Context, p *program) error { return events.Run(ctx, p.Config) }

type rebuild struct{}

func (rebuild) Run(ctx context.Context, p *program) error {
	return events.Rebuild(ctx, p.Config, os.Stderr)
}

func main() {
	config.Main("store-events", "Projects the log into Postgres, answers queries and serves the live feed.", &program{})
}
