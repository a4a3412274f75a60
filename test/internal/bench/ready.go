package bench

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// helmVersion is the one that the provisioner links.
const helmVersion = "v3.22.0"

// createToReady holds the platform against an administrator who does the same by hand: namespace and guardrails, helm
// upgrade --install, the wait for the workload and the probe, without a log, a lease or a step in between.
func createToReady(b *bench) {
	helm := b.installHelm()
	in := b.installed()
	hand := b.newByHand(helm, in)
	var ours, plain []time.Duration
	for n := range b.sizes.readyRuns {
		b.Logf("run %d of %d", n+1, b.sizes.readyRuns)
		// The order changes, so that neither always follows the other's removal.
		if n%2 == 0 {
			ours, plain = append(ours, b.createOne(in)), append(plain, hand.create())
		} else {
			plain, ours = append(plain, hand.create()), append(ours, b.createOne(in))
		}
	}
	platform, bare := median(ours), median(plain)
	b.report(line{
		what:     "create → Ready of a sample store",
		platform: seconds(platform), bare: seconds(bare), ratio: platform.Seconds() / bare.Seconds(),
		how: fmt.Sprintf("medians of %d by turns (%s–%s and %s–%s): POST to the feed's ready event, against namespace, guardrails, secret, helm upgrade --install of the same chart and values, wait for the Deployment (asked every %s), probe through the ingress",
			b.sizes.readyRuns, seconds(quantile(ours, 0)), seconds(quantile(ours, 1)), seconds(quantile(plain, 0)), seconds(quantile(plain, 1)), poll),
	}.atMost(1.1))
}

// createOne times one store and removes it. Its connection to the feed is its own: one that nobody reads from while a
// store is made by hand is closed as silent.
func (b *bench) createOne(in *installation) time.Duration {
	b.Helper()
	feed, err := in.Dial(b.ctx, "", "")
	b.must("connect to the feed", err)
	defer feed.Close()
	began := time.Now()
	s := in.Create(b, "Amber Harbour")
	b.awaitEvent(feed, s.ID, store.BecameReady)
	took := time.Since(began)
	in.Delete(b, s.ID)
	b.awaitEvent(feed, s.ID, store.BecameDeleted)
	return took
}

func (b *bench) awaitEvent(feed *platform.Feed, id store.ID, want store.Type) {
	b.Helper()
	for {
		m, err := feed.Next()
		b.must("follow the feed", err)
		switch {
		case m.Event.Store != id:
		case m.Event.Type == want:
			return
		case m.Event.Type == store.BecameFailed:
			b.Fatalf("store %s failed: %+v", id, m.Event.Facts)
		}
	}
}

// installHelm builds the command line tool once per machine, with the flags that share the provisioner's compiled
// packages.
func (b *bench) installHelm() string {
	b.Helper()
	dir := filepath.Join(b.cache, "tools", "helm-"+helmVersion+"-"+runtime.Version())
	path := filepath.Join(dir, "helm")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	b.Logf("building helm %s (once per machine)", helmVersion)
	temporary := b.path("helm")
	install := exec.CommandContext(b.ctx, "nice", "-n", "5", "go", "install", "helm.sh/helm/v3/cmd/helm@"+helmVersion)
	install.Dir, install.Env = b.work, append(parts.GoEnvironment(), "GOBIN="+temporary)
	if output, err := install.CombinedOutput(); err != nil {
		b.Fatalf("build helm: %w\n%s", err, output)
	}
	b.must("make the folder of tools", os.MkdirAll(filepath.Dir(dir), 0o755))
	b.must("put helm in place", os.Rename(temporary, dir))
	return path
}

// byHand makes stores as an administrator does.
type byHand struct {
	b          *bench
	in         *installation
	kubernetes *platform.Kubernetes
	helm       string
	probe      engine.Probe
	recipe     recipe
	made       int
}

func (b *bench) newByHand(helm string, in *installation) *byHand {
	b.Helper()
	packs, err := engine.Load(os.DirFS(filepath.Join(b.repo, "services", "provisioner", "engines")))
	b.must("load the packs", err)
	h := &byHand{b: b, in: in, kubernetes: in.Kubernetes(b), helm: helm}
	for _, pack := range packs {
		if pack.Name == in.first.Engine {
			h.probe = pack.Probe
		}
	}
	h.recipe = b.copyRecipe(h.kubernetes, in.first.ID)
	return h
}

