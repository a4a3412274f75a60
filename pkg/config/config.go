// Package config runs a program by its settings: a struct with kong tags, filled from flags, the environment and, in
// development, the file .env.local. A value that can't be parsed stops the start with a message that names it.
package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/joho/godotenv"

	"github.com/store-platform/store-platform/pkg/version"
)

// file is read from the working directory when it is there. The environment wins over it.
const file = ".env.local"

// flags are what every program takes beside its settings.
type flags struct {
	Version kong.VersionFlag `help:"Print the release that this is, and end."`
}

// Main is all that a program's main does. It fills the settings in program, a pointer to a struct, and calls the method Run of the
// command that was given, or of program where it has no commands: Run may ask for a context.Context, which ends when the
// program is told to stop, and for program itself. It ends the process with a message when a setting is wrong (2) or Run
// fails (1), and answers --help and --version.
func Main(name, about string, program any) {
	parser, err := kong.New(program, kong.Name(name), kong.Description(about), kong.UsageOnError(),
		kong.Embed(&flags{}), kong.Vars{"version": version.String()})
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(2)
	}
	if err := godotenv.Load(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		parser.Fatalf("read %s: %v", file, err)
	}
	command, err := parser.Parse(os.Args[1:])
	parser.FatalIfErrorf(err)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(); err != nil {
		slog.Error(name+" ends", "error", err)
		os.Exit(1)
	}
}
