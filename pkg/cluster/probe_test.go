package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"github.com/store-platform/store-platform/pkg/engine"
)

const publicHost = "store-sabcdefghijk.localhost:8088"

func target() Target {
	return Target{
		Store: "sabcdefghijk", URL: "http://" + publicHost,
		Probe: engine.Probe{Service: "web", Port: 80, Path: "/health", Status: 200, JSON: engine.JSONObject, Fields: map[string]any{"ready": true}},
	}
}

// outside is a cluster that is seen from outside, through an ingress and an API server of the test.
func outside(t *testing.T, api, ingressAddr string) *Cluster {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	writeKubeconfig(t, path, api)
	c, err := Connect(Config{Kubeconfig: path, Installation: "test", IngressAddr: ingressAddr})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestProbeAsksThroughTheIngressUntilTheShopAnswers(t *testing.T) {
	var asked atomic.Int32
	ingress := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != publicHost || r.URL.Path != "/health" {
			t.Errorf("asked for %s at %s", r.URL.Path, r.Host)
		}
		switch asked.Add(1) {
		case 1:
			w.WriteHeader(http.StatusBadGateway)
		case 2:
			// An empty shop sends everybody to its installer, where the answer would be right.
			http.Redirect(w, r, "/health?installed", http.StatusFound)
		case 3:
			_, _ = io.WriteString(w, `{"ready":false}`)
		default:
			_, _ = io.WriteString(w, `{"ready":true}`)
		}
	}))
	defer ingress.Close()
	c := outside(t, "http://127.0.0.1:1", strings.TrimPrefix(ingress.URL, "http://"))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	via, err := c.Probe(ctx, target())
	if err != nil || via != ViaIngress || asked.Load() != 4 {
		t.Errorf("got %q, %v after %d requests", via, err, asked.Load())
	}
}

// The reason and the sentence are the pack's; what else the shop says goes nowhere.
func TestTheCheckTellsTheShopsOwnCause(t *testing.T) {
	answer := make(chan func(http.ResponseWriter), 1)
	ingress := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != publicHost || r.URL.Path != "/check" {
			t.Errorf("asked for %s at %s", r.URL.Path, r.Host)
		}
		(<-answer)(w)
	}))
	defer ingress.Close()
	c := outside(t, "http://127.0.0.1:1", strings.TrimPrefix(ingress.URL, "http://"))
	asked := target()
	asked.Check = &engine.Check{Service: "web", Port: 80, Path: "/check", Causes: []engine.Cause{{Reason: "DatabaseReadOnly", Message: "It keeps nothing."}}}
	say := func(status int, body string) {
		answer <- func(w http.ResponseWriter) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}

	say(http.StatusOK, `{"ok":true}`)
	if via, err := c.CheckOnce(t.Context(), asked); err != nil || via != ViaIngress {
		t.Errorf("it sells: %q, %v", via, err)
	}
	say(http.StatusServiceUnavailable, `{"ok":false,"cause":"DatabaseReadOnly","message":"Pay at evil.example"}`)
	_, err := c.CheckOnce(t.Context(), asked)
	var cause *engine.CauseError
	if e := Classify(err); !errors.As(err, &cause) || e.Reason != "DatabaseReadOnly" || e.Sentence != "It keeps nothing." || strings.Contains(e.Detail, "evil") {
		t.Errorf("it doesn't: %+v", e)
	}
	say(http.StatusNotFound, "no such page")
	if _, err = c.CheckOnce(t.Context(), asked); Classify(err).Reason != "NotAnswering" || errors.As(err, &cause) {
		t.Errorf("it isn't the shop: %v", err)
	}
}

func TestProbeTellsTheLastWrongAnswer(t *testing.T) {
	ingress := httptest.NewServer(http.NotFoundHandler())
	defer ingress.Close()
	c := outside(t, "http://127.0.0.1:1", strings.TrimPrefix(ingress.URL, "http://"))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := c.Probe(ctx, target())
	var e *Error
	var wrong *engine.ProbeError
	if !errors.As(err, &e) || e.Kind != Transient || e.Reason != "NotAnswering" || !errors.As(err, &wrong) {
		t.Errorf("got %v", err)
	}
	// Who was asked, and by what the answer is known.
	const words = `host/store-sabcdefghijk.localhost: probe by ingress: GET /health answered 404 instead of 200 (with Content-Type "text/plain; charset=utf-8")`
	if e.Detail != words {
		t.Errorf("it says %q, want %q", e.Detail, words)
	}
}

func TestProbeOfAStoreThatIsAwayIsNotAClusterThatIsAway(t *testing.T) {
	c := outside(t, "http://127.0.0.1:1", "127.0.0.1:1")
	_, err := c.ProbeOnce(t.Context(), target())
	if e := Classify(err); e.Kind != Transient || e.Reason != "NotAnswering" {
		t.Errorf("got %v", err)
	}
}

