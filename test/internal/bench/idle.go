package bench

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// idle holds what stores cost that nobody visits against the same pods without any probe: all the processor time of the
// cluster's node, its kubelet, its runtime and what they start among it. The stores are made by hand, so that the platform
// doesn't put the probes back; each engine has its line.
func idle(b *bench) { b.eachEngine((*bench).idleOf) }

func (b *bench) idleOf(in *installation, helm string, pack engine.Pack) {
	first := b.makeFirst(in, pack)
	hand := b.newByHand(helm, in, pack, first)
	in.Delete(b, first.ID)
	var ids []store.ID
	for n := range b.sizes.idle {
		b.Logf("%s, store %d of %d", pack.Name, n+1, b.sizes.idle)
		id := hand.next()
		b.Cleanup(func() { hand.remove(id) })
		hand.make(id)
		hand.calm(id, false)
		ids = append(ids, id)
	}
	probed := b.nodeCosts(in)
	for _, id := range ids {
		hand.calm(id, true)
		for _, workload := range pack.Workloads {
			b.await("wait for the workloads", in.process, workPatience, func() error { return hand.deployed(id, workload) })
		}
		hand.ask(id)
	}
	bare := b.nodeCosts(in)
	b.report(line{
		what:     fmt.Sprintf("%d standing stores of %s", len(ids), pack.Name),
		platform: cores(probed), bare: cores(bare), ratio: probed / bare,
		how: fmt.Sprintf("processor time of the whole node and the platform over %s without a visitor, cron jobs suspended, "+
			"against the same stores' pods without probes", b.sizes.quiet),
	}.atMost(1.5))
}

func cores(of float64) string { return fmt.Sprintf("%.0f m", of*1000) }

// calm suspends a store's cron jobs, and takes the probes away from its pods where it is told to.
func (h *byHand) calm(id store.ID, probes bool) {
	h.b.Helper()
	namespace := "/namespaces/" + id.Namespace() + "/"
	for path, change := range map[string]func(spec map[string]any){
		"/apis/batch/v1" + namespace + "cronjobs":    func(spec map[string]any) { spec["suspend"] = true },
		"/apis/apps/v1" + namespace + "deployments":  withoutProbes,
		"/apis/apps/v1" + namespace + "statefulsets": withoutProbes,
	} {
		if !probes && strings.HasPrefix(path, "/apis/apps") {
			continue
		}
		var list struct {
			Items []map[string]any `json:"items"`
		}
		h.b.read(h.kubernetes, path, &list)
		for _, item := range list.Items {
			spec := item["spec"].(map[string]any)
			change(spec)
			name := metadata(item)["name"].(string)
			status, err := h.kubernetes.Do(h.b.ctx, http.MethodPatch, path+"/"+name, map[string]any{"spec": spec}, nil)
			if err != nil || status != http.StatusOK {
				h.b.Fatalf("change %s: %d %w", name, status, err)
			}
		}
	}
}

func withoutProbes(spec map[string]any) {
	pod := spec["template"].(map[string]any)["spec"].(map[string]any)
	for _, container := range pod["containers"].([]any) {
		for _, probe := range []string{"startupProbe", "readinessProbe", "livenessProbe"} {
			// A patch leaves alone what it doesn't name.
			container.(map[string]any)[probe] = nil
		}
	}
}

// settle is how long what has just been made is left alone: a shop's first minute is no standing.
const settle = 45 * time.Second

// nodeCosts is how many cores the installation takes while nobody asks it anything.
func (b *bench) nodeCosts(in *installation) float64 {
	b.Helper()
	b.pause(settle)
	before, err := platform.ProcessorTime(in.process.Process.Pid)
	b.must("read what the node has used", err)
	began := time.Now()
	b.pause(b.sizes.quiet)
	after, err := platform.ProcessorTime(in.process.Process.Pid)
	b.must("read what the node has used", err)
	return (after - before).Seconds() / time.Since(began).Seconds()
}
