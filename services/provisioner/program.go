package provisioner

import (
	"context"
	"fmt"

	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/services/provisioner/internal/lint"
)

// Program is store-provisioner: serve, the default, which takes the settings, and what helps those who write engine packs.
type Program struct {
	Serve   serve `cmd:"" default:"withargs" help:"Work on stores until told to stop (the default)."`
	Engines struct {
		Lint lintPack `cmd:"" help:"Check an engine pack without a cluster, and list its faults."`
	} `cmd:"" help:"Look after engine packs."`
}

type serve struct {
	Config `embed:""`
}

func (s *serve) Run(ctx context.Context) error {
	return telemetry.During(ctx, "store-"+name, s.Telemetry, func(ctx context.Context) error { return Run(ctx, s.Config) })
}

type lintPack struct {
	Dir string `arg:"" type:"existingdir" help:"Folder of one pack, with engine.yaml and chart/."`
}

// Run writes what is wrong with the pack, a line each, and fails if anything is.
func (l *lintPack) Run() error {
	faults, err := lint.Folder(l.Dir)
	if err != nil {
		return err
	}
	for _, fault := range faults {
		fmt.Println(fault)
	}
	if len(faults) > 0 {
		return fmt.Errorf("%s: %d faults", l.Dir, len(faults))
	}
	fmt.Println(l.Dir + ": no fault found")
	return nil
}
