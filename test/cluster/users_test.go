package cluster_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// A service that is taken over has what it works with, and neither the machine nor what another works with.
func TestEachServiceRunsAsAUserOfItsOwn(t *testing.T) {
	p := platform.Open(t)
	whose := map[string]string{}
	for _, name := range []string{"broker", "gateway", "events", "provisioner", "janitor", "edge", "postgres"} {
		var pid int
		// One that another test has killed comes back.
		waittest.Eventually(t, func() (err error) { pid, err = p.PID(name); return err })
		user, groups, capable, err := platform.RunsAs(pid)
		if err != nil {
			t.Error(err)
			continue
		}
		if user == "0" || slices.Contains(groups, "0") || capable {
			t.Errorf("%s runs as user %s with groups %v, capable of more: %v", name, user, groups, capable)
		}
		if other := whose[user]; other != "" {
			t.Errorf("%s runs as the same user as %s, %s", name, other, user)
		}
		whose[user] = name
	}
	checkPrivate(t, p.State, whose)
}

// checkPrivate: what is kept between runs is readable by nobody but root and, where it is one's, that one.
func checkPrivate(t *testing.T, state string, whose map[string]string) {
	t.Helper()
	seen := map[string]bool{}
	err := filepath.WalkDir(filepath.Join(state, "own"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		name, err := filepath.Rel(filepath.Join(state, "own"), path)
		if !ok || err != nil || name == "." {
			return err
		}
		service := first(name)
		seen[service] = true
		program := entry.Type().IsRegular() && info.Mode()&0o111 != 0
		if !program && info.Mode()&0o007 != 0 {
			t.Errorf("everybody may use %s, %v", name, info.Mode())
		}
		if group := whose[fmt.Sprint(owner.Gid)]; !program && group != service {
			t.Errorf("%s is for %q", name, group)
		}
		return nil
	})
	if err != nil || len(seen) != 6 {
		t.Errorf("the folders are %v, %v", seen, err)
	}
	if info, err := os.Stat(filepath.Join(state, "own")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the way to them is open: %v, %v", info, err)
	}
}

func first(path string) string {
	for filepath.Dir(path) != "." {
		path = filepath.Dir(path)
	}
	return path
}
