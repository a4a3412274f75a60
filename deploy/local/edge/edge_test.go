package edge

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const class = "local"

// born orders objects made by tests; the older of two ingresses wins.
var born = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func ingress(namespace, className string, age int, hosts map[string]string) *networking.Ingress {
	i := &networking.Ingress{ObjectMeta: meta.ObjectMeta{
		Namespace: namespace, Name: "store", CreationTimestamp: meta.NewTime(born.Add(time.Duration(-age) * time.Hour)),
	}}
	i.Spec.IngressClassName = &className
	prefix := networking.PathTypePrefix
	for host, path := range hosts {
		i.Spec.Rules = append(i.Spec.Rules, networking.IngressRule{Host: host, IngressRuleValue: networking.IngressRuleValue{
			HTTP: &networking.HTTPIngressRuleValue{Paths: []networking.HTTPIngressPath{{
				Path: path, PathType: &prefix,
				Backend: networking.IngressBackend{Service: &networking.IngressServiceBackend{
					Name: "store", Port: networking.ServiceBackendPort{Number: 80},
				}},
			}}},
		}})
	}
	return i
}

func service(namespace string) *core.Service {
	return &core.Service{
		ObjectMeta: meta.ObjectMeta{Namespace: namespace, Name: "store"},
		Spec:       core.ServiceSpec{Ports: []core.ServicePort{{Name: "http", Port: 80}}},
	}
}

// endpoints is a slice with one pod; ready nil means what the API says it means.
func endpoints(t *testing.T, namespace, address string, ready *bool) *discovery.EndpointSlice {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	name, port32 := "http", int32(number)
	return &discovery.EndpointSlice{
		ObjectMeta: meta.ObjectMeta{
			Namespace: namespace, Name: "store-" + port, Labels: map[string]string{discovery.LabelServiceName: "store"},
		},
		AddressType: discovery.AddressTypeIPv4,
		Ports:       []discovery.EndpointPort{{Name: &name, Port: &port32}},
		Endpoints:   []discovery.Endpoint{{Addresses: []string{host}, Conditions: discovery.EndpointConditions{Ready: ready}}},
	}
}

