package buildcache_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/buildcache"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestEnsureBuildsOnceForManyBuilders(t *testing.T) {
	root := t.TempDir()
	var builds atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			dir, err := buildcache.Ensure(t.Context(), root, "thing", "k1", func(_ context.Context, dir string) error {
				builds.Add(1)
				return os.WriteFile(filepath.Join(dir, "thing"), []byte("x"), 0o755)
			})
			if err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(filepath.Join(dir, "thing")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if builds.Load() != 1 {
		t.Errorf("built %d times, want once", builds.Load())
	}
}

func TestEnsureLeavesNothingAfterAFailure(t *testing.T) {
	root := t.TempDir()
	broken := errors.New("broken")
	_, err := buildcache.Ensure(t.Context(), root, "thing", "k1", func(_ context.Context, dir string) error {
		write(t, filepath.Join(dir, "half"), "x")
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatalf("error %v, want the build's", err)
	}
	if buildcache.Has(root, "thing", "k1") {
		t.Error("a failed build is in place")
	}
	folders, _ := filepath.Glob(filepath.Join(root, "*.partial"))
	if len(folders) != 0 {
		t.Errorf("left %v", folders)
	}
}

func TestEnsureClearsAKilledBuild(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(buildcache.Dir(root, "thing", "k1")+".partial", "half"), "x")
	dir, err := buildcache.Ensure(t.Context(), root, "thing", "k1", func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, "whole"), nil, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != "whole" {
		t.Errorf("folder holds %v, want only what this build wrote", entries)
	}
}

func TestEnsureGivesUpWaitingWithItsContext(t *testing.T) {
	root := t.TempDir()
	started, release := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		_, err := buildcache.Ensure(t.Context(), root, "thing", "k1", func(context.Context, string) error {
			close(started)
			<-release
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := buildcache.Ensure(ctx, root, "thing", "k1", func(context.Context, string) error {
		t.Error("built beside another builder")
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	close(release)
	group.Wait()
}

func TestKeyFollowsItsInputs(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.go"), "package main")
	write(t, filepath.Join(dir, "chart", "_helpers.tpl"), "x")
	write(t, filepath.Join(dir, "image", "go.mod"), "module image")
	key := func(nested bool, words ...string) string {
		t.Helper()
		key, err := buildcache.NewKey(words...).Tree(dir, nested).String()
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	before, beforeNested := key(false, "go1.26"), key(true, "go1.26")

	write(t, filepath.Join(dir, "main_test.go"), "package main")
	write(t, filepath.Join(dir, ".git", "index"), "x")
	write(t, filepath.Join(dir, "image", "main.go"), "package main")
	if key(false, "go1.26") != before {
		t.Error("tests, hidden files or another module changed the key")
	}
	if key(true, "go1.26") == beforeNested {
		t.Error("a nested module didn't change the key that asks for it")
	}
	if key(false, "go1.27") == before {
		t.Error("another word has the same key")
	}
	write(t, filepath.Join(dir, "chart", "_helpers.tpl"), "y")
	if key(false, "go1.26") == before {
		t.Error("another chart has the same key")
	}
}

func TestKeyTellsWhatItCouldNotRead(t *testing.T) {
	if _, err := buildcache.NewKey().Tree(filepath.Join(t.TempDir(), "absent"), false).String(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want not-exist", err)
	}
}

func TestOldBuildsGoWhenANewOneComes(t *testing.T) {
	root := t.TempDir()
	old, used, other := strings.Repeat("a", 16), strings.Repeat("b", 16), strings.Repeat("c", 16)
	long := time.Now().AddDate(0, -2, 0)
	for _, dir := range []string{
		buildcache.Dir(root, "thing", old), buildcache.Dir(root, "thing", used), buildcache.Dir(root, "thing-two", other),
	} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(dir, long, long); err != nil {
			t.Fatal(err)
		}
	}
	nothing := func(context.Context, string) error { return nil }
	for _, key := range []string{used, strings.Repeat("d", 16)} {
		if _, err := buildcache.Ensure(t.Context(), root, "thing", key, nothing); err != nil {
			t.Fatal(err)
		}
	}
	if buildcache.Has(root, "thing", old) {
		t.Error("a build that nobody asks for stays")
	}
	if !buildcache.Has(root, "thing", used) || !buildcache.Has(root, "thing-two", other) {
		t.Error("a build in use, or of another name, is gone")
	}
}
