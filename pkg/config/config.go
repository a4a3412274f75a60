// Package config reads a service's settings: a struct with kong tags, filled from flags, the environment and, in
// development, the file .env.local. A value that can't be parsed stops the start with a message that names it.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/alecthomas/kong"
	"github.com/joho/godotenv"
)

// file is read from the working directory when it is there. The environment wins over it.
const file = ".env.local"

// Parse fills cfg, answers --help, and ends the process with a message when a setting is wrong.
func Parse(name, about string, cfg any) { ParseCommand(name, about, cfg) }

// ParseCommand is Parse for a program with commands, and says which one was given.
func ParseCommand(name, about string, cfg any) (command string) {
	parser, err := kong.New(cfg, kong.Name(name), kong.Description(about), kong.UsageOnError())
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(2)
	}
	if err := godotenv.Load(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		parser.Fatalf("read %s: %v", file, err)
	}
	parsed, err := parser.Parse(os.Args[1:])
	parser.FatalIfErrorf(err)
	return parsed.Command()
}