// shop is a pod: it answers its name, the host it was asked for and by whom.
func shop(t *testing.T, name string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Join([]string{name, r.Host, r.URL.Path, r.Header.Get("X-Forwarded-Host"), r.Header.Get("X-Forwarded-For")}, " "))
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// open starts a door and returns a function that asks it for a host and path.
func open(t *testing.T, table *Table) func(host, path string) (int, string) {
	t.Helper()
	door := NewDoor(slog.New(slog.DiscardHandler))
	if table != nil {
		door.Use(table)
	}
	server := httptest.NewServer(door)
	t.Cleanup(server.Close)
	return func(host, path string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
}

func TestARequestReachesTheStoreThatItsHostNames(t *testing.T) {
	a, b := shop(t, "a"), shop(t, "b")
	get := open(t, NewTable(class,
		[]*networking.Ingress{
			ingress("store-a", class, 0, map[string]string{"store-a.localhost": "/"}),
			ingress("store-b", class, 0, map[string]string{"store-b.localhost": "/"}),
			ingress("store-c", "traefik", 0, map[string]string{"store-c.localhost": "/"}),
		},
		[]*core.Service{service("store-a"), service("store-b"), service("store-c")},
		[]*discovery.EndpointSlice{endpoints(t, "store-a", a, nil), endpoints(t, "store-b", b, nil), endpoints(t, "store-c", b, nil)},
	))
	if status, body := get("store-a.localhost:8088", "/admin/orders"); status != 200 ||
		body != "a store-a.localhost:8088 /admin/orders store-a.localhost:8088 127.0.0.1" {
		t.Errorf("%d %s", status, body)
	}
	if status, body := get("STORE-B.localhost", "/"); status != 200 || !strings.HasPrefix(body, "b ") {
		t.Errorf("%d %s", status, body)
	}
	for _, host := range []string{"store-c.localhost", "store-x.localhost", "localhost"} {
		if status, body := get(host, "/"); status != 404 || !strings.Contains(body, "No store lives here") {
			t.Errorf("%s: %d %s", host, status, body)
		}
	}
}

func TestAStoreWithoutAReadyPodIsClosed(t *testing.T) {
	pod, no := shop(t, "a"), false
	get := open(t, NewTable(class,
		[]*networking.Ingress{ingress("store-a", class, 0, map[string]string{"store-a.localhost": "/"})},
		[]*core.Service{service("store-a")},
		[]*discovery.EndpointSlice{endpoints(t, "store-a", pod, &no)},
	))
	if status, body := get("store-a.localhost", "/"); status != 503 || !strings.Contains(body, "None of its pods is ready") {
		t.Errorf("%d %s", status, body)
	}
}

func TestAnIngressWithoutItsServiceIsClosed(t *testing.T) {
	get := open(t, NewTable(class, []*networking.Ingress{ingress("store-a", class, 0, map[string]string{"store-a.localhost": "/"})}, nil, nil))
	if status, _ := get("store-a.localhost", "/"); status != 503 {
		t.Errorf("status %d", status)
	}
}

func TestAPodThatIsGoneIsSaidSo(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pod := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	get := open(t, NewTable(class,
		[]*networking.Ingress{ingress("store-a", class, 0, map[string]string{"store-a.localhost": "/"})},
		[]*core.Service{service("store-a")},
		[]*discovery.EndpointSlice{endpoints(t, "store-a", pod, nil)},
	))
	if status, body := get("store-a.localhost", "/"); status != 502 || !strings.Contains(body, "doesn&#39;t answer") {
		t.Errorf("%d %s", status, body)
	}
}

func TestHealthIsKnowingTheRoutes(t *testing.T) {
	if status, _ := open(t, nil)("127.0.0.1", healthPath); status != 503 {
		t.Errorf("before the first table: status %d", status)
	}
	pod := shop(t, "a")
	get := open(t, NewTable(class,
		[]*networking.Ingress{ingress("store-a", class, 0, map[string]string{"store-a.localhost": "/"})},
		[]*core.Service{service("store-a")}, []*discovery.EndpointSlice{endpoints(t, "store-a", pod, nil)}))
	if status, body := get("127.0.0.1", healthPath); status != 200 || body != "ok\n" {
		t.Errorf("%d %s", status, body)
	}
	if _, body := get("store-a.localhost", healthPath); !strings.HasPrefix(body, "a ") {
		t.Errorf("a store's own health route answers %s", body)
	}
}

func TestTheOlderIngressKeepsItsHost(t *testing.T) {
	table := NewTable(class,
		[]*networking.Ingress{
			ingress("store-thief", class, 1, map[string]string{"store-a.localhost": "/"}),
			ingress("store-a", class, 2, map[string]string{"store-a.localhost": "/"}),
		},
		[]*core.Service{service("store-a"), service("store-thief")},
		[]*discovery.EndpointSlice{endpoints(t, "store-a", "10.0.0.1:1", nil), endpoints(t, "store-thief", "10.0.0.2:1", nil)},
	)
	for range 4 {
		if target, _ := table.Find("store-a.localhost", "/"); target == nil || target.Host != "10.0.0.1:1" {
			t.Fatalf("target %v", target)
		}
	}
}

func TestReadyPodsTakeTurnsAndLongPathsComeFirst(t *testing.T) {
	table := NewTable(class,
		[]*networking.Ingress{
			ingress("store-a", class, 2, map[string]string{"store-a.localhost": "/"}),
			ingress("store-b", class, 1, map[string]string{"store-a.localhost": "/api"}),
		},
		[]*core.Service{service("store-a"), service("store-b")},
		[]*discovery.EndpointSlice{
			endpoints(t, "store-a", "10.0.0.1:1", nil), endpoints(t, "store-a", "10.0.0.2:2", nil),
			endpoints(t, "store-b", "10.0.0.3:3", nil),
		},
	)
	seen := map[string]int{}
	for range 10 {
		target, _ := table.Find("store-a.localhost", "/apis")
		seen[target.Host]++
	}
	if seen["10.0.0.1:1"] != 5 || seen["10.0.0.2:2"] != 5 {
		t.Errorf("turns %v", seen)
	}
	for _, path := range []string{"/api", "/api/carts"} {
		if target, _ := table.Find("store-a.localhost", path); target == nil || target.Host != "10.0.0.3:3" {
			t.Errorf("%s leads to %v", path, target)
		}
	}
}
