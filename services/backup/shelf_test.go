package backup

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// What can't be removed, because who takes backups may only write them say, is told, and isn't the new backup's failure.
func TestWhatIsNotRemovedIsTold(t *testing.T) {
	nc, dir := full(t, "one", 1), t.TempDir()
	first := taken(t, nc, dir)
	// A folder that isn't empty is in the way of removing its mark, for root too.
	attributes := markOf(first) + ".attrs"
	if err := os.Remove(attributes); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(attributes, "in the way"), nil)
	if _, err := append1(t.Context(), openLog(t, nc), 1); err != nil {
		t.Fatal(err)
	}
	var out, progress bytes.Buffer
	cfg := config1(nc, dir, "take")
	cfg.Keep = 1
	if err := Run(t.Context(), cfg, &out, &progress); err != nil {
		t.Fatal(err)
	}
	made := strings.TrimSpace(out.String())
	name, _ := filepath.Rel(dir, first)
	for _, want := range []string{made + " was verified and counts", "remove " + name} {
		if !strings.Contains(progress.String(), want) {
			t.Errorf("nothing says %q:\n%s", want, progress.String())
		}
	}
}

// An installation that was set up anew has another id than its backups: it is told so, and restores them under theirs.
func TestWhoseBackupsThereAreIsTold(t *testing.T) {
	none, dir := empty(t), t.TempDir()
	taken(t, full(t, "one", 1), dir)
	var progress bytes.Buffer
	cfg := config1(none, dir, "list")
	cfg.Installation = "two"
	if err := Run(t.Context(), cfg, io.Discard, &progress); err != nil {
		t.Fatal(err)
	}
	_, err := do(t, none, dir, "restore", of("two"))
	if !errors.Is(err, errNone) {
		t.Fatalf("restored: %v", err)
	}
	for how, said := range map[string]string{"list": progress.String(), "restore": err.Error()} {
		if !strings.Contains(said, `of installation "two"`) || !strings.Contains(said, "INSTALLATION that they were taken with: one") {
			t.Errorf("%s says %q", how, said)
		}
	}
	if _, err := do(t, none, dir, "restore"); err != nil {
		t.Errorf("under its own: %v", err)
	}
}

// takenAhead leaves a verified backup by a clock that is an hour ahead, beside the one that it is a copy of, and a log that has
// gone on since.
func takenAhead(t *testing.T, nc *nats.Conn, dir string) {
	t.Helper()
	first := taken(t, nc, dir)
	ahead := filepath.Join(dir, shelf{installation: "one"}.name(time.Now().UTC().Add(time.Hour), 1))
	for _, path := range []string{first, markOf(first)} {
		put(t, ahead[:len(ahead)-len(sealedEnd)]+filepath.Ext(path), read(t, path))
	}
	if _, err := append1(t.Context(), openLog(t, nc), 1); err != nil {
		t.Fatal(err)
	}
}

// A clock that was wrong names an older backup as the newest; a log that was restored is shorter than before, too.
func TestALongerBackupFromBeforeIsTold(t *testing.T) {
	nc, dir := full(t, "one", 1), t.TempDir()
	takenAhead(t, nc, dir)
	longer, err := do(t, nc, dir, "take")
	if err != nil {
		t.Fatal(err)
	}
	for name, told := range map[string]bool{"": true, longer: false} {
		var progress bytes.Buffer
		cfg := config1(empty(t), dir, "restore")
		cfg.From = name
		if err := Run(t.Context(), cfg, io.Discard, &progress); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(progress.String(), longer+" goes further, up to message 2") != told {
			t.Errorf("--from %q says:\n%s", name, progress.String())
		}
	}
}

// What was killed before it had read its backup back, or is at it, is none: not the newest, and not one of those that are kept.
func TestOnlyWhatWasVerifiedCounts(t *testing.T) {
	nc, dir := full(t, "one", 1), t.TempDir()
	whole := taken(t, nc, dir)
	unverified := func(at time.Time) string {
		path := filepath.Join(dir, shelf{installation: "one"}.name(at, 9))
		put(t, path, []byte("half"))
		return path
	}
	now := time.Now().UTC()
	left, begun := unverified(now.Add(-2*abandoned)), unverified(now.Add(abandoned/2))
	if listed, err := do(t, nc, dir, "list"); err != nil || filepath.Join(dir, listed) != whole {
		t.Errorf("listed %q, %v", listed, err)
	}
	if _, err := do(t, empty(t), dir, "restore"); err != nil {
		t.Errorf("the newest: %v", err)
	}
	if _, err := append1(t.Context(), openLog(t, nc), 1); err != nil {
		t.Fatal(err)
	}
	second := taken(t, nc, dir, func(c *Config) { c.Keep = 2 })
	for path, there := range map[string]bool{whole: true, second: true, begun: true, left: false} {
		if _, err := os.Stat(path); there != (err == nil) {
			t.Errorf("%s: %v, want it there: %v", path, err, there)
		}
	}
}

// A clock that was set back makes the newest backup seem the oldest.
func TestTheLastVerifiedStays(t *testing.T) {
	nc, dir := full(t, "one", 1), t.TempDir()
	takenAhead(t, nc, dir)
	second := taken(t, nc, dir, func(c *Config) { c.Keep = 1 })
	if listed, err := do(t, nc, dir, "list"); err != nil || filepath.Join(dir, listed) != second {
		t.Errorf("kept %q, %v, want %s", listed, err, second)
	}
}
