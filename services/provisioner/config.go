package provisioner

import (
	"errors"
	"net"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/telemetry"
)

// Config is everything that can be set.
type Config struct {
	NATS      config.NATS      `embed:""`
	Telemetry telemetry.Config `embed:""`

	Kubeconfig       string `name:"kubeconfig" env:"KUBECONFIG" told:"whole" help:"File that leads to the cluster. It needn't exist yet: stores wait for it. Empty: the cluster this process runs in."`
	Installation     string `name:"installation" env:"INSTALLATION" required:"" told:"whole" help:"Id of this installation. What carries another one in the cluster is never touched."`
	BaseDomain       string `name:"base-domain" env:"BASE_DOMAIN" default:"localhost:8088" told:"whole" help:"Stores are at store-<id>.<base domain>. It may carry a port."`
	StoreScheme      string `name:"store-scheme" env:"STORE_SCHEME" default:"http" enum:"http,https" told:"whole" help:"Scheme of the stores' URLs (http, https)."`
	IngressClass     string `name:"ingress-class-name" env:"INGRESS_CLASS_NAME" told:"whole" help:"IngressClass of the stores' routes. Empty: stores get no route and are probed by port-forward."`
	IngressAddr      string `name:"ingress-addr" env:"INGRESS_ADDR" told:"whole" help:"host:port that the probe dials from outside the cluster to reach stores through their route; the Host header is the store's. Empty: by port-forward."`
	IngressNamespace string `name:"ingress-namespace" env:"INGRESS_NAMESPACE" told:"whole" help:"Namespace of the ingress controller's pods, which stores let in; those that stand take another over a few at a time. Empty: the controller is no pod."`
	ImageRegistry    string `name:"image-registry" env:"IMAGE_REGISTRY" told:"whole" help:"Prefix of the engines' images (registry.example/team). Empty: as the packs name them."`
	Images           string `name:"images" env:"IMAGES" default:"registry" enum:"registry,on-demand" told:"whole" help:"Where the engines' images come from: a registry, or somebody who builds them when a store first needs them, as the local supervisor does (registry, on-demand)."`
	EnginesDir       string `name:"engines-dir" env:"ENGINES_DIR" told:"whole" help:"Folder with more engine packs, beside the built-in ones. Empty: there are no more."`
	DemoEngines      bool   `name:"demo-engines" env:"DEMO_ENGINES" default:"true" negatable:"" help:"Offer the engines for trials too. Stores that have one go on either way."`
	EngineSettings   string `name:"engine-settings" env:"ENGINE_SETTINGS" told:"whole" help:"YAML file with values for the engines' charts by engine, such as an external database. Empty: none."`

	StoresSettings string `name:"stores-settings" env:"STORES_SETTINGS" told:"whole" help:"YAML file with what this installation says of all its stores: storage class, DNS, routes, registries, nodes. Empty: nothing."`

	Slots     int    `name:"slots" env:"SLOTS" default:"256" help:"How many stores are worked on at once, beside a quarter as many (from 4 on) that stand and wait for none that is being made. One that waits for its pods costs next to nothing."`
	HelmSlots int    `name:"helm-slots" env:"HELM_SLOTS" default:"8" help:"How many Helm releases are written at once."`
	OpsListen string `name:"ops-listen" env:"OPS_LISTEN" told:"whole" help:"Address for /healthz, /readyz and /metrics (127.0.0.1:9101). Empty: none."`

	// Cluster is the one whose stores it works on; empty means store.DefaultCluster. It is no setting: the gateway makes
	// stores in no other so far, and a hand that was told another name would have nothing to do.
	Cluster string `kong:"-"`
}

func (c Config) check() error {
	switch {
	case c.Installation == "":
		return errors.New("INSTALLATION must be set: without it what is another's in the cluster can't be told")
	case c.Slots < 1:
		return errors.New("SLOTS must be at least 1")
	case c.HelmSlots < 1:
		return errors.New("HELM_SLOTS must be at least 1")
	case c.IngressAddr != "" && c.IngressClass == "":
		return errors.New("INGRESS_ADDR is set and INGRESS_CLASS_NAME isn't: without a route no probe gets through the ingress")
	}
	return nil
}

// standing is how many stores that stand are worked on beside: none where so few are wanted at once that one more is many.
func (c Config) standing() int { return c.Slots / 4 }

func (c Config) cluster(stores cluster.Settings) cluster.Config {
	return cluster.Config{
		Settings:   stores,
		Kubeconfig: c.Kubeconfig, Installation: c.Installation, WatchWorkloads: true,
		IngressNamespace: c.IngressNamespace, IngressAddr: c.IngressAddr,
	}
}

// baseHost is the base domain as DNS and an Ingress know it.
func (c Config) baseHost() string {
	if host, _, err := net.SplitHostPort(c.BaseDomain); err == nil {
		return host
	}
	return c.BaseDomain
}
