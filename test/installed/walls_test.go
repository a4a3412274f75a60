package installed_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// ways are who is let through to whom: all of it, so that the chart has no policy which could go, or let one more through, without
// another line here.
var ways = map[string][]string{
	"gateway":     slices.Concat(names, traces, []string{"nats", "events"}),
	"events":      slices.Concat(names, traces, []string{"nats", "postgres"}),
	"provisioner": slices.Concat(names, traces, []string{"nats", "api", "outside", "store"}),
	"janitor":     slices.Concat(names, traces, []string{"nats", "api", "outside"}),
	"backup":      slices.Concat(names, traces, []string{"nats", "outside"}),
	"nats":        slices.Concat(names, []string{"route"}),
	"postgres":    names,
	// Stores let the platform's namespace in, whoever is there.
	stranger:   slices.Concat(anybody, []string{"store"}),
	controller: slices.Concat(anybody, []string{"gateway", "store"}),
	scraper:    slices.Concat(anybody, []string{"gateway", "events", "provisioner's ops", "janitor's ops"}),
	autoscaler: slices.Concat(anybody, []string{"monitor"}),
}

var (
	names = []string{"names", "names by UDP"}
	// traces are the collector's port that the values name, and the usual one.
	traces  = []string{"traces", "traces behind a Service"}
	anybody = slices.Concat(names, traces, []string{"api", "outside"})
)

// meetsItsWalls holds that each component reaches whom ways says, and nobody else.
func (i *installation) meetsItsWalls(t *testing.T, s query.Store) {
	t.Helper()
	i.standInForBackup(t)
	w := i.walls(t, s)
	w.stand(t)
	if !testing.Short() {
		i.missesEachPart(t, w)
	}
	// What counts the chart's pods is not to find it.
	if status, err := i.Do(t.Context(), http.MethodDelete, i.Path("/api/v1", "pods", "backup"), nil, nil); err != nil || status != http.StatusOK {
		t.Fatalf("remove what stood in for the backup's pod: %d %v", status, err)
	}
}

func (w walls) stand(t *testing.T) {
	t.Helper()
	waittest.Eventually(t, func() error {
		if differences := w.differences(t.Context()); len(differences) > 0 {
			return errors.New(strings.Join(differences, "; "))
		}
		return nil
	})
}

// walls are pods and what they may try to reach.
type walls struct {
	// inside is a process of a pod of each component, targets the addresses by name; of a component's own pods another than that.
	inside  map[string]int
	targets map[string]string
}

// walls finds them.
func (i *installation) walls(t *testing.T, s query.Store) walls {
	t.Helper()
	dns := i.serviceIP(t, "kube-system", "kube-dns") + ":53"
	w := walls{inside: map[string]int{}, targets: map[string]string{
		"names": dns, "names by UDP": dns, "api": i.serviceIP(t, "default", "kubernetes") + ":443",
		"outside": outside("443"), "traces": outside(tracesPort), "traces behind a Service": outside("4318"),
	}}
	ports := map[string]map[string]string{
		"gateway": {"gateway": "8080"}, "events": {"events": "8082"}, "provisioner": {"provisioner's ops": "9101"},
		"janitor": {"janitor's ops": "9102"}, "nats": {"nats": "4222", "route": "6222", "monitor": "8222"}, "postgres": {"postgres": "5432"},
	}
	pods := i.Pods(t, i.Namespace, "")
	for _, neighbour := range neighbours {
		pods = append(pods, i.Pods(t, i.namespaceOf(neighbour), "")...)
	}
	for _, pod := range pods {
		name := pod.Metadata.Labels[component]
		if _, wanted := ways[name]; !wanted || pod.Status.Phase != "Running" {
			continue
		}
		if w.inside[name] != 0 {
			for target, port := range ports[name] {
				w.targets[target] = pod.Status.IP + ":" + port
			}
			continue
		}
		w.inside[name] = process(t, pod)
		if name == "postgres" {
			w.targets[name] = pod.Status.IP + ":" + ports[name][name]
		}
	}
	for _, pod := range i.Pods(t, s.ID.Namespace(), "") {
		w.targets["store"] = pod.Status.IP + ":8080"
	}
	if len(w.inside) != len(ways) || len(w.targets) != 15 {
		t.Fatalf("there are pods of %v, and they have %v to reach", slices.Sorted(maps.Keys(w.inside)), w.targets)
	}
	return w
}

// process is one of a pod's.
func process(t *testing.T, pod platform.Pod) int {
	t.Helper()
	pids, err := platform.Processes(pod.Metadata.UID)
	if err != nil || len(pids) == 0 {
		t.Fatalf("find the processes of %s: %d, %v", pod.Metadata.Name, len(pids), err)
	}
	return pids[0]
}

func (i *installation) serviceIP(t *testing.T, namespace, name string) string {
	t.Helper()
	var service struct {
		Spec struct {
			ClusterIP string `json:"clusterIP"`
		} `json:"spec"`
	}
	if status, err := i.Do(t.Context(), http.MethodGet, "/api/v1/namespaces/"+namespace+"/services/"+name, nil, &service); err != nil || status != http.StatusOK {
		t.Fatalf("find the Service %s: %d %v", name, status, err)
	}
	return service.Spec.ClusterIP
}

// reachable bounds a connection to what is a process of the same machine.
const reachable = 2 * time.Second

// differences are the ways that are open and shouldn't be, and the other way round, as words.
func (w walls) differences(ctx context.Context) (all []string) {
	var trying sync.WaitGroup
	var mu sync.Mutex
	for from, pid := range w.inside {
		for to, address := range w.targets {
			// Some have one pod, which reaches itself; and what a policy lets in to its pods, kube-router also lets out of them.
			if from == to {
				continue
			}
			trying.Go(func() {
				open := reaches(ctx, pid, to, address)
				if want := slices.Contains(ways[from], to); open != want {
					mu.Lock()
					defer mu.Unlock()
					all = append(all, fmt.Sprintf("%s reaches %s: %t, and %t is wanted", from, to, open, want))
				}
			})
		}
	}
	trying.Wait()
	slices.Sort(all)
	return all
}

// reaches tells whether a connection comes about or, where there are none, an answer.
func reaches(ctx context.Context, pid int, to, address string) bool {
	ctx, enough := context.WithTimeout(ctx, reachable)
	defer enough()
	if to == "names by UDP" {
		asked := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return platform.DialIn(ctx, pid, "udp", address)
		}}
		_, err := asked.LookupHost(ctx, "kubernetes.default.svc.cluster.local.")
		return err == nil
	}
	conn, err := platform.DialIn(ctx, pid, "tcp", address)
	if err != nil {
		return false
	}
	defer func(conn net.Conn) { _ = conn.Close() }(conn)
	return true
}
