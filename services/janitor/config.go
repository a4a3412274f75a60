package janitor

import (
	"errors"
	"time"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/telemetry"
)

// Config is everything that can be set.
type Config struct {
	NATS      config.NATS      `embed:""`
	Telemetry telemetry.Config `embed:""`

	Kubeconfig   string        `name:"kubeconfig" env:"KUBECONFIG" told:"whole" help:"File that leads to the cluster. It needn't exist yet: deletions wait for it. Empty: the cluster this process runs in."`
	Installation string        `name:"installation" env:"INSTALLATION" required:"" told:"whole" help:"Id of this installation. What carries another one in the cluster is never touched."`
	Slots        int           `name:"slots" env:"SLOTS" default:"64" help:"How many stores are removed at once."`
	SweepEvery   time.Duration `name:"sweep-every" env:"SWEEP_EVERY" default:"1m" help:"How often cluster, claims and commands are held against the log: leftovers, expired stores, forgotten commands (30s, 5m; at least 1s). 0: never."`
	OpsListen    string        `name:"ops-listen" env:"OPS_LISTEN" told:"whole" help:"Address for /healthz, /readyz and /metrics (127.0.0.1:9102). Empty: none."`

	// Cluster is the one whose stores it works on; empty means store.DefaultCluster. It is no setting: the gateway makes
	// stores in no other so far, and a hand that was told another name would have nothing to do.
	Cluster string `kong:"-"`
}

func (c Config) check() error {
	if c.Installation == "" {
		return errors.New("INSTALLATION must be set: without it what is another's in the cluster can't be told")
	}
	if c.Slots < 1 {
		return errors.New("SLOTS must be at least 1")
	}
	if c.SweepEvery != 0 && c.SweepEvery < time.Second {
		return errors.New("SWEEP_EVERY must be 0 or at least 1s")
	}
	return nil
}
