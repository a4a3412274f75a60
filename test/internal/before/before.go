// Package before has the programs of the release before this tree, for tests that run both releases' beside each other, and its chart.
//
// Its sources are in a bundle of git, since the clone that runs the tests may be a shallow one: a single commit with those
// files of the release that its services, its chart and the sample engine's shop are made of. Programs are built with the dependencies of this tree, which is no
// release's: with its own, Kubernetes' client and Helm would be compiled a second time, for what is none of our doing. Should
// they not fit any more, give the tree its own go.mod files back.
package before

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/store-platform/store-platform/pkg/programtest"
)

// Release is the commit.
const Release = "1050183"

// branch is what the bundle holds.
const branch = "services"

// Programs are those that are built of it, by the names that they have in both releases.
var Programs = []string{"store-gateway", "store-provisioner", "store-janitor", "store-events"}

// modules are whose dependencies are taken from the clone.
var modules = []string{"pkg", "pkg/cluster", "services/gateway", "services/provisioner", "services/janitor", "services/events"}

// Name is how a run of all tests calls a program of this release, beside the clone's own.
func Name(program string) string { return program + "-before" }

// Paths are where its programs are, by their names. They are built where they aren't yet.
func Paths(ctx context.Context, clone string) (map[string]string, error) {
	paths := map[string]string{}
	for _, program := range Programs {
		if path := os.Getenv(programtest.Variable(Name(program))); path != "" {
			paths[program] = path
		}
	}
	if len(paths) == len(Programs) {
		return paths, nil
	}
	tree, err := Tree(ctx, clone)
	if err != nil {
		return nil, err
	}
	return programtest.In(ctx, tree, Programs...)
}

// Tree is the folder of its sources, in the cache, under a name made of what is in it. It is unpacked where it isn't there.
func Tree(ctx context.Context, clone string) (string, error) {
	key, err := key(clone)
	if err != nil {
		return "", fmt.Errorf("read the release before: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	cache = filepath.Join(cache, "store-platform")
	final := filepath.Join(cache, "release-"+Release+"-"+key)
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	// Who unpacks it at the same time unpacks the same.
	temporary, err := os.MkdirTemp(cache, "release-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the release before: %w", err)
	}
	err = unpack(ctx, clone, temporary)
	if err == nil {
		err = os.Rename(temporary, final)
	}
	if errors.Is(err, fs.ErrExist) {
		return final, os.RemoveAll(temporary)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("unpack the release before: %w", err), os.RemoveAll(temporary))
	}
	return final, nil
}

func bundle(clone string) string {
	return filepath.Join(clone, "test", "upgrade", "releases", Release+".bundle")
}

func unpack(ctx context.Context, clone, folder string) error {
	git := exec.CommandContext(ctx, "git", "clone", "--quiet", "--branch", branch, bundle(clone), folder)
	if output, err := git.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, output)
	}
	for _, file := range dependencies() {
		content, err := os.ReadFile(filepath.Join(clone, file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, file), content, 0o644); err != nil {
			return err
		}
	}
	return os.RemoveAll(filepath.Join(folder, ".git"))
}

func dependencies() []string {
	var files []string
	for _, module := range modules {
		files = append(files, filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum"))
	}
	return files
}

// key is made of all that a tree is made of.
func key(clone string) (string, error) {
	sum := sha256.New()
	paths := []string{bundle(clone)}
	for _, file := range dependencies() {
		paths = append(paths, filepath.Join(clone, file))
	}
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			return "", err
		}
		size, err := io.Copy(sum, file)
		if err = errors.Join(err, file.Close()); err != nil {
			return "", err
		}
		fmt.Fprintf(sum, " %d\n", size)
	}
	return fmt.Sprintf("%x", sum.Sum(nil)[:8]), nil
}
