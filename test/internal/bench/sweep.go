package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const (
	sweptInstallation = "bench"
	// liveStores are those that a sweep has to look at.
	liveStores = 100
	sweepRuns  = 9
	// sweepReaders are as many as a sweep's.
	sweepReaders = 16
)

// removed is what happens to a store that is gone, behind its create.
var removed = []store.Message{{Type: store.BecameReady}, {Type: store.DeleteCommand}, {Type: store.BecameDeleted}}

// sweepAmongGone holds a sweep of a hundred live stores among many that are gone against reading the last message of the
// hundred, which no sweep does without.
func sweepAmongGone(b *bench) {
	s := b.newBus()
	s.run(whileLoading)
	b.must("make the log", storelog.Ensure(b.ctx, s.connect("gateway"), storelog.Settings{Replicas: 1, Installation: sweptInstallation}))
	log, gone := s.log(), b.sizes.manyStores
	for n := range liveStores {
		b.must("load a live store", history(b.ctx, log, tenantOf(log, gone+n), gone+n, oneStore))
	}
	live, _, err := log.Stores(b.ctx, store.DefaultCluster)
	b.must("list the live stores", err)
	b.Logf("loading %d stores that are gone", gone)
	s.load(log, gone, removed...)
	head, err := log.Head(b.ctx)
	b.must("read the head of the log", err)
	s.run(whileMeasuring)

	address := b.newPostgres()
	conn := b.dialPostgres(address)
	b.Logf("projecting %d messages", head)
	b.checkpoint(b.start("events", s.service("events", "LISTEN="+b.freeAddress(), "DATABASE_URL="+address)), conn, head)
	sweeps := s.sweeps(live)

	reads := make([]time.Duration, sweepRuns)
	for n := range reads {
		began := time.Now()
		b.must("read the live stores", readLast(b.ctx, log, live))
		reads[n] = time.Since(began)
	}
	swept, bare := median(sweeps), median(reads)
	b.report(line{
		what:     fmt.Sprintf("sweep of %d live stores among %d that are gone", liveStores, gone),
		platform: seconds(swept), bare: seconds(bare), ratio: swept.Seconds() / bare.Seconds(),
		how: fmt.Sprintf("medians of %d (%s–%s and %s–%s): from the sweep's beginning to its report, against reading the last message of the live ones, %d at once; the cluster is a list of their namespaces",
			sweepRuns, seconds(quantile(sweeps, 0)), seconds(quantile(sweeps, 1)), seconds(quantile(reads, 0)), seconds(quantile(reads, 1)), sweepReaders),
	})
}

func readLast(ctx context.Context, log *storelog.Log, ids []store.ID) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sweepReaders)
	for _, id := range ids {
		group.Go(func() error { _, err := log.Last(ctx, id); return err })
	}
	return group.Wait()
}

// sweeps has a janitor sweep, and answers how long each took once there was nothing left to mend: from when the report says
// that it began to when the broker got the report.
func (s *bus) sweeps(live []store.ID) []time.Duration {
	b := s.b
	b.Helper()
	kubeconfig := b.namespacesOnly(live)
	log, err := storelog.Open(b.ctx, s.connect("gateway"))
	b.must("open the log", err)
	bucket, err := log.Bucket(b.ctx, storelog.BucketPlatform)
	b.must("open the reports", err)
	janitor := b.start("janitor", s.service("janitor", "KUBECONFIG="+kubeconfig, "INSTALLATION="+sweptInstallation, "SWEEP_EVERY=1s"))
	var took []time.Duration
	var last time.Time
	b.await("sweep", janitor, startPatience, func() error {
		entry, err := bucket.Get(b.ctx, "sweep")
		if err != nil {
			return err
		}
		var report platform.Sweep
		if err := json.Unmarshal(entry.Value(), &report); err != nil || report.At.Equal(last) {
			return errors.Join(err, errors.New("it sweeps"))
		}
		last = report.At
		if report.Alarm != nil || len(report.Findings) > 0 || report.Stores != len(live) {
			return fmt.Errorf("the report is %s", entry.Value())
		}
		if took = append(took, entry.Created().Sub(report.At)); len(took) < sweepRuns {
			return errors.New("it sweeps")
		}
		return nil
	})
	return took
}

// namespacesOnly is a cluster that has the stores' namespaces and nothing else: what a sweep reads of a log doesn't depend on
// what pods there are. It answers the kubeconfig that leads there.
func (b *bench) namespacesOnly(stores []store.ID) string {
	b.Helper()
	items := make([]map[string]any, len(stores))
	for n, id := range stores {
		items[n] = map[string]any{"metadata": map[string]any{
			"name": id.Namespace(), "uid": string(id), "labels": map[string]string{"store-platform.io/store": string(id)},
		}}
	}
	list, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "NamespaceList", "metadata": map[string]string{"resourceVersion": "1"}, "items": items})
	b.must("encode the namespaces", err)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/readyz":
			_, _ = w.Write([]byte("ok"))
		case strings.HasSuffix(r.URL.Path, "/namespaces") && r.URL.Query().Get("watch") == "":
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(list)
		default:
			http.NotFound(w, r)
		}
	}))
	b.Cleanup(api.Close)
	path := filepath.Join(b.work, "sweep-kubeconfig")
	b.must("write the kubeconfig", writeFile(path, fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"bench",
"clusters":[{"name":"bench","cluster":{"server":%q}}],"contexts":[{"name":"bench","context":{"cluster":"bench"}}]}`, api.URL)))
	return path
}