// create times one store and removes it.
func (h *byHand) create() time.Duration {
	h.b.Helper()
	h.made++
	id := store.DeriveID("by hand", fmt.Sprint(h.made))
	r := h.recipe.of(id)
	values := h.b.path("values.json")
	h.b.must("write the values", writeFile(values, r.values))
	namespace := "/api/v1/namespaces/" + id.Namespace()
	defer h.remove(namespace)

	began := time.Now()
	for _, o := range r.objects {
		h.apply(o)
	}
	install := exec.CommandContext(h.b.ctx, h.helm, "upgrade", "--install", "store",
		filepath.Join(h.b.repo, "services", "provisioner", "engines", h.in.first.Engine, "chart"),
		"--namespace", id.Namespace(), "--values", values, "--kubeconfig", h.in.Kubeconfig)
	install.Env = parts.Environment("HOME="+h.b.path("home"), "HELM_NO_PLUGINS=1")
	if output, err := install.CombinedOutput(); err != nil {
		h.b.Fatalf("helm upgrade --install: %w\n%s", err, output)
	}
	h.b.await("wait for the workload", h.in.process, startPatience, func() error { return h.deployed(id) })
	h.ask(id)
	return time.Since(began)
}

// apply makes an object, or replaces the one that a controller was faster to make.
func (h *byHand) apply(o object) {
	h.b.Helper()
	status, err := h.kubernetes.Do(h.b.ctx, http.MethodPost, o.path, o.body, nil)
	if err == nil && status == http.StatusConflict {
		status, err = h.kubernetes.Do(h.b.ctx, http.MethodPut, o.path+"/"+o.name, o.body, nil)
	}
	if err != nil || status >= 300 {
		h.b.Fatalf("make %s/%s: %d %w", o.path, o.name, status, err)
	}
}

// deployed judges the Deployment as the platform does.
func (h *byHand) deployed(id store.ID) error {
	var d struct {
		Metadata struct {
			Generation int64 `json:"generation"`
		} `json:"metadata"`
		Spec struct {
			Replicas int `json:"replicas"`
		} `json:"spec"`
		Status struct {
			Observed  int64 `json:"observedGeneration"`
			Total     int   `json:"replicas"`
			Updated   int   `json:"updatedReplicas"`
			Available int   `json:"availableReplicas"`
		} `json:"status"`
	}
	status, err := h.kubernetes.Do(h.b.ctx, http.MethodGet, "/apis/apps/v1/namespaces/"+id.Namespace()+"/deployments/store", nil, &d)
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("read the Deployment: %d %w", status, err)
	}
	if want := d.Spec.Replicas; d.Status.Observed < d.Metadata.Generation || d.Status.Total != want || d.Status.Updated != want || d.Status.Available != want {
		return fmt.Errorf("the Deployment is at %+v", d.Status)
	}
	return nil
}

// probePeriod is the platform's.
const probePeriod = 500 * time.Millisecond

// ask probes the shop through the ingress, as the platform does.
func (h *byHand) ask(id store.ID) {
	h.b.Helper()
	s := h.in.first
	s.URL = "http://" + id.Namespace() + "." + h.in.Base
	tick := time.NewTicker(probePeriod)
	defer tick.Stop()
	deadline := time.Now().Add(startPatience)
	for {
		status, body, err := h.in.Visit(h.b.ctx, s, http.MethodGet, h.probe.Path, nil, "", "")
		if err == nil {
			err = h.probe.Check(status, body)
		}
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			h.b.Fatalf("probe a store made by hand: %w", err)
		}
		<-tick.C
	}
}

// remove waits until the namespace is gone: what is removed meanwhile would slow the next one down.
func (h *byHand) remove(namespace string) {
	h.b.Helper()
	status, err := h.kubernetes.Do(h.b.ctx, http.MethodDelete, namespace, nil, nil)
	if err != nil || status >= 300 {
		h.b.Errorf("remove %s: %d %w", namespace, status, err)
		return
	}
	h.b.await("remove "+namespace, h.in.process, downPatience, func() error {
		status, err := h.kubernetes.Do(h.b.ctx, http.MethodGet, namespace, nil, nil)
		if err == nil && status != http.StatusNotFound {
			err = fmt.Errorf("status %d", status)
		}
		return err
	})
}
