package tiers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/pkg/porttest"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// Everything of the tests' own platform lies in its own state folder, so that it stands beside a `make up`.
const (
	stateDir      = ".local/test"
	endpointsFile = "endpoints.json"
	clusterLog    = ".local/test.log"
)

const (
	// startPatience is how long the platform may take to write its endpoints: a cold build of the gateway comes first.
	startPatience = 15 * time.Minute
	stopPatience  = time.Minute
	// logTail is how much of the platform's log a failure shows.
	logTail = 4 << 10
)

// cluster is `local up` in the background.
type cluster struct {
	process *exec.Cmd
	ended   chan struct{}
	// err says why it couldn't be started or, once ended is closed, how it ended.
	err error
	// asked gets how asking for the first store ended.
	asked chan error
	// images gets how the building of the engines' images ended.
	images chan error
	// making is both of these.
	making sync.WaitGroup
	// traces is the address that the platform sends its traces to, whoever listens there.
	traces string
}

func newCluster() *cluster {
	return &cluster{ended: make(chan struct{}), asked: make(chan error, 1), images: make(chan error, 1)}
}

// state is the installation's folder.
func (c *cluster) state(r *runner) string { return filepath.Join(r.repo, stateDir) }

// startCluster builds the supervisor and starts it at low priority: what the first tiers compile comes first.
func startCluster(ctx context.Context, r *runner) *cluster {
	c := newCluster()
	if c.err = c.start(ctx, r); c.err != nil {
		close(c.ended)
		return c
	}
	c.making.Go(func() { c.asked <- c.askForFirstStore(ctx, r) })
	c.making.Go(func() { c.images <- c.buildImages(ctx, r) })
	return c
}

func (c *cluster) start(ctx context.Context, r *runner) error {
	local, err := r.buildLocal(ctx)
	if err != nil {
		return err
	}
	if output, err := r.command(ctx, ".", local, "down", "--state", stateDir).CombinedOutput(); err != nil {
		return fmt.Errorf("remove what the last run left: %w\n%s", err, output)
	}
	return c.launch(r)
}

// launch starts the supervisor that buildLocal has built.
func (c *cluster) launch(r *runner) error {
	if err := os.MkdirAll(filepath.Join(r.repo, filepath.Dir(clusterLog)), 0o700); err != nil {
		return fmt.Errorf("make the state folder: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(r.repo, clusterLog), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("open the platform's log: %w", err)
	}
	defer log.Close()
	// Below the ports of outgoing connections: nobody listens there until the tests that look at traces.
	if c.traces, err = porttest.Address(); err != nil {
		return fmt.Errorf("find a free port: %w", err)
	}
	// Not r.command: the end of ctx must not kill it before it has cleaned up (see stop).
	c.process = exec.Command("nice", "-n", "5", r.localPath(), "up", "--state", stateDir, "--api", "127.0.0.1:0", "--stores", "127.0.0.1:0")
	c.process.Dir, c.process.Stdout, c.process.Stderr = r.repo, log, log
	c.process.Env = append(os.Environ(), "MAX_STORES=200", "SLOTS=16", "RATE_LIMIT_ENABLED=false", "CREATE_RATE_LIMIT_CAPACITY=0", "GOGC=400",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://"+c.traces, "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20"+platform.TracesToken)
	// However this run ends: the platform ends with it, and then its own guard ends what it has started.
	if err := guard.Join(c.process); err != nil {
		return fmt.Errorf("start the platform: %w", err)
	}
	if err := c.process.Start(); err != nil {
		return fmt.Errorf("start the platform: %w", err)
	}
	r.say("a platform with a cluster of its own is starting in the background; its log is %s\n", clusterLog)
	go func() {
		c.err = c.process.Wait()
		close(c.ended)
	}()
	return nil
}

// buildLocal builds the supervisor into the cache, one file per clone so that clones don't replace each other's.
func (r *runner) buildLocal(ctx context.Context) (string, error) {
	path := r.localPath()
	build := r.command(ctx, "deploy/local", "go", "build", "-o", path, "./cmd/local")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the supervisor: %w\n%s", err, output)
	}
	return path, nil
}

func (r *runner) localPath() string {
	return filepath.Join(r.cache, "bin", fmt.Sprintf("local-test-%08x", crc32.ChecksumIEEE([]byte(r.repo))))
}

// endpoints waits for the file that says where everything listens.
func (c *cluster) endpoints(ctx context.Context, r *runner) (string, error) {
	path := filepath.Join(r.repo, stateDir, endpointsFile)
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-c.ended:
			return "", fmt.Errorf("the platform ended: %w\n%s", errors.Join(c.err, errors.New("see "+clusterLog)), r.tailOfLog())
		case <-ctx.Done():
			return "", fmt.Errorf("wait for the platform: %w\n%s", ctx.Err(), r.tailOfLog())
		case <-tick.C:
		}
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
}

