package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/store-platform/store-platform/pkg/guard"
)

// startPatience is how long a start may take. On a busy machine with two cores it takes under a minute.
const startPatience = 5 * time.Minute

// Cluster is a running one. Made by Start or StartAPI.
type Cluster struct {
	config   Config
	name     string
	at       endpoints
	doorAddr string
	door     net.Listener // nil when the API server itself listens on the machine
	lock     *os.File

	sandbox *sandbox     // nil for an API server alone
	thread  *thread      // in the sandbox's namespaces
	group   *guard.Group // of an API server alone

	done   chan error
	failed chan struct{} // closed once reason is set

	mutex    sync.Mutex
	reason   error
	stopping bool
}

// StartAPI runs etcd, the API server and the controller manager as plain processes on
// loopback ports: for tests that need no node. Namespaces really go, roles really aggregate;
// pods stay Pending. It needs no privilege.
func StartAPI(ctx context.Context, config Config, progress Progress) (*Cluster, error) {
	c, err := prepare(ctx, config, APIParts())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	err = c.startAPI(ctx, reporter(progress, 3))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the API server: %w", err), c.Stop())
	}
	return c, nil
}

// StartEtcd runs the etcd of an API server alone, for who puts thousands of objects there that no controller is to see one
// by one. What StartAPI left in the folder is there, and what is put there StartAPI finds.
func StartEtcd(ctx context.Context, config Config, progress Progress) (*Cluster, error) {
	c, err := prepare(ctx, config, APIParts())
	if err != nil {
		return nil, err
	}
	if err := c.startEtcdAlone(ctx, reporter(progress, 2)); err != nil {
		return nil, errors.Join(fmt.Errorf("start etcd: %w", err), c.Stop())
	}
	return c, nil
}

// Etcd is its address, as a URL. Its clients have the certificates of the API server.
func (c *Cluster) Etcd() string { return "https://" + c.at.etcd }

func (c *Cluster) startEtcdAlone(ctx context.Context, report func(string)) error {
	if err := c.enclose(ctx, report); err != nil {
		return err
	}
	report("etcd")
	return c.startEtcd()
}

func (c *Cluster) startAPI(ctx context.Context, report func(string)) error {
	if err := c.enclose(ctx, report); err != nil {
		return err
	}
	report("control plane")
	if err := c.startControlPlane(ctx); err != nil {
		return err
	}
	report("rights")
	if err := c.applyOwn(ctx); err != nil {
		return err
	}
	return c.writeKubeconfig()
}

// enclose gives plain processes their ports, their certificates and an end with ours.
func (c *Cluster) enclose(ctx context.Context, report func(string)) (err error) {
	if c.at, err = loopbackEndpoints(c.config.APIAddr); err != nil {
		return err
	}
	c.doorAddr = c.at.api
	if c.group, err = guard.New(); err != nil {
		return err
	}
	report("certificates")
	return c.certificates(ctx)
}

// startControlPlane starts etcd, the API server and, once that answers, the controllers.
func (c *Cluster) startControlPlane(ctx context.Context) error {
	if err := c.startEtcd(); err != nil {
		return err
	}
	if err := c.startAPIServer(); err != nil {
		return err
	}
	if err := c.apiReady(ctx); err != nil {
		return err
	}
	return c.startControllers()
}

func (c *Cluster) writeKubeconfig() error {
	return copyKubeconfig(filepath.Join(c.config.StateDir, "etc", "admin.conf"), c.Kubeconfig(), c.Server())
}

// prepare takes the state folder. Waiting for its lock ends with ctx: the watchdog of a
// cluster that was just killed holds it until everything of that one is gone.
func prepare(ctx context.Context, config Config, parts []string) (*Cluster, error) {
	if err := config.Tools.check(parts...); err != nil {
		return nil, err
	}
	absolute, err := filepath.Abs(config.StateDir)
	if err != nil {
		return nil, fmt.Errorf("find the state folder: %w", err)
	}
	config.StateDir = absolute
	if config.Out == nil {
		config.Out = io.Discard
	}
	for _, folder := range []string{"etc", "log", "etcd", "tmp", "containerd", "kubelet", "volumes"} {
		if err := os.MkdirAll(filepath.Join(absolute, folder), 0o700); err != nil {
			return nil, fmt.Errorf("make the state folder: %w", err)
		}
	}
	lock, err := os.OpenFile(filepath.Join(absolute, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the state folder's lock: %w", err)
	}
	if err := take(ctx, lock, config.Out); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Cluster{
		config: config, name: clusterName(absolute), lock: lock,
		done: make(chan error, 1), failed: make(chan struct{}),
	}, nil
}

// take locks the state folder, after waiting for a cluster that is just ending.
func take(ctx context.Context, lock *os.File, out io.Writer) error {
	folder := filepath.Dir(lock.Name())
	deadline := time.Now().Add(endGrace)
	for waiting := false; ; waiting = true {
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			return nil
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("lock %s: another cluster runs there", folder), ctx.Err())
		}
		if !waiting {
			fmt.Fprintf(out, "waiting for the cluster in %s to end\n", folder)
		}
		time.Sleep(pollEvery)
	}
}

// inside is a path in the state folder as the cluster's processes see it.
func (c *Cluster) inside(elements ...string) string {
	root := c.config.StateDir
	if c.sandbox != nil {
		root = insideState
	}
	return filepath.Join(append([]string{root}, elements...)...)
}

// tool is the path of a built file as the cluster's processes see it.
func (c *Cluster) tool(part, name string) string {
	path := c.config.Tools.file(part, name)
	if c.sandbox == nil {
		return path
	}
	return insideTools + strings.TrimPrefix(path, c.config.Tools.cache)
}

// Done gets the reason once, when a process of the cluster ends by itself. The rest runs
// on: calling Stop is the caller's.
func (c *Cluster) Done() <-chan error { return c.done }

// Stop ends every process of the cluster and waits for that; it takes about a second.
// Everything is killed as in a power cut, which neither etcd nor a store may mind: asked
// politely, etcd would wait for the API server's watches, and pods for their grace periods.
func (c *Cluster) Stop() error {
	c.mutex.Lock()
	if c.stopping {
		c.mutex.Unlock()
		return nil
	}
	c.stopping = true
	c.mutex.Unlock()
	if c.door != nil {
		_ = c.door.Close()
	}
	var err error
	if c.thread != nil {
		c.thread.end()
	}
	if c.sandbox != nil {
		err = c.sandbox.stop(c.name)
	}
	if c.group != nil {
		c.group.Kill()
	}
	return errors.Join(err, c.lock.Close())
}

// reporter counts the steps of a start.
func reporter(progress Progress, steps int) func(string) {
	done := 0
	return func(message string) {
		if progress != nil {
			progress("cluster", message, done, steps)
		}
		done++
	}
}
