package parts_test

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/store-platform/store-platform/test/internal/parts"
)

// It is never ready, and its end is seen before an hour is over.
func TestWhoWaitsForAProcessThatEndsHearsHowAndWhatItSaid(t *testing.T) {
	p, err := parts.Start(filepath.Join(t.TempDir(), "out"), exec.Command("/bin/sh", "-c", "echo no room; exit 3"))
	if err != nil {
		t.Fatal(err)
	}
	notYet := errors.New("not yet")
	err = p.Await(t.Context(), time.Hour, func(context.Context) error { return notYet })
	if !errors.Is(err, notYet) || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no room") {
		t.Errorf("told %v", err)
	}
}
