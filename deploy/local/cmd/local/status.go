package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/state"
)

type statusCommand struct{}

// Run is called by kong. It fails when nothing runs, so that scripts can ask.
func (statusCommand) Run(args *commands) error {
	_, path, err := args.places()
	if err != nil {
		return err
	}
	pid, at, status, err := state.Look(path)
	if err != nil {
		return err
	}
	if pid == 0 {
		return fmt.Errorf("nothing runs in %s", path)
	}
	fmt.Printf("running as process %d\npage and API  %s\nstores        %s\nkubeconfig    %s\ncluster       %s\n",
		pid, at.API, at.Stores, at.Kubeconfig, status.Cluster)
	for _, part := range slices.Sorted(maps.Keys(status.Trouble)) {
		fmt.Printf("tried again   %s: %s\n", part, status.Trouble[part])
	}
	fmt.Println()
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "NAME\tSTATE\tPID\tSTARTS\tFOR\tENDED LAST")
	for _, p := range status.Processes {
		number := "-"
		if p.PID != 0 {
			number = fmt.Sprint(p.PID)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\n", p.Name, p.State, number, p.Starts, time.Since(p.Since).Round(time.Second), p.Ended)
	}
	return table.Flush()
}
