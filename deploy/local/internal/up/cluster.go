package up

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/images"
	"github.com/store-platform/store-platform/deploy/local/internal/kube"
	"github.com/store-platform/store-platform/deploy/local/internal/supervise"
	"github.com/store-platform/store-platform/deploy/local/internal/target"
	"github.com/store-platform/store-platform/pkg/access"
	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/platform"
)

// kubernetesName is the cluster's in messages.
const kubernetesName = "kubernetes"

// A cluster that broke down, or didn't start, is left alone for this long before it is started again. The pause doubles
// with each failure, up to longPause, and begins anew once a cluster has run for steady.
const (
	restartPause = 2 * time.Second
	steady       = 5 * time.Minute
)

// own builds the cluster and keeps it running.
func (r *run) own(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-r.built:
	}
	began := time.Now()
	settings := kube.Config{StateDir: r.dir.Path("kube"), Out: r.Terminal}
	built := r.persist(ctx, part{kubernetesName, func(ctx context.Context) (err error) {
		settings.Tools, err = kube.Build(ctx, r.kubernetes(), r.building)
		for _, one := range kube.Parts() {
			r.estimate.stop(one.Name)
		}
		return err
	}})
	if !built {
		return nil
	}
	if took := time.Since(began); took > time.Second {
		r.Terminal.Say(kubernetesName, "built in %.0f s", took.Seconds())
	}
	for failures := 0; ; failures++ {
		began := time.Now()
		var err error
		// Once workers have read it from their files it stays.
		if !r.working {
			settings.APIAddr, err = freeAddress("127.0.0.1")
		}
		if err == nil {
			err = r.once(ctx, settings)
		}
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > steady {
			failures = 0
		}
		pause := again.Doubled(restartPause, longPause, failures)
		r.failed(kubernetesName, err, pause)
		r.supervisor.Stop(ctx, edge)
		if err := r.stopCluster(); err != nil {
			r.failed(kubernetesName, fmt.Errorf("stop the broken cluster: %w", err), pause)
		}
		if !wait(ctx, pause) {
			return nil
		}
	}
}

