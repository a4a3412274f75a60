// Package config runs a program by its settings: a struct with kong tags, filled from flags, the environment and, in
// development, the file .env.local. A value that can't be parsed stops the start with a message that names it.
package config

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
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
	parser, err := kong.New(program, kong.Name(name), kong.Description(about), kong.ShortUsageOnError(),
		kong.ValueFormatter(describe), kong.Help(help), kong.Embed(&flags{}), kong.Vars{"version": version.String()})
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(2)
	}
	var unread *fs.PathError
	switch err := godotenv.Load(file); {
	case errors.As(err, &unread) && !errors.Is(err, fs.ErrNotExist):
		parser.Fatalf("read %s: %v", file, err)
	case err != nil && unread == nil:
		// Not err's words: they have the lines in them, and those may be passwords.
		parser.Fatalf("read %s: it must be lines of NAME=value", file)
	}
	command, err := parser.Parse(os.Args[1:])
	if err != nil {
		parser.FatalIfErrorf(byVariable(parser.Model.Node, err))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(); err != nil {
		slog.Error(name+" ends", "error", err)
		os.Exit(1)
	}
}

// help answers --help. What a program does without a command may have settings of its own, and they are shown with it.
func help(options kong.HelpOptions, asked *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, asked); err != nil {
		return err
	}
	usual := asked.Model.DefaultCmd
	if asked.Selected() != nil || usual == nil || len(usual.Flags) == 0 {
		return nil
	}
	its, err := kong.Trace(asked.Kong, []string{usual.Name})
	if err != nil {
		return err
	}
	fmt.Fprintln(asked.Stdout)
	return kong.DefaultHelpPrinter(options, its)
}

// describe is a setting in --help: what it is for, and then its variable. Kong shows defaults, but for those of switches.
func describe(value *kong.Value) string {
	if len(value.Tag.Envs) == 0 {
		return value.Help
	}
	about := "$" + value.Tag.Envs[0]
	switch {
	case value.Required:
		about += ", required"
	case value.IsBool():
		about += ", " + cmp.Or(value.Default, "false") + " by itself"
	}
	return strings.TrimSuffix(value.Help, ".") + " (" + about + ")."
}

// byVariable adds to an error of Kong's, which names settings by their flags, the variables that they come by mostly.
func byVariable(node *kong.Node, err error) error {
	said := err.Error()
	for _, command := range node.Children {
		err = byVariable(command, err)
	}
	for _, flag := range node.Flags {
		if len(flag.Envs) == 0 || strings.Contains(said, flag.Envs[0]) || !slices.ContainsFunc(strings.Fields(said), func(word string) bool {
			name, _, _ := strings.Cut(strings.Trim(word, ":,"), "=")
			return name == "--"+flag.Name
		}) {
			continue
		}
		err = fmt.Errorf("%w (%s)", err, flag.Envs[0])
	}
	return err
}
