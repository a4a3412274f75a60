// Package buildcache keeps what is expensive to make (binaries, images) in folders
// outside the clone, one folder per set of inputs, so that another clone on the same
// machine starts warm.
//
// A folder is either whole or absent: it is built under a temporary name, while its
// lock is held, and renamed into place at the end. The lock is an flock, which the
// kernel drops with the process that holds it, so a killed build leaves a temporary
// folder at worst, and the next build of the same name and key removes that.
package buildcache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// lockPoll is how often a build that somebody else is doing is looked at again. A
// blocking flock could not be given up when ctx ends.
const lockPoll = 100 * time.Millisecond

// keep is how long a build stays that nobody asks for.
const keep = 14 * 24 * time.Hour

// Root is the cache folder of this user: ${XDG_CACHE_HOME:-~/.cache}/store-platform.
func Root() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	return filepath.Join(base, "store-platform"), nil
}

// Dir is where Ensure puts name at key, whether or not it is there yet.
func Dir(root, name, key string) string {
	return filepath.Join(root, name+"-"+key)
}

// Has tells whether name at key is built.
func Has(root, name, key string) bool {
	info, err := os.Stat(Dir(root, name, key))
	return err == nil && info.IsDir()
}

// Ensure answers the folder that holds name built from the inputs that key stands for.
// When it isn't there, build fills an empty folder and must return only once every
// process that writes to it is gone; its error is returned and leaves nothing behind.
// Builders of the same name and key wait for each other, across processes and users of
// root; ctx ends the wait.
func Ensure(ctx context.Context, root, name, key string, build func(ctx context.Context, dir string) error) (string, error) {
	final := Dir(root, name, key)
	if Has(root, name, key) {
		return final, use(final)
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	unlock, err := Lock(ctx, final+".lock")
	if err != nil {
		return "", fmt.Errorf("lock the build of %s: %w", name, err)
	}
	defer unlock()
	if Has(root, name, key) {
		return final, nil
	}
	temporary := final + ".partial"
	if err := os.RemoveAll(temporary); err != nil {
		return "", fmt.Errorf("remove what a killed build of %s left: %w", name, err)
	}
	if err := os.Mkdir(temporary, 0o755); err != nil {
		return "", fmt.Errorf("make the folder of %s: %w", name, err)
	}
	err = build(ctx, temporary)
	if err == nil {
		err = os.Rename(temporary, final)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("build %s: %w", name, err), os.RemoveAll(temporary))
	}
	return final, prune(root, name)
}

// use notes that a folder was asked for today.
func use(dir string) error {
	now := time.Now()
	if err := os.Chtimes(dir, now, now); err != nil && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("note the use of a build: %w", err)
	}
	return nil
}

// prune removes the folders of name that nobody has asked for in a long time: every change
// of a source makes a new one.
func prune(root, name string) error {
	folders, err := filepath.Glob(Dir(root, name, strings.Repeat("[0-9a-f]", keyLength)))
	if err != nil {
		return fmt.Errorf("list the builds of %s: %w", name, err)
	}
	for _, folder := range folders {
		info, err := os.Stat(folder)
		if err != nil || time.Since(info.ModTime()) < keep {
			continue
		}
		if err := os.RemoveAll(folder); err != nil {
			return fmt.Errorf("remove an old build of %s: %w", name, err)
		}
	}
	return nil
}

// Lock takes the flock on path, or gives up with ctx. The file stays: removing a lock
// file lets a third process lock another file of the same name.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(err, file.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), file.Close())
		case <-time.After(lockPoll):
		}
	}
}
