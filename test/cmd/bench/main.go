// bench is `make bench`: it measures the platform beside the bare parts that it is made of and prints one table.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/store-platform/store-platform/test/internal/bench"
)

type arguments struct {
	Rows     []string `env:"ROWS" enum:"${rows}" placeholder:"ROW" help:"Only these, separated by commas: ${rows}."`
	Cold     bool     `env:"COLD" help:"Also start the platform with an empty cache of builds, which takes a quarter of an hour."`
	Standing []int    `env:"STANDING" default:"100,1000,10000" placeholder:"N" help:"How many stores stand, by turns (${default})."`
	Minutes  float64  `env:"MINUTES" default:"10" help:"How long the most of them are looked on; the others a fifth of it (${default})."`

	Quick bool `help:"Tiny sizes: whether the bench works, not what it is there to say."`
}

func main() {
	var args arguments
	kong.Parse(&args, kong.Name("bench"), kong.Description("Measures the platform against its bare parts in the same run."),
		kong.Vars{"rows": bench.EnumOfNames()})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := bench.Run(ctx, os.Stdout, os.Stderr, bench.Options{
		Rows: args.Rows, Cold: args.Cold, Quick: args.Quick, Standing: args.Standing, Minutes: args.Minutes,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
