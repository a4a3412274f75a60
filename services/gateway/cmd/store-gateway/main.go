// Command store-gateway serves the platform's API and page.
package main

import (
	"context"
	"os"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/services/gateway"
)

// program has the settings that both of its commands take.
type program struct {
	gateway.Config

	Serve        serve        `cmd:"" default:"1" help:"Serve until told to stop (the default)."`
	OperatorLink operatorLink `cmd:"" help:"Print a link by which somebody becomes an operator. Takes the settings of the broker."`
}

type serve struct{}

func (serve) Run(ctx context.Context, p *program) error { return gateway.Run(ctx, p.Config) }

type operatorLink struct{}

func (operatorLink) Run(ctx context.Context, p *program) error {
	return gateway.OperatorLink(ctx, p.Config, os.Stdout)
}

func main() {
	config.Main("store-gateway", "The platform's door: REST, live feed and page.", &program{})
}
