package bench

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/platform"
	"github.com/store-platform/store-platform/test/internal/tool"
)

// createToReady holds the platform against an administrator who does the same by hand: namespace and guardrails, helm
// upgrade --install, the wait for the workloads and the probe, without a log, a lease or a step in between. Every engine
// has its lines; one that can't be measured doesn't keep the others from it.
func createToReady(b *bench) { b.eachEngine((*bench).readyOf) }

// eachEngine measures every engine on the installation that rows share.
func (b *bench) eachEngine(measure func(b *bench, in *installation, helm string, pack engine.Pack)) {
	b.Helper()
	helm, err := tool.Helm.Path(b.ctx, b.out)
	b.must("build helm", err)
	in := b.installed()
	packs, err := engine.Load(os.DirFS(b.engines()))
	b.must("load the packs", err)
	b.eachOf(packs, func(b *bench, pack engine.Pack) { measure(b, in, helm, pack) })
}

// eachOf has every engine measured by itself, and gives the one that can't be a line that says why: what WooCommerce is made of
// may be out of reach, and the others are measured all the same. Without any of them the row has failed.
func (b *bench) eachOf(packs []engine.Pack, measure func(*bench, engine.Pack)) {
	b.Helper()
	var failures []error
	for _, pack := range packs {
		part := b.measure(b.ctx, row{b.name, func(b *bench) { measure(b, pack) }})
		b.lines = append(b.lines, part.lines...)
		if err := part.failure(); err != nil {
			why, _, _ := strings.Cut(err.Error(), "\n")
			b.report(line{what: b.name + " of " + pack.Name, platform: "not measured", ratio: math.NaN(), how: why})
			b.Logf("%s wasn't measured: %v", pack.Name, err)
			failures = append(failures, fmt.Errorf("%s: %w", pack.Name, err))
		}
	}
	if len(failures) == len(packs) {
		b.Fatalf("no engine could be measured: %w", errors.Join(failures...))
	}
}

// engines is the folder of the packs.
func (l *lab) engines() string { return filepath.Join(l.repo, "services", "provisioner", "engines") }

func (b *bench) readyOf(in *installation, helm string, pack engine.Pack) {
	first := b.makeFirst(in, pack)
	hand := b.newByHand(helm, in, pack, first)
	b.reportSize(in, pack, first)
	in.Delete(b, first.ID)
	runs := b.sizes.readyRuns
	if len(pack.Workloads) > 1 {
		runs = b.sizes.slowRuns
	}
	var ours, plain []time.Duration
	steps := map[string][]time.Duration{}
	for n := range runs {
		b.Logf("%s, run %d of %d", pack.Name, n+1, runs)
		// The order changes, so that neither always follows the other's removal.
		if n%2 == 0 {
			ours, plain = append(ours, b.createOne(in, pack, steps)), append(plain, hand.create())
		} else {
			plain, ours = append(plain, hand.create()), append(ours, b.createOne(in, pack, steps))
		}
	}
	platform, bare := median(ours), median(plain)
	b.report(line{
		what:     "create → Ready of a store of " + pack.Name,
		platform: seconds(platform), bare: seconds(bare), ratio: platform.Seconds() / bare.Seconds(),
		how: fmt.Sprintf("medians of %d by turns (%s–%s and %s–%s): POST to the feed's ready event, against namespace, guardrails, secret, helm upgrade --install of the same chart, values and images, wait for the workloads (asked every %s), probe through the ingress; steps: %s",
			runs, seconds(quantile(ours, 0)), seconds(quantile(ours, 1)), seconds(quantile(plain, 0)), seconds(quantile(plain, 1)), poll, stepTimes(steps)),
	}.atMost(1.1))
}

// notBuiltPatience is how long is waited behind the news that an engine's images couldn't be built. The platform tries again for
// ever, which is right for what it could build before; here the other engines wait.
const notBuiltPatience = 3 * time.Minute

// makeFirst makes the store that is copied and weighed. It isn't timed: it may wait for its images to be built. One that can't
// be made is taken away again, because what tries for ever in the cluster is measured with the others.
func (b *bench) makeFirst(in *installation, pack engine.Pack) query.Store {
	b.Helper()
	b.Logf("a first store of %s, whose images may have to be built", pack.Name)
	s := in.CreateOf(b, pack.Name, "Amber Harbour")
	path, made := "/stores/"+string(s.ID), false
	b.Cleanup(func() {
		if made {
			return
		}
		if status, err := in.Call(b.ctx, http.MethodDelete, path, nil, nil); err != nil {
			b.Logf("delete the store that couldn't be made: %d %v", status, err)
		}
	})
	var notBuilt time.Time
	b.await("wait for a store of "+pack.Name, in.process, upPatience, func() error {
		var now query.Store
		if _, err := in.Call(b.ctx, http.MethodGet, path, nil, &now); err != nil {
			return err
		}
		without := now.Reason == "ImagesNotBuilt"
		if without && notBuilt.IsZero() {
			notBuilt = time.Now()
		}
		s, made = now, now.Status == store.Ready
		switch {
		case made:
			return nil
		case now.Status == store.Failed, without && time.Since(notBuilt) > notBuiltPatience:
			b.Fatalf("its first store can't be made: %s: %s %s", now.Reason, now.Message, now.Detail)
		}
		return fmt.Errorf("it is %s: %s %s", now.Status, now.Message, now.Detail)
	})
	return s
}

