package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// toolPath is where the parts look for iptables, ipset, mount and the like.
const toolPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// pollEvery is how often something that is about to become ready is asked again.
const pollEvery = 100 * time.Millisecond

// command is one of the built programs where the cluster's processes live.
func (c *Cluster) command(ctx context.Context, part, name string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, c.tool(part, name), arguments...)
	command.Dir = "/"
	temporary := c.inside("tmp")
	// The shim asks the runc that it finds on the path what it is able to do.
	command.Env = []string{
		"PATH=" + filepath.Dir(c.tool(partRunc, "runc")) + ":" + toolPath,
		"HOME=" + temporary, "TMPDIR=" + temporary, ownerVariable + "=" + c.name,
	}
	if gogc := c.gogc(); gogc != "" {
		command.Env = append(command.Env, "GOGC="+gogc)
	}
	return command
}

// gogc is what whoever starts the cluster was given, for all of its processes; empty is Go's own. A quarter of what an API
// server does under tests is to collect garbage, and memory is what a test's cluster has.
func (c *Cluster) gogc() string {
	if given := os.Getenv("GOGC"); given != "" || !c.config.Throwaway {
		return given
	}
	return "400"
}

// start starts command inside the sandbox, or for an API server alone in the guarded group.
func (c *Cluster) start(command *exec.Cmd) error {
	if c.sandbox != nil {
		return c.startInside(command)
	}
	c.group.Join(command)
	return command.Start()
}

// run starts a part that lives as long as the cluster. Its output goes to log/<name>.log;
// the log of the run before is kept beside it.
func (c *Cluster) run(part, name, program string, arguments ...string) error {
	log, err := openLog(c.config.StateDir, name)
	if err != nil {
		return err
	}
	defer log.Close()
	command := c.command(context.Background(), part, program, arguments...)
	command.Stdout, command.Stderr = log, log
	if err := c.start(command); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		err := command.Wait()
		c.fail(fmt.Errorf("%s ended (%v), see %s", name, err, log.Name()))
	}()
	return nil
}

func openLog(stateDir, name string) (*os.File, error) {
	path := filepath.Join(stateDir, "log", name+".log")
	if err := os.Rename(path, path+".old"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("keep the last log of %s: %w", name, err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", name, err)
	}
	return file, nil
}

// output runs command to its end and answers its standard output; standard error is in the error.
func (c *Cluster) output(command *exec.Cmd) ([]byte, error) {
	var output, complaint bytes.Buffer
	command.Stdout, command.Stderr = &output, &complaint
	if err := c.start(command); err != nil {
		return nil, err
	}
	if err := command.Wait(); err != nil {
		return output.Bytes(), fmt.Errorf("%w: %s", err, strings.TrimSpace(complaint.String()))
	}
	return output.Bytes(), nil
}

// until asks check again until it answers no error. It gives up with ctx, or when a part ended.
func (c *Cluster) until(ctx context.Context, what string, check func(context.Context) error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w (%v)", what, context.Cause(ctx), err)
		case <-c.failed:
			return fmt.Errorf("wait for %s: %w", what, c.reason)
		case <-tick.C:
		}
	}
}

// fail records the first reason why the cluster isn't whole any more.
func (c *Cluster) fail(reason error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.stopping || c.reason != nil {
		return
	}
	c.reason = reason
	close(c.failed)
	c.done <- reason
}
