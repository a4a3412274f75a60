package main

import (
	"fmt"
	"os"
	"syscall"
)

type imagesCommand struct {
	Words []string `arg:"" optional:"" help:"See images --help."`
}

// Run is called by kong. It becomes the program that links what images take.
func (i *imagesCommand) Run(args *commands) error {
	_, state, err := args.places()
	if err != nil {
		return err
	}
	return args.built("", []string{"store-images"}, func(_, path string) error {
		words := append([]string{path, "--state", state, "images"}, i.Words...)
		return fmt.Errorf("run %s: %w", path, syscall.Exec(path, words, os.Environ()))
	})
}
