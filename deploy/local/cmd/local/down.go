package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/kube"
	"github.com/store-platform/store-platform/deploy/local/internal/postgres"
	"github.com/store-platform/store-platform/deploy/local/internal/state"
)

// How long a running platform has to stop when asked, and its remains to go afterwards.
const (
	stopPatience = 90 * time.Second
	gonePatience = 15 * time.Second
	poll         = 100 * time.Millisecond
)

type downCommand struct{}

// Run is called by kong.
func (downCommand) Run(args *commands) error {
	_, path, err := args.places()
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		fmt.Println("nothing runs, and there is no state in", path)
		return nil
	}
	if !state.IsState(path) {
		return fmt.Errorf("%s isn't a state folder of the platform; it is left alone", path)
	}
	if err := end(path); err != nil {
		return err
	}
	// Held while it is removed, so that no `up` begins in a folder that is going.
	dir, err := state.Hold(path)
	if err != nil {
		return fmt.Errorf("take hold of %s: %w", path, err)
	}
	err = remove(path)
	if err := errors.Join(err, dir.Release()); err != nil {
		return err
	}
	fmt.Println("removed", path)
	return nil
}

// end stops the platform that runs in a state folder, if one does.
func end(path string) error {
	pid, _, _, err := state.Look(path)
	if err != nil {
		return err
	}
	if pid == 0 {
		return nil
	}
	fmt.Println("stopping process", pid)
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop process %d: %w", pid, err)
	}
	if gone(path, stopPatience) {
		return nil
	}
	fmt.Println("killing process", pid)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill process %d: %w", pid, err)
	}
	if !gone(path, gonePatience) {
		return fmt.Errorf("process %d won't go", pid)
	}
	return nil
}

func gone(path string, patience time.Duration) bool {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(poll) {
		if pid, _, _, _ := state.Look(path); pid == 0 {
			return true
		}
	}
	return false
}

// remove removes the state once nothing of the cluster is left that stands on it: below a
// mount, it would remove what isn't its own.
func remove(path string) error {
	cluster := filepath.Join(path, "kube")
	var left []string
	for deadline := time.Now().Add(gonePatience); ; time.Sleep(poll) {
		if left = kube.Leftovers(cluster); len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is kept, because this is left of its cluster:\n  %s", path, strings.Join(left, "\n  "))
		}
	}
	if err := errors.Join(postgres.Remove(path), os.RemoveAll(path)); err != nil {
		return fmt.Errorf("remove the state: %w", err)
	}
	return nil
}