// once starts the cluster and what works on it, and answers why it has to be started again.
func (r *run) once(ctx context.Context, settings kube.Config) error {
	began := time.Now()
	cluster, err := kube.Start(ctx, settings, func(_, message string, done, total int) {
		r.tell(kubernetesName, "starting Kubernetes: "+message, done, total)
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.cluster = cluster
	r.mu.Unlock()
	// Beside all else, or the first store would wait for the images of every engine.
	r.supplier.request(r.supplier.cached(ctx))
	running, broke := context.WithCancelCause(ctx)
	defer broke(nil)
	go func() {
		select {
		case reason := <-cluster.Done():
			broke(reason)
		case <-running.Done():
		}
	}()
	if err := r.workOn(running, cluster); err != nil {
		return cmp.Or(context.Cause(running), err)
	}
	r.mended(kubernetesName)
	r.describe("running")
	r.Terminal.Say(kubernetesName, "running, after %.0f s", time.Since(began).Seconds())
	if !r.open {
		r.open = true
		r.summary()
		r.operatorLink(running)
	}
	<-running.Done()
	r.describe("broke down: " + context.Cause(running).Error())
	return context.Cause(running)
}

// workOn starts what works on a cluster of our own.
func (r *run) workOn(ctx context.Context, cluster *kube.Cluster) error {
	r.tell(kubernetesName, "starting what works on the cluster", 0, 0)
	if err := r.admit(ctx, cluster); err != nil {
		return err
	}
	if err := r.startEdge(ctx, cluster); err != nil {
		return err
	}
	return r.openFor(ctx)
}

// openFor starts the workers, the first time that there is a cluster for them, and returns once they have said that
// stores can be made.
func (r *run) openFor(ctx context.Context) error {
	if r.open {
		return nil
	}
	if !r.working {
		r.board.handOver()
		r.startWorkers()
		r.working = true
	}
	return r.board.ready(ctx)
}

func (r *run) stopCluster() error {
	r.mu.Lock()
	cluster := r.cluster
	r.cluster = nil
	r.mu.Unlock()
	if cluster == nil {
		return nil
	}
	return cluster.Stop()
}

// admit gives everybody who works on the cluster rights and a kubeconfig.
func (r *run) admit(ctx context.Context, cluster target.Cluster) error {
	files, err := access.Files(r.Repository)
	if err != nil {
		return err
	}
	workers := []string{provisioner, janitor}
	if own, ok := cluster.(*kube.Cluster); ok {
		files = append(files, filepath.Join(r.Repository, "deploy", "local", "edge", "access.yaml"))
		workers = append(workers, edge)
		if err := copyFile(own.Kubeconfig(), r.at.Kubeconfig); err != nil {
			return fmt.Errorf("write the kubeconfig: %w", err)
		}
	}
	var identities []target.Identity
	for _, name := range workers {
		identities = append(identities, target.Identity{Name: "store-" + name, Path: r.users[name].Path(kubeconfigFile)})
	}
	if err := target.Admit(ctx, cluster, files, identities); err != nil {
		return err
	}
	for _, name := range workers {
		if err := r.users[name].Give(kubeconfigFile); err != nil {
			return err
		}
	}
	return nil
}

// startEdge runs the door to the stores in the cluster's network, on the listener that this
// program has held since it started.
func (r *run) startEdge(ctx context.Context, cluster *kube.Cluster) error {
	// Its kubeconfig leads through the door on this machine's loopback, which isn't that of
	// the cluster's network; there, the API server has a Service.
	address, err := cluster.Kubectl(ctx, nil, "get", "service", "kubernetes", "--namespace", "default", "--output", "jsonpath={.spec.clusterIP}")
	if err != nil {
		return fmt.Errorf("find the API server's address in the cluster: %w", err)
	}
	listener, err := r.door.handOver()
	if err != nil {
		return err
	}
	r.supervisor.Start(supervise.Program{Name: edge, Make: func() (*exec.Cmd, error) {
		environment := []string{
			"KUBECONFIG=" + r.users[edge].Inside(kubeconfigFile),
			"KUBERNETES_SERVER=https://" + strings.TrimSpace(string(address)), "INGRESS_CLASS_NAME=local",
		}
		return r.command(edge, environment, func(program string, as *syscall.Credential) *exec.Cmd {
			command := cluster.Command(context.WithoutCancel(ctx), as, program)
			command.ExtraFiles = []*os.File{listener}
			return command
		})
	}})
	return nil
}

// foreign makes the user's own cluster ready and works on it.
func (r *run) foreign(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-r.built:
	}
	// What is built already is on its way there before a store asks.
	r.supplier.request(r.supplier.cached(ctx))
	ready := r.persist(ctx, part{kubernetesName, func(ctx context.Context) error {
		r.tell(kubernetesName, "making "+r.Context+" ready", 0, 0)
		return r.admit(ctx, r.theirs())
	}})
	if !ready || r.openFor(ctx) != nil {
		return nil
	}
	r.describe(r.Context)
	r.summary()
	r.operatorLink(ctx)
	return nil
}

func (r *run) theirs() target.Foreign {
	return target.Foreign{Context: r.Context, Registry: r.Registry, Push: r.images.Push}
}

// load brings images into the cluster, once there is one.
func (r *run) load(ctx context.Context, image images.Image) error {
	if r.Context != "" {
		return r.theirs().Load(ctx, image)
	}
	for {
		r.mu.Lock()
		cluster := r.cluster
		r.mu.Unlock()
		if cluster != nil {
			return cluster.LoadImage(ctx, image.Path)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(boardPoll):
		}
	}
}

// building is told by kube.Build what it is at, one part after the other.
func (r *run) building(part, message string, done, total int) {
	for _, other := range kube.Parts() {
		if other.Name == part {
			break
		}
		r.estimate.end(other.Name)
	}
	if total > 0 {
		r.estimate.count(part, done, total)
	}
	r.making(part, message)
}

// tell says on the terminal, on the board and to `local status` what stands between the
// user and a store. Saying the same again says nothing.
func (r *run) tell(part, message string, done, total int) {
	r.mu.Lock()
	same := r.words == message
	r.words = message
	r.mu.Unlock()
	if same {
		return
	}
	r.Terminal.Say(part, "%s", message)
	r.board.say(platform.Cluster{Part: part, Message: message, Done: done, Total: total})
	r.report()
}

// describe changes what `local status` says of the cluster.
func (r *run) describe(words string) {
	r.mu.Lock()
	r.words = words
	r.mu.Unlock()
	r.report()
}

func (r *run) summary() {
	host := "store-<id>." + r.at.Base
	lines := []string{"", "  page and API   " + r.at.API, "  a store        http://" + host + "/"}
	if r.at.Stores != "" {
		lines = append(lines, "                 curl -H 'Host: "+host+"' http://"+r.at.Stores+"/")
	}
	if r.Context == "" {
		lines = append(lines, "  kubectl        KUBECONFIG="+r.at.Kubeconfig)
	}
	lines = append(lines, "  logs           "+r.dir.Logs(), "", "  Ctrl-C stops everything. What was made is kept in "+r.State+".", "")
	if _, err := fmt.Fprintln(r.Terminal, strings.Join(lines, "\n")); err != nil {
		slog.Warn("print the summary", "error", err)
	}
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}
