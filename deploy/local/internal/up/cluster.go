package up

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/imagebuild"
	"github.com/store-platform/store-platform/deploy/local/internal/kube"
	"github.com/store-platform/store-platform/deploy/local/internal/supervise"
	"github.com/store-platform/store-platform/deploy/local/internal/target"
	"github.com/store-platform/store-platform/pkg/platform"
)

// percentStep is how much further a build must be for the board to say so.
const percentStep = 5

// restartPause is how long a cluster that broke down is left alone before it is started again.
const restartPause = 2 * time.Second

// own builds the cluster and keeps it running.
func (r *run) own(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-r.built:
	}
	began := time.Now()
	tools, err := kube.Build(ctx, kube.Builder{Repo: r.Repository, Cache: r.cache, Nice: true}, r.building)
	if err != nil {
		return fmt.Errorf("build Kubernetes: %w", err)
	}
	if took := time.Since(began); took > time.Second {
		r.Terminal.Say("kubernetes", "built in %.0f s", took.Seconds())
	}
	address, err := freeAddress("127.0.0.1")
	if err != nil {
		return err
	}
	settings := kube.Config{Tools: tools, StateDir: r.dir.Path("kube"), APIAddr: address, Out: r.Terminal}
	cached := r.supplier.cached(ctx)
	for _, name := range slices.Sorted(maps.Keys(cached)) {
		settings.Images = append(settings.Images, cached[name].Path)
	}
	for first := true; ; first = false {
		broken, err := r.once(ctx, settings, first, cached)
		if err != nil || ctx.Err() != nil {
			return err
		}
		r.Terminal.Say("kubernetes", "%v; starting it again", broken)
		r.supervisor.Stop(ctx, edge)
		if err := r.stopCluster(); err != nil {
			return fmt.Errorf("stop the broken cluster: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(restartPause):
		}
	}
}

// once starts the cluster and what works on it, and answers why it broke down, if it did
// before ctx ended.
func (r *run) once(ctx context.Context, settings kube.Config, first bool, cached map[string]imagebuild.Image) (broken, err error) {
	began := time.Now()
	cluster, err := kube.Start(ctx, settings, func(_, message string, done, total int) {
		r.tell("kubernetes", "starting Kubernetes: "+message, done, total)
	})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.cluster = cluster
	r.mu.Unlock()
	r.supplier.loaded(cached)
	r.tell("kubernetes", "starting what works on the cluster", 0, 0)
	if err := r.admit(ctx, cluster); err != nil {
		return nil, err
	}
	if err := r.startEdge(ctx, cluster); err != nil {
		return nil, err
	}
	if first {
		r.board.handOver()
		r.startWorkers()
		if err := r.board.ready(ctx); err != nil {
			return nil, unlessEnded(ctx, err)
		}
	}
	r.describe("running")
	r.Terminal.Say("kubernetes", "running, after %.0f s", time.Since(began).Seconds())
	if first {
		r.summary()
	}
	select {
	case <-ctx.Done():
		return nil, nil
	case broken := <-cluster.Done():
		r.describe("broke down: " + broken.Error())
		return broken, nil
	}
}

func (r *run) stopCluster() error {
	r.mu.Lock()
	cluster := r.cluster
	r.cluster = nil
	r.mu.Unlock()
	return cluster.Stop()
}

// admit gives everybody who works on the cluster rights and a kubeconfig.
func (r *run) admit(ctx context.Context, cluster target.Cluster) error {
	files, err := target.AccessFiles(r.Repository)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(r.kubeconfig(provisioner)), 0o700); err != nil {
		return fmt.Errorf("make the folder of the kubeconfigs: %w", err)
	}
	identities := []target.Identity{
		{Name: "store-provisioner", Path: r.kubeconfig(provisioner)},
		{Name: "store-janitor", Path: r.kubeconfig(janitor)},
	}
	if own, ok := cluster.(*kube.Cluster); ok {
		files = append(files, filepath.Join(r.Repository, "deploy", "local", "edge", "access.yaml"))
		identities = append(identities, target.Identity{Name: "store-edge", Path: r.kubeconfig(edge)})
		if err := copyFile(own.Kubeconfig(), r.at.Kubeconfig); err != nil {
			return fmt.Errorf("write the kubeconfig: %w", err)
		}
	}
	return target.Admit(ctx, cluster, files, identities)
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
		command := cluster.Command(context.WithoutCancel(ctx), r.binaries[edge])
		command.Env = append(r.environment(),
			"KUBECONFIG="+r.kubeconfig(edge), "KUBERNETES_SERVER=https://"+strings.TrimSpace(string(address)), "INGRESS_CLASS_NAME=local")
		command.ExtraFiles = []*os.File{listener}
		return command, nil
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
	r.tell("kubernetes", "making "+r.Context+" ready", 0, 0)
	// What is built already is on its way there before a store asks.
	r.supplier.request(r.supplier.cached(ctx))
	if err := r.admit(ctx, r.theirs()); err != nil {
		return unlessEnded(ctx, err)
	}
	r.board.handOver()
	r.startWorkers()
	if err := r.board.ready(ctx); err != nil {
		return unlessEnded(ctx, err)
	}
	r.describe(r.Context)
	r.summary()
	return nil
}

func (r *run) theirs() target.Foreign {
	return target.Foreign{Context: r.Context, Registry: r.Registry}
}

// load brings images into the cluster, once there is one.
func (r *run) load(ctx context.Context, image imagebuild.Image) error {
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

// building is told by kube.Build what it is at. Terminal and `local status` hear of each
// part once, the board also how far it is, in steps that a person would want to see.
func (r *run) building(part, message string, done, total int) {
	parts := kube.Parts()
	at := slices.IndexFunc(parts, func(p kube.Part) bool { return p.Name == part })
	words := fmt.Sprintf("%s (%d of %d)", message, at+1, len(parts))
	r.tell(part, words, at, len(parts))
	if total == 0 {
		return
	}
	r.Terminal.Pass(part, fmt.Sprintf("%s, package %d of %d", words, done, total))
	if percent := done * 100 / total / percentStep * percentStep; percent > 0 {
		r.board.say(platform.Cluster{Part: part, Message: fmt.Sprintf("%s, %d %%", words, percent), Done: at, Total: len(parts)})
	}
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
