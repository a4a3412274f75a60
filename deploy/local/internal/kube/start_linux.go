package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Start runs the whole cluster and returns once pods can have names, volumes and network
// policies. It needs root (see Missing). Kept state is taken up again.
func Start(ctx context.Context, config Config, progress Progress) (*Cluster, error) {
	var parts []string
	for _, part := range Parts() {
		parts = append(parts, part.Name)
	}
	c, err := prepare(ctx, config, parts)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if err := c.startAll(ctx, reporter(progress, 6)); err != nil {
		return nil, errors.Join(fmt.Errorf("start the cluster: %w", err), c.Stop())
	}
	return c, nil
}

func (c *Cluster) startAll(ctx context.Context, report func(string)) error {
	report("sandbox")
	if err := c.openSandbox(); err != nil {
		return err
	}
	if err := c.configureNode(); err != nil {
		return err
	}
	runtime := make(chan error, 1)
	go func() { runtime <- c.startRuntime(ctx) }()
	report("certificates")
	err := c.certificates(ctx)
	if err == nil {
		report("control plane")
		err = c.startControlPlane(ctx)
	}
	if err == nil {
		err = c.startScheduler()
	}
	if err == nil {
		// Before kubelet starts: it remembers for 30 s that the API server may not ask it for logs.
		err = c.applyOwn(ctx)
	}
	if err == nil {
		err = errors.Join(c.writeKubeconfig(), c.openDoor())
	}
	report("images")
	// Before kubelet too: an image that isn't there yet is asked for again after 10 s only.
	if err = errors.Join(err, <-runtime); err != nil {
		return err
	}
	report("node")
	if err := c.startNode(ctx); err != nil {
		return err
	}
	report("DNS, volumes and network policies")
	return c.nodeReady(ctx)
}

func (c *Cluster) openSandbox() error {
	log, err := openLog(c.config.StateDir, "sandbox")
	if err != nil {
		return err
	}
	defer log.Close()
	c.at = sandboxEndpoints()
	// The listener is opened first: a port that is taken is the likeliest error of all.
	if c.door, err = net.Listen("tcp", c.config.APIAddr); err != nil {
		return fmt.Errorf("open the door to the API server: %w", err)
	}
	c.doorAddr = c.door.Addr().String()
	c.sandbox, err = startSandbox(plan{State: c.config.StateDir, Tools: c.config.Tools.cache, Name: c.name}, log, c.lock)
	if err != nil {
		return err
	}
	go func() {
		<-c.sandbox.exited
		c.fail(errors.New("the sandbox ended"))
	}()
	c.thread, err = newThread(func() error { return join(c.sandbox.firstPID) })
	return err
}

// startInside starts command in the sandbox, in a session of its own: Ctrl-C in this
// program's terminal is for this program to handle.
func (c *Cluster) startInside(command *exec.Cmd) error {
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return c.thread.start(command)
}

// DialContext connects from inside the sandbox; address is an IP address and a port. For an
// API server alone it is an ordinary connection.
func (c *Cluster) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	if c.sandbox == nil {
		return dialer.DialContext(ctx, network, address)
	}
	// A thread for each connection: a socket belongs to the network its thread was in when
	// it was made, and one that waits for an answer must not keep others waiting.
	var connection net.Conn
	t, err := newThread(func() error {
		if err := join(c.sandbox.firstPID, "net"); err != nil {
			return err
		}
		var err error
		connection, err = dialer.DialContext(ctx, network, address)
		return err
	})
	if err != nil {
		return nil, err
	}
	t.end()
	return connection, nil
}

// Command is a command that reaches the cluster's network and is otherwise like any child
// of this process: it sees the machine's files, and inherits ExtraFiles, so that it can
// serve a listener opened outside and dial inside. It isn't ended with the cluster: put
// it into a guard.Group. With the last such command the network goes, not before.
// Who enters is root, and then becomes as, if that isn't nil, and has no group but that one's.
func (c *Cluster) Command(ctx context.Context, as *syscall.Credential, name string, arguments ...string) *exec.Cmd {
	if c.sandbox == nil {
		command := exec.CommandContext(ctx, name, arguments...)
		command.SysProcAttr = &syscall.SysProcAttr{Credential: as}
		return command
	}
	words := []string{"--net=/proc/" + strconv.Itoa(c.sandbox.firstPID) + "/ns/net"}
	if as != nil {
		words = append(words, fmt.Sprintf("--setuid=%d", as.Uid), fmt.Sprintf("--setgid=%d", as.Gid))
	}
	return exec.CommandContext(ctx, "nsenter", append(append(words, "--", name), arguments...)...)
}

// openDoor starts to let connections in.
func (c *Cluster) openDoor() error {
	go func() {
		for {
			outside, err := c.door.Accept()
			if err != nil {
				return
			}
			go c.letIn(outside)
		}
	}()
	return nil
}

// letIn connects one caller with the API server until either side has ended.
func (c *Cluster) letIn(outside net.Conn) {
	defer outside.Close()
	inner, err := c.DialContext(context.Background(), "tcp", c.at.api)
	if err != nil {
		return
	}
	defer inner.Close()
	var directions sync.WaitGroup
	for _, pair := range [][2]net.Conn{{outside, inner}, {inner, outside}} {
		directions.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			// Half a connection may go on: who has sent everything may still wait for the answer.
			if closer, ok := pair[0].(*net.TCPConn); ok {
				_ = closer.CloseWrite()
			}
		})
	}
	directions.Wait()
}

// snapshotter is how containerd stacks image layers: overlayfs can't be stacked on another
// one, which is what the root of a container is.
func snapshotter(stateDir string) string {
	var info unix.Statfs_t
	if unix.Statfs(stateDir, &info) == nil && info.Type == unix.OVERLAYFS_SUPER_MAGIC {
		return "native"
	}
	return "overlayfs"
}
