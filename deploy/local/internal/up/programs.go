package up

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/deploy/local/internal/gobuild"
)

// Names of the processes.
const (
	brokerName   = "broker"
	postgresName = "postgres"
	gateway      = "gateway"
	events       = "events"
	provisioner  = "provisioner"
	janitor      = "janitor"
	edge         = "edge"
)

// imagesName is no process that is kept running: it is run for each thing that is to be done with images.
const imagesName = "images"

// programs are what is built, by the process that runs it. Everything but the gateway, which is the page, is built at low
// priority, so that page and log answer while the rest is compiled.
var programs = map[string]gobuild.Program{
	brokerName:  {Name: "store-broker", Module: "deploy/local", Package: "cmd/broker", Low: true},
	gateway:     {Name: "store-gateway", Module: "services/gateway", Package: "cmd/store-gateway"},
	events:      {Name: "store-events", Module: "services/events", Package: "cmd/store-events", Low: true},
	provisioner: {Name: "store-provisioner", Module: "services/provisioner", Package: "cmd/store-provisioner", Low: true},
	janitor:     {Name: "store-janitor", Module: "services/janitor", Package: "cmd/store-janitor", Low: true},
	edge:        {Name: "store-edge", Module: "deploy/local/edge", Package: "cmd/edge", Low: true},
	imagesName:  {Name: "store-images", Module: "deploy/local", Package: "cmd/images", Low: true},
}

// forTests are no processes of a run, but tests run them.
var forTests = []gobuild.Program{
	{Name: "store-backup", Module: "services/backup", Package: "cmd/store-backup"},
	{Name: "apiserver", Module: "deploy/local", Package: "cmd/apiserver"},
	{Name: "chaos", Module: "test", Package: "cmd/chaos"},
	{Name: "chaoscheck", Module: "test", Package: "cmd/chaoscheck"},
}

// Programs are the platform's own with these names, in the order asked for; without names, all.
func Programs(names ...string) ([]gobuild.Program, error) {
	known := map[string]gobuild.Program{}
	for _, program := range slices.AppendSeq(slices.Clone(forTests), maps.Values(programs)) {
		known[program.Name] = program
	}
	all := slices.Sorted(maps.Keys(known))
	if len(names) == 0 {
		names = all
	}
	asked := make([]gobuild.Program, len(names))
	for i, name := range names {
		program, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("there is no program %s: there are %s", name, strings.Join(all, ", "))
		}
		asked[i] = program
	}
	return asked, nil
}
