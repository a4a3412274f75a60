// Package course has somebody else's program, test/cmd/course, do all that one does about a store: on broker, PostgreSQL, gateway and events
// as they are in production, and the workers' loop, whose hands make nothing.
package course

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/release"
	"github.com/store-platform/store-platform/test/internal/repo"
)

const (
	program = "github.com/store-platform/store-platform/test/cmd/course"
	ours    = "github.com/store-platform/store-platform/"
)

func open(t *testing.T) *release.Installation {
	t.Helper()
	clone, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	programs, err := release.FindPrograms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir, whose path is too long for a socket.
	dir, err := os.MkdirTemp("", "store-course-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	in, err := release.Open(t.Context(), clone, programs, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := in.Serve(t.Context(), 20); err != nil {
		t.Fatal(err)
	}
	if err := in.Offer(t.Context()); err != nil {
		t.Fatal(err)
	}
	workers, err := in.Work(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(workers.Stop)
	return in
}

func built(t *testing.T) string {
	t.Helper()
	path := t.TempDir() + "/course"
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", path, program)
	build.Env = parts.GoEnvironment()
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return path
}

func TestSomebodyElsesProgramTakesAStoreItsWholeCourse(t *testing.T) {
	in := open(t)
	run := exec.CommandContext(t.Context(), built(t))
	run.Env = append(os.Environ(), "STORE_API="+in.API, "STORE_TOKEN="+release.AdminKey)
	output, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	id := regexp.MustCompile(`(?m)^created ([a-z0-9]{12})$`).FindSubmatch(output)
	if id == nil {
		t.Fatalf("it names no store:\n%s", output)
	}
	want := []string{"it is Ready", "a password for Orders, of 15 characters", `shop says "open"`, `it is called "A whole course, renamed"`, "it is deleted"}
	for step := range strings.Lines(string(output)) {
		if step = strings.TrimSpace(step); len(want) > 0 && step == want[0] {
			want = want[1:]
		}
	}
	if len(want) > 0 || !strings.Contains(string(output), " renamed \n") {
		t.Errorf("it never said %q:\n%s", want, output)
	}
	log, done, err := in.OpenLog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if s, err := log.Last(t.Context(), store.ID(id[1])); err != nil || s.Status != store.Deleted || s.Spec.Name != "A whole course, renamed" {
		t.Errorf("the log has %+v, %v", s, err)
	}
}

// What it takes is the API's document, and not us.
func TestTheProgramLinksNothingElseOfOurs(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", program)
	list.Env = parts.GoEnvironment()
	output, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	var linked []string
	for path := range strings.Lines(string(output)) {
		if path = strings.TrimSpace(path); strings.HasPrefix(path, ours) {
			linked = append(linked, strings.TrimPrefix(path, ours))
		}
	}
	if diff := cmp.Diff([]string{"pkg/api", "test/cmd/course"}, linked); diff != "" {
		t.Error(diff)
	}
}