// Inside the cluster a store's Service may answer while no visitor gets to it.
func TestInsideTheClusterTheVisitorsRouteIsAskedToo(t *testing.T) {
	ready := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ready":true}`) })
	shop, dead := httptest.NewServer(ready), httptest.NewServer(http.NotFoundHandler())
	defer shop.Close()
	defer dead.Close()
	public := &url.URL{Scheme: "http", Host: publicHost}
	c := outside(t, "http://127.0.0.1:1", strings.TrimPrefix(shop.URL, "http://"))
	routes := c.routes(&link{inCluster: true}, target().Store, target().probe(), public)
	if len(routes) != 2 || routes[0].via != ViaService || routes[1].via != ViaIngress {
		t.Fatalf("it goes by %v", routes)
	}
	// Where the Service of a cluster would be.
	routes[0].dial = routes[1].dial
	via, err := askEach(t.Context(), routes, public, target().probe())
	if err != nil || via != "service+ingress" {
		t.Errorf("got %q, %v", via, err)
	}
	c.cfg.IngressAddr = strings.TrimPrefix(dead.URL, "http://")
	routes[1] = c.routes(&link{inCluster: true}, target().Store, target().probe(), public)[1]
	routes[0].dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(shop.URL, "http://"))
	}
	via, err = askEach(t.Context(), routes, public, target().probe())
	if e := Classify(err); e.Kind != Transient || e.Reason != ReasonRouteDead || via != ViaService || !strings.Contains(e.Detail, "ingress") {
		t.Errorf("with a dead route: %q, %v", via, err)
	}
	c.cfg.IngressAddr = ""
	if routes := c.routes(&link{inCluster: true}, target().Store, target().probe(), public); len(routes) != 1 || routes[0].via != ViaService {
		t.Errorf("without an address of the ingress it goes by %v", routes)
	}
}

func TestWhetherAnybodyAnswersForRoutes(t *testing.T) {
	ingress := httptest.NewServer(http.NotFoundHandler())
	c := outside(t, "http://127.0.0.1:1", strings.TrimPrefix(ingress.URL, "http://"))
	if err := c.IngressAnswers(t.Context()); err != nil {
		t.Errorf("one that answers: %v", err)
	}
	ingress.Close()
	if err := c.IngressAnswers(t.Context()); err == nil {
		t.Error("one that is gone answers")
	}
	c.cfg.IngressAddr = ""
	if err := c.IngressAnswers(t.Context()); err != nil {
		t.Errorf("where there is none: %v", err)
	}
}

func TestProbeRefusesAnAddressWithoutHost(t *testing.T) {
	c := outside(t, "http://127.0.0.1:1", "127.0.0.1:1")
	nowhere := target()
	nowhere.URL = "store"
	if _, err := c.Probe(t.Context(), nowhere); Classify(err).Kind != Permanent {
		t.Errorf("got %v", err)
	}
}

func TestProbeForwardsToAReadyPod(t *testing.T) {
	api := httptest.NewServer(forwardingAPI(t))
	defer api.Close()
	c := outside(t, api.URL, "")
	via, err := c.ProbeOnce(t.Context(), target())
	if err != nil || via != ViaPortForward {
		t.Errorf("got %q, %v", via, err)
	}
}

// forwardingAPI is as much of an API server as a port-forward over SPDY needs, with the shop behind it. It refuses
// WebSockets, as an old one would.
func forwardingAPI(t *testing.T) http.Handler {
	yes, no, port := true, false, int32(8080)
	endpoint := func(name string, ready *bool) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{Conditions: discoveryv1.EndpointConditions{Ready: ready}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: name}}
	}
	slices := discoveryv1.EndpointSliceList{
		TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSliceList"},
		Items: []discoveryv1.EndpointSlice{{
			Ports:     []discoveryv1.EndpointPort{{Port: &port}},
			Endpoints: []discoveryv1.Endpoint{endpoint("web-starting", &no), endpoint("web-ready", &yes)},
		}},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /apis/discovery.k8s.io/v1/namespaces/store-sabcdefghijk/endpointslices", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(slices)
	})
	mux.HandleFunc("POST /api/v1/namespaces/store-sabcdefghijk/pods/web-ready/portforward", func(w http.ResponseWriter, r *http.Request) {
		if _, err := httpstream.Handshake(r, w, []string{"portforward.k8s.io"}); err != nil {
			t.Errorf("handshake: %v", err)
		}
		streams := make(chan httpstream.Stream, 2)
		connection := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
			streams <- s
			return nil
		})
		if connection == nil {
			return
		}
		defer func() { _ = connection.Close() }()
		for {
			select {
			case s := <-streams:
				serveStream(t, s)
			case <-connection.CloseChan():
				return
			}
		}
	})
	return mux
}

// serveStream answers one request on the data stream; nothing is ever wrong on the other.
func serveStream(t *testing.T, s httpstream.Stream) {
	defer func() { _ = s.Close() }()
	if s.Headers().Get(corev1.StreamType) != corev1.StreamTypeData {
		return
	}
	if got := s.Headers().Get(corev1.PortHeader); got != "8080" {
		t.Errorf("forwarded to port %s", got)
	}
	req, err := http.ReadRequest(bufio.NewReader(s))
	if err != nil || req.Host != publicHost {
		t.Errorf("read forwarded request: %v, %v", req, err)
		return
	}
	_, _ = io.WriteString(s, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 14\r\n\r\n{\"ready\":true}")
}

func TestClusterThatIsNotThereYet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kubeconfig")
	c, err := Connect(Config{Kubeconfig: path, Installation: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if e := Classify(c.Reachable(t.Context())); e.Kind != Unreachable || !errors.Is(e, os.ErrNotExist) {
		t.Errorf("got %v", e)
	}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	defer api.Close()
	writeKubeconfig(t, path, api.URL)
	if err := c.Reachable(t.Context()); err != nil {
		t.Errorf("the kubeconfig has appeared, and: %v", err)
	}
}

func writeKubeconfig(t *testing.T, path, server string) {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: server}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test"}
	config.CurrentContext = "test"
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
}
