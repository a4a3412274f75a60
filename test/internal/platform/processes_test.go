package platform_test

import (
	"errors"
	"os/exec"
	"syscall"
	"testing"

	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
)

func TestWhatStandsStill(t *testing.T) {
	child := exec.Command("cat")
	held, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if still, err := platform.StandsStill(child.Process.Pid); still || err != nil {
		t.Errorf("one that waits for input: %v %v", still, err)
	}
	await := func(what string) {
		t.Helper()
		waittest.Eventually(t, func() error {
			still, err := platform.StandsStill(child.Process.Pid)
			if err == nil && !still {
				err = errors.New(what + " is said to run")
			}
			return err
		})
	}
	if err := child.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	await("a stopped one")
	if err := errors.Join(child.Process.Signal(syscall.SIGCONT), held.Close()); err != nil {
		t.Fatal(err)
	}
	await("one that ended and that nobody has taken notice of")
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	await("one that is gone")
}