// createOne times one store and its steps, and removes it. Its connection to the feed is its own: one that nobody reads
// from while a store is made by hand is closed as silent.
func (b *bench) createOne(in *installation, pack engine.Pack, steps map[string][]time.Duration) time.Duration {
	b.Helper()
	feed, err := in.Dial(b.ctx, "", "")
	b.must("connect to the feed", err)
	defer feed.Close()
	began := time.Now()
	s := in.CreateOf(b, pack.Name, "Amber Harbour")
	b.awaitEvent(feed, s.ID, store.BecameReady)
	took := time.Since(began)
	history, err := in.History(b.ctx, s.ID)
	b.must("read the history", err)
	b.addSteps(history, steps)
	in.Delete(b, s.ID)
	b.awaitEvent(feed, s.ID, store.BecameDeleted)
	return took
}

// addSteps measures each step from the message before it, whatever that was.
func (b *bench) addSteps(history []query.Event, steps map[string][]time.Duration) {
	slices.SortFunc(history, func(a, b query.Event) int { return a.Time.Compare(b.Time) })
	var since time.Time
	for _, e := range history {
		switch e.Type {
		case store.CreateCommand, store.AttemptStarted:
			since = e.Time
		case store.StepCompleted:
			steps[e.Facts.Step] = append(steps[e.Facts.Step], e.Time.Sub(since))
			since = e.Time
		}
	}
}

// stepTimes are the steps' medians, the longest first.
func stepTimes(steps map[string][]time.Duration) string {
	type step struct {
		name string
		took time.Duration
	}
	var all []step
	for name, times := range steps {
		all = append(all, step{name, median(times)})
	}
	slices.SortFunc(all, func(a, b step) int { return int(b.took - a.took) })
	var words []string
	for _, s := range all {
		words = append(words, s.name+" "+seconds(s.took))
	}
	return strings.Join(words, ", ")
}

// footprint is what a store's pods ask for and what they hold.
type footprint struct {
	Items []struct {
		Metadata struct {
			UID string `json:"uid"`
		} `json:"metadata"`
		Status struct {
			Phase string `json:"phase"`
		} `json:"status"`
		Spec struct {
			Containers []struct {
				Resources struct {
					Requests struct {
						Memory string `json:"memory"`
					} `json:"requests"`
				} `json:"resources"`
			} `json:"containers"`
		} `json:"spec"`
	} `json:"items"`
}

// reportSize says what a store that has just become Ready takes of the node's memory, against what it asks for.
func (b *bench) reportSize(in *installation, pack engine.Pack, s query.Store) {
	b.Helper()
	kubernetes := in.Kubernetes(b)
	var pods footprint
	b.read(kubernetes, "/api/v1/namespaces/"+s.ID.Namespace()+"/pods", &pods)
	var requested, resident int64
	for _, pod := range pods.Items {
		if pod.Status.Phase != "Running" {
			continue
		}
		for _, container := range pod.Spec.Containers {
			bytes, err := quantity(container.Resources.Requests.Memory)
			b.must("read what a pod asks for", err)
			requested += bytes
		}
		processes, err := platform.Processes(pod.Metadata.UID)
		b.must("find a pod's processes", err)
		for _, pid := range processes {
			bytes, err := platform.Resident(pid)
			b.must("weigh a pod", err)
			resident += bytes
		}
	}
	if requested == 0 || resident == 0 {
		b.Errorf("the pods of %s ask for %d bytes and hold %d", pack.Name, requested, resident)
		return
	}
	b.report(line{
		what: "memory of a store of " + pack.Name, platform: mebibytes(resident), bare: mebibytes(requested),
		ratio: float64(resident) / float64(requested),
		how: fmt.Sprintf("what the processes of its %d pods hold (PSS) just after Ready, against what they request; images: %s",
			len(pods.Items), b.imageSizes(kubernetes, pack)),
	})
}

// quantity reads bytes as Kubernetes writes them, as far as charts of memory go.
func quantity(text string) (int64, error) {
	var n int64
	var unit string
	if _, err := fmt.Sscanf(text+" ", "%d%s", &n, &unit); err != nil && n == 0 {
		return 0, fmt.Errorf("%q is no size: %w", text, err)
	}
	shift, known := map[string]int{"": 0, "Ki": 10, "Mi": 20, "Gi": 30}[unit]
	if !known {
		return 0, fmt.Errorf("%q is no size in powers of two", text)
	}
	return n << shift, nil
}

func mebibytes(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }

// imageSizes are what the node says of the pack's images.
func (b *bench) imageSizes(kubernetes *platform.Kubernetes, pack engine.Pack) string {
	b.Helper()
	var nodes struct {
		Items []struct {
			Status struct {
				Images []struct {
					Names []string `json:"names"`
					Size  int64    `json:"sizeBytes"`
				} `json:"images"`
			} `json:"status"`
		} `json:"items"`
	}
	b.read(kubernetes, "/api/v1/nodes", &nodes)
	sizes := map[string]string{}
	for _, node := range nodes.Items {
		for _, image := range node.Status.Images {
			for name, ref := range pack.Images {
				if slices.ContainsFunc(image.Names, func(n string) bool { return strings.HasSuffix(n, ref) }) {
					sizes[name] = mebibytes(image.Size)
				}
			}
		}
	}
	var words []string
	for name := range pack.Images {
		size := sizes[name]
		if size == "" {
			size = "not among those that the node tells of"
		}
		words = append(words, name+" "+size)
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}
