package bench

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/platform"
)

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

// byHand makes stores as an administrator does.
type byHand struct {
	b          *bench
	in         *installation
	kubernetes *platform.Kubernetes
	helm       string
	pack       engine.Pack
	first      query.Store
	// chart is a folder with the pack's chart and what it uses, as Helm wants it.
	chart  string
	recipe recipe
	made   int
}

// newByHand copies how the first store of an engine was made.
func (b *bench) newByHand(helm string, in *installation, pack engine.Pack, first query.Store) *byHand {
	b.Helper()
	h := &byHand{b: b, in: in, kubernetes: in.Kubernetes(b), helm: helm, pack: pack, first: first, chart: b.path(pack.Name + "-chart")}
	files, err := engine.Chart(os.DirFS(b.engines()), pack)
	b.must("read the chart", err)
	for _, file := range files {
		path := filepath.Join(h.chart, filepath.FromSlash(file.Name))
		b.must("write the chart", errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), writeFile(path, string(file.Data))))
	}
	h.recipe = b.copyRecipe(h.kubernetes, first.ID)
	return h
}

// create times one store and removes it.
func (h *byHand) create() time.Duration {
	h.b.Helper()
	id := h.next()
	defer h.remove(id)
	return h.make(id)
}

// next is the id of another store.
func (h *byHand) next() store.ID {
	h.made++
	return store.DeriveID("by hand", h.pack.Name+fmt.Sprint(h.made))
}

// make makes a store that answers, and says how long that took.
func (h *byHand) make(id store.ID) time.Duration {
	h.b.Helper()
	r := h.recipe.of(id)
	values := h.b.path("values.json")
	h.b.must("write the values", writeFile(values, r.values))

	began := time.Now()
	for _, o := range r.objects {
		h.apply(o)
	}
	install := exec.CommandContext(h.b.ctx, h.helm, "upgrade", "--install", "store", h.chart,
		"--namespace", id.Namespace(), "--values", values, "--kubeconfig", h.in.Kubeconfig)
	install.Env = parts.Environment("HOME="+h.b.path("home"), "HELM_NO_PLUGINS=1")
	if output, err := install.CombinedOutput(); err != nil {
		h.b.Fatalf("helm upgrade --install: %w\n%s", err, output)
	}
	for _, workload := range h.pack.Workloads {
		h.b.await("wait for the workloads", h.in.process, workPatience, func() error { return h.deployed(id, workload) })
	}
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

// workPatience is for a shop that sets itself up.
const workPatience = 5 * time.Minute

// deployed judges a workload as the platform does.
func (h *byHand) deployed(id store.ID, workload engine.Workload) error {
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
	status, err := h.kubernetes.Do(h.b.ctx, http.MethodGet, "/apis/apps/v1/namespaces/"+id.Namespace()+"/"+strings.ToLower(workload.Kind)+"s/"+workload.Name, nil, &d)
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("read %s %s: %d %w", workload.Kind, workload.Name, status, err)
	}
	if want := d.Spec.Replicas; d.Status.Observed < d.Metadata.Generation || d.Status.Total != want || d.Status.Updated != want || d.Status.Available != want {
		return fmt.Errorf("%s %s is at %+v", workload.Kind, workload.Name, d.Status)
	}
	return nil
}

// probePeriod is the platform's.
const probePeriod = 500 * time.Millisecond

// ask probes the shop through the ingress, as the platform does.
func (h *byHand) ask(id store.ID) {
	h.b.Helper()
	s := h.first
	s.URL = "http://" + id.Namespace() + "." + h.in.Base
	tick := time.NewTicker(probePeriod)
	defer tick.Stop()
	deadline := time.Now().Add(startPatience)
	for {
		status, body, err := h.in.Visit(h.b.ctx, s, http.MethodGet, h.pack.Probe.Path, nil, "", "")
		if err == nil {
			err = h.pack.Probe.Check(status, body)
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
func (h *byHand) remove(id store.ID) {
	h.b.Helper()
	namespace := "/api/v1/namespaces/" + id.Namespace()
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
