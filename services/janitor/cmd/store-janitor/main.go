// Command store-janitor removes what is no longer wanted.
package main

import (
	"context"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/services/janitor"
)

type program struct{ janitor.Config }

func (p *program) Run(ctx context.Context) error {
	return telemetry.During(ctx, "store-janitor", p.Telemetry, func(ctx context.Context) error { return janitor.Run(ctx, p.Config) })
}

func main() { config.Main("store-janitor", "Removes stores, and nothing else.", &program{}) }