// awaitKubernetes waits for the cluster's kubeconfig: on a cold machine Kubernetes may still be compiling.
func (c *cluster) awaitKubernetes(ctx context.Context, r *runner) error {
	ctx, cancel := context.WithTimeout(ctx, apiPatience)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if _, err := os.Stat(filepath.Join(c.state(r), "kubeconfig")); err == nil {
			return nil
		}
		select {
		case <-c.ended:
			return fmt.Errorf("the platform ended: %w\n%s", errors.Join(c.err, errors.New("see "+clusterLog)), r.tailOfLog())
		case <-ctx.Done():
			return fmt.Errorf("wait for Kubernetes: %w\n%s", ctx.Err(), r.tailOfLog())
		case <-tick.C:
		}
	}
}

func (r *runner) tailOfLog() []byte {
	data, err := os.ReadFile(filepath.Join(r.repo, clusterLog))
	if err != nil {
		return []byte(err.Error())
	}
	return bytes.TrimSpace(data[max(0, len(data)-logTail):])
}

// stop interrupts the platform as Ctrl-C would and waits until everything it started is gone.
func (c *cluster) stop(r *runner) {
	select {
	case <-c.ended:
		return
	default:
	}
	if err := c.process.Process.Signal(os.Interrupt); err != nil {
		r.say("stop the platform: %v\n", err)
	}
	select {
	case <-c.ended:
	case <-time.After(stopPatience):
		r.say("the platform hasn't stopped after %s; killing it\n", stopPatience)
		_ = c.process.Process.Kill()
		<-c.ended
	}
}

func runUnit(ctx context.Context, r *shift) error {
	return r.goTest(ctx, suite{tier: "unit", race: true, abreast: 2})
}

func runBus(ctx context.Context, r *shift) error {
	return r.goTest(ctx, suite{tier: "bus", race: true, programs: true, abreast: 4, flags: []string{"-timeout=20m"}})
}

func runCluster(ctx context.Context, r *shift) error {
	defer r.checkEndings(ctx)
	return r.onCluster(ctx, "")
}

// installTests is the package whose tests install the chart. In the cluster's tier it runs beside test/cluster: most of either
// is waiting.
const installTests = "test/installed"

func runInstall(ctx context.Context, r *shift) error { return r.onCluster(ctx, root+installTests) }

// onCluster runs one package of the cluster's tier, or all of them, against the platform that was started for them.
func (r *shift) onCluster(ctx context.Context, only string) error {
	endpoints, err := r.cluster.endpoints(ctx, r.runner)
	if err != nil {
		return err
	}
	if err := <-r.cluster.asked; err != nil {
		return err
	}
	if err := r.cluster.awaitKubernetes(ctx, r.runner); err != nil {
		return err
	}
	if err := r.cluster.awaitImages(ctx, r.runner); err != nil {
		return err
	}
	return r.goTest(ctx, suite{
		tier: "cluster", only: only, fresh: true, programs: true, flags: []string{"-timeout=60m", "-parallel=16"},
		env: []string{platform.EndpointsEnv + "=" + endpoints, platform.TracesEnv + "=" + r.cluster.traces},
	})
}
