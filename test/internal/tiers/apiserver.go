package tiers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/store-platform/store-platform/pkg/guard"
)

const apiStateDir = ".local/apiserver"

// apiPatience is how long the API server may take: on a cold machine it is compiled first, at low priority.
const apiPatience = 45 * time.Minute

func runAPIServer(ctx context.Context, r *shift) error {
	kubeconfig, stop, err := r.startAPIServer(ctx)
	if err != nil {
		return err
	}
	defer stop()
	// More at once than there are cores, and chaos beside the workers' tests: most of all this is waiting, for a lease to
	// run out or a namespace to go.
	return r.goTest(ctx, suite{
		tier: "apiserver", fresh: true, programs: true, abreast: 2, flags: []string{"-timeout=60m", "-parallel=6"},
		env: []string{"TEST_KUBECONFIG=" + kubeconfig},
	})
}

// startAPIServer runs deploy/local's API server, which prints the path of its kubeconfig once it answers.
func (r *shift) startAPIServer(ctx context.Context) (kubeconfig string, stop func(), err error) {
	program, err := r.program("apiserver")
	if err != nil {
		return "", nil, err
	}
	state := filepath.Join(r.repo, apiStateDir)
	if err := os.RemoveAll(state); err != nil {
		return "", nil, fmt.Errorf("remove what the last run left: %w", err)
	}
	// Not r.command: the end of ctx must not interrupt it while tests use it, nor as one of a group that it shares.
	server := exec.Command(program, "--state", state)
	server.Dir = r.repo
	server.Stderr = r.out
	output, err := server.StdoutPipe()
	if err != nil {
		return "", nil, fmt.Errorf("start the API server: %w", err)
	}
	if err := guard.Join(server); err != nil {
		return "", nil, fmt.Errorf("start the API server: %w", err)
	}
	if err := server.Start(); err != nil {
		return "", nil, fmt.Errorf("start the API server: %w", err)
	}
	stop = func() {
		r.interrupt(server)
		r.spent(server)
	}
	line := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(output)
		if lines.Scan() {
			line <- lines.Text()
		}
		close(line)
	}()
	select {
	case path, printed := <-line:
		if !printed || strings.TrimSpace(path) == "" {
			return "", nil, fmt.Errorf("start the API server: %w", errors.Join(server.Wait(), errors.New("it printed no kubeconfig")))
		}
		return strings.TrimSpace(path), stop, nil
	case <-ctx.Done():
		stop()
		return "", nil, ctx.Err()
	case <-time.After(apiPatience):
		stop()
		return "", nil, fmt.Errorf("start the API server: not up after %s", apiPatience)
	}
}

// interrupt ends a command as Ctrl-C would, and by force when that takes too long.
func (r *runner) interrupt(c *exec.Cmd) {
	_ = c.Process.Signal(os.Interrupt)
	ended := make(chan struct{})
	go func() {
		_ = c.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(stopPatience):
		r.say("%s hasn't stopped after %s; killing it\n", c.Path, stopPatience)
		_ = c.Process.Kill()
		<-ended
	}
}
