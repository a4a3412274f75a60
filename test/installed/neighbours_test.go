package installed_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// component is the label by which the chart's pods are told.
const component = "app.kubernetes.io/component"

// ofTheChart selects all of them.
const ofTheChart = "app.kubernetes.io/name=store-platform"

// Pods that nothing holds back. The stranger is nobody's, in the platform's namespace; the others are who the values name, each in a
// namespace of its own: where the ingress controller would be, Prometheus, and KEDA.
const (
	stranger   = "stranger"
	controller = "controller"
	scraper    = "scraper"
	autoscaler = "autoscaler"
)

var neighbours = []string{controller, scraper, autoscaler}

// namespaceOf is a neighbour's.
func (i *installation) namespaceOf(neighbour string) string { return i.Namespace + "-" + neighbour }

// amongNeighbours are values that name each of them, and say where traces and backups go. Neighbours and stranger move in, and go with
// the test.
func (i *installation) amongNeighbours(t *testing.T) object {
	t.Helper()
	const namespaces = "/api/v1/namespaces"
	peers := map[string][]object{}
	for _, neighbour := range neighbours {
		namespace := i.namespaceOf(neighbour)
		i.make(t, namespaces, object{"metadata": object{"name": namespace}})
		t.Cleanup(func() {
			status, err := i.Do(context.WithoutCancel(t.Context()), http.MethodDelete, namespaces+"/"+namespace, nil, nil)
			if err != nil || status >= 300 {
				t.Errorf("remove %s: %d %v", namespace, status, err)
			}
		})
		i.letIn(t, namespace, neighbour, object{component: neighbour})
		peers[neighbour] = []object{{"namespaceSelector": object{"matchLabels": object{"kubernetes.io/metadata.name": namespace}}}}
	}
	shown := []object{{"name": "OTEL_EXPORTER_OTLP_HEADERS", "value": "authorization=Bearer%20" + platform.TracesToken}}
	return object{
		"ingress":         object{"namespace": i.namespaceOf(controller)},
		"networkPolicies": object{"metricsFrom": peers[scraper], "monitorFrom": peers[autoscaler]},
		"otlpEndpoint":    "http://" + outside(tracesPort),
		"pods":            object{"extraEnv": shown},
		// A night that never comes: what this is about is whom the job's pod would reach.
		"backup": object{"url": "s3://" + bucket, "keysSecret": "backup-keys", "schedule": "0 0 31 2 *"},
	}
}

// letIn runs a pod that does nothing.
func (i *installation) letIn(t *testing.T, namespace, name string, labels object) {
	t.Helper()
	i.make(t, "/api/v1/namespaces/"+namespace+"/pods", object{
		"metadata": object{"name": name, "labels": labels},
		"spec": object{"terminationGracePeriodSeconds": 0, "containers": []object{{
			"name": name, "image": "docker.io/library/busybox:local", "imagePullPolicy": "Never", "command": []string{"sleep", "86400"},
		}}},
	})
}

// standInForBackup runs a pod that the policies take for one of the nightly job's, and waits until the neighbours run, too.
func (i *installation) standInForBackup(t *testing.T) {
	t.Helper()
	var nightly struct {
		Spec struct {
			Job struct {
				Spec struct {
					Template struct {
						Metadata struct {
							Labels object `json:"labels"`
						} `json:"metadata"`
					} `json:"template"`
				} `json:"spec"`
			} `json:"jobTemplate"`
		} `json:"spec"`
	}
	if status, err := i.Do(t.Context(), http.MethodGet, i.Path("/apis/batch/v1", "cronjobs", "store-platform-backup"), nil, &nightly); err != nil || status != http.StatusOK {
		t.Fatalf("read the nightly job: %d %v", status, err)
	}
	i.letIn(t, i.Namespace, "backup", nightly.Spec.Job.Spec.Template.Metadata.Labels)
	i.letIn(t, i.Namespace, stranger, object{component: stranger})
	waits := func(namespace, name string) {
		waittest.Eventually(t, func() error {
			var now platform.Pod
			_, err := i.Do(t.Context(), http.MethodGet, "/api/v1/namespaces/"+namespace+"/pods/"+name, nil, &now)
			if err == nil && now.Status.Phase != "Running" {
				err = fmt.Errorf("%s is %q", name, now.Status.Phase)
			}
			return err
		})
	}
	waits(i.Namespace, "backup")
	waits(i.Namespace, stranger)
	for _, neighbour := range neighbours {
		waits(i.namespaceOf(neighbour), neighbour)
	}
}

// tracesPort is the collector's, which isn't the usual one.
const tracesPort = "4319"

// outside is an address that is in no cluster, as far as policies go.
func outside(port string) string { return net.JoinHostPort(platform.NodeAddress, port) }

// heardOutside are the addresses that traces came from with what is shown to the collector.
type heardOutside struct {
	mu   sync.Mutex
	from map[string]bool
}

// serveOutside answers everything, at the ports that the platform goes out by.
func (i *installation) serveOutside(t *testing.T) *heardOutside {
	t.Helper()
	h := &heardOutside{from: map[string]bool{}}
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		h.mu.Lock()
		defer h.mu.Unlock()
		if r.URL.Path == "/v1/traces" && r.Header.Get("Authorization") == "Bearer "+platform.TracesToken {
			h.from[host] = true
		}
	})}
	t.Cleanup(func() { _ = server.Close() })
	node := i.Release.Node(t)
	for _, port := range []string{"443", "4318", tracesPort} {
		listener := node.Listen(t, port)
		go func() { _ = server.Serve(listener) }()
	}
	return h
}

// isTraced holds that a pod of each service has sent its traces where the values say.
func (i *installation) isTraced(t *testing.T, h *heardOutside) {
	t.Helper()
	waittest.Eventually(t, func() error {
		silent := map[string]bool{"gateway": true, "events": true, "provisioner": true, "janitor": true}
		pods := i.Pods(t, i.Namespace, ofTheChart)
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, pod := range pods {
			if h.from[pod.Status.IP] {
				delete(silent, pod.Metadata.Labels[component])
			}
		}
		if len(silent) > 0 {
			return fmt.Errorf("no traces come from any pod of %v", silent)
		}
		return nil
	})
}
