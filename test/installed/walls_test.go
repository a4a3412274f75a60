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

// component is the label by which the chart's pods are told.
const component = "app.kubernetes.io/component"

// ofTheChart selects all of them.
const ofTheChart = "app.kubernetes.io/name=store-platform"

// Two pods that nothing holds back: stranger is nobody's, in the platform's namespace, and autoscaler is where KEDA would be, in one of
// its own, which the values name.
const (
	stranger   = "stranger"
	autoscaler = "autoscaler"
)

// ways are who is let through to whom: all of it, so that the chart has no policy which could go, or let one more through, without
// another line here.
var ways = map[string][]string{
	"gateway":     {"names", "nats", "events"},
	"events":      {"names", "nats", "postgres"},
	"provisioner": {"names", "nats", "api", "store"},
	"janitor":     {"names", "nats", "api"},
	"nats":        {"names", "route"},
	"postgres":    {"names"},
	// Stores let the platform's namespace in, whoever is there.
	stranger:   {"names", "api", "gateway", "store"},
	autoscaler: {"names", "api", "gateway", "monitor"},
}

// meetsItsWalls holds that each component reaches whom ways says, and nobody else.
func (i *installation) meetsItsWalls(t *testing.T, s query.Store) {
	t.Helper()
	w := i.walls(t, s)
	w.stand(t)
	if !testing.Short() {
		i.missesEachWall(t, w)
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

// missesEachWall takes each policy away in turn: ways is no proof of one that nobody misses.
func (i *installation) missesEachWall(t *testing.T, w walls) {
	t.Helper()
	var list struct {
		Items []struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
			Spec any `json:"spec"`
		} `json:"items"`
	}
	policies := i.Path("/apis/networking.k8s.io/v1", "networkpolicies")
	if status, err := i.Do(t.Context(), http.MethodGet, policies, nil, &list); err != nil || status != http.StatusOK || len(list.Items) == 0 {
		t.Fatalf("list the policies: %d, %d %v", len(list.Items), status, err)
	}
	for _, policy := range list.Items {
		name := policy.Metadata.Name
		if status, err := i.Do(t.Context(), http.MethodDelete, policies+"/"+name, nil, nil); err != nil || status != http.StatusOK {
			t.Fatalf("take %s away: %d %v", name, status, err)
		}
		var before, missed []string
		waittest.Eventually(t, func() error {
			now := w.differences(t.Context())
			// One look alone may have met a connection that took its time.
			missed = slices.DeleteFunc(slices.Clone(now), func(difference string) bool { return !slices.Contains(before, difference) })
			if before = now; len(missed) == 0 {
				return fmt.Errorf("nobody misses %s", name)
			}
			return nil
		})
		t.Logf("without %s: %s", name, strings.Join(missed, "; "))
		i.make(t, policies, object{"metadata": object{"name": name}, "spec": policy.Spec})
		w.stand(t)
	}
}

// walls are pods and what they may try to reach.
type walls struct {
	// inside is a process of a pod of each component, targets the addresses by name; of a component's own pods another than that.
	inside  map[string]int
	targets map[string]string
}

// walls finds them, and has stranger and autoscaler move in.
func (i *installation) walls(t *testing.T, s query.Store) walls {
	t.Helper()
	i.letIn(t, i.Namespace, stranger)
	i.letIn(t, i.autoscalers(), autoscaler)
	w := walls{inside: map[string]int{}, targets: map[string]string{
		"names": i.serviceIP(t, "kube-system", "kube-dns") + ":53", "api": i.serviceIP(t, "default", "kubernetes") + ":443",
	}}
	ports := map[string]map[string]string{
		"gateway": {"gateway": "8080"}, "events": {"events": "8082"}, "provisioner": {"provisioner's ops": "9101"},
		"janitor": {"janitor's ops": "9102"}, "nats": {"nats": "4222", "route": "6222", "monitor": "8222"}, "postgres": {"postgres": "5432"},
	}
	for _, pod := range slices.Concat(i.Pods(t, i.Namespace, ""), i.Pods(t, i.autoscalers(), "")) {
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
	if len(w.inside) != len(ways) || len(w.targets) != 11 {
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

// letIn runs a pod that does nothing.
func (i *installation) letIn(t *testing.T, namespace, name string) {
	t.Helper()
	pod := object{
		"metadata": object{"name": name, "labels": object{component: name}},
		"spec": object{"terminationGracePeriodSeconds": 0, "containers": []object{{
			"name": name, "image": "docker.io/library/busybox:local", "imagePullPolicy": "Never", "command": []string{"sleep", "86400"},
		}}},
	}
	pods := "/api/v1/namespaces/" + namespace + "/pods"
	if status, err := i.Do(t.Context(), http.MethodPost, pods, pod, nil); err != nil || status != http.StatusCreated && status != http.StatusConflict {
		t.Fatalf("run %s: %d %v", name, status, err)
	}
	waittest.Eventually(t, func() error {
		var now platform.Pod
		if _, err := i.Do(t.Context(), http.MethodGet, pods+"/"+name, nil, &now); err != nil {
			return err
		}
		if now.Status.Phase != "Running" {
			return fmt.Errorf("%s is %s", name, now.Status.Phase)
		}
		return nil
	})
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
				open := reaches(ctx, pid, address)
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

func reaches(ctx context.Context, pid int, address string) bool {
	ctx, enough := context.WithTimeout(ctx, reachable)
	defer enough()
	conn, err := platform.DialIn(ctx, pid, "tcp", address)
	if err != nil {
		return false
	}
	defer func(conn net.Conn) { _ = conn.Close() }(conn)
	return true
}
