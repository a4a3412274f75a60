// Command store-gateway serves the platform's API and page.
package main

import (
	"context"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/services/gateway"
)

type program struct{ gateway.Config }

func (p *program) Run(ctx context.Context) error { return gateway.Run(ctx, p.Config) }

func main() {
	config.Main("store-gateway", "The platform's door: REST, live feed and page.", &program{})
}
