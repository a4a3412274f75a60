package edge

import (
	"cmp"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	networking "k8s.io/api/networking/v1"
)

// Table says where a request goes. It is made as a whole from what the cluster holds and
// never changed, so that requests read it without a lock.
type Table struct {
	hosts map[string][]route
}

// route is one path of a host, longest first within its host.
type route struct {
	path    string
	exact   bool
	backend *backend
}

// backend is a port of a Service: the pods behind it that are ready.
type backend struct {
	urls []*url.URL
	next atomic.Uint64
}

// serviceKey names a port of a Service, by the name that endpoint slices know it by.
type serviceKey struct{ namespace, service, port string }

// NewTable routes the hosts of those ingresses that have class. When two claim a host and
// path, the older one keeps it.
func NewTable(class string, ingresses []*networking.Ingress, services []*core.Service, slicesOf []*discovery.EndpointSlice) *Table {
	t := &Table{hosts: map[string][]route{}}
	backends := newBackends(services, slicesOf)
	ingresses = slices.SortedFunc(slices.Values(ingresses), func(a, b *networking.Ingress) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name))
	})
	for _, ingress := range ingresses {
		if ingress.Spec.IngressClassName == nil || *ingress.Spec.IngressClassName != class {
			continue
		}
		for _, rule := range ingress.Spec.Rules {
			if rule.Host == "" || rule.HTTP == nil {
				continue
			}
			for _, path := range rule.HTTP.Paths {
				t.add(rule.Host, path, backends.find(ingress.Namespace, path.Backend.Service))
			}
		}
	}
	for _, routes := range t.hosts {
		slices.SortStableFunc(routes, func(a, b route) int { return cmp.Compare(len(b.path), len(a.path)) })
	}
	return t
}

func (t *Table) add(host string, path networking.HTTPIngressPath, to *backend) {
	host = strings.ToLower(host)
	r := route{path: cmp.Or(path.Path, "/"), backend: to}
	r.exact = path.PathType != nil && *path.PathType == networking.PathTypeExact
	for _, other := range t.hosts[host] {
		if other.path == r.path && other.exact == r.exact {
			return
		}
	}
	t.hosts[host] = append(t.hosts[host], r)
}

// Known tells whether any ingress claims the host of a request. A port in it counts for
// nothing.
func (t *Table) Known(host string) bool { return len(t.hosts[bare(host)]) > 0 }

// Find answers where a request for host and path goes: known is false when no ingress
// claims them, and target is nil when the Service has no ready endpoint. Ready endpoints
// take turns.
func (t *Table) Find(host, path string) (target *url.URL, known bool) {
	for _, r := range t.hosts[bare(host)] {
		if !r.matches(path) {
			continue
		}
		if n := uint64(len(r.backend.urls)); n > 0 {
			return r.backend.urls[r.backend.next.Add(1)%n], true
		}
		return nil, true
	}
	return nil, false
}

// matches compares whole elements of a path: "/shop" leads to "/shop/1", not to "/shopping".
func (r route) matches(path string) bool {
	if r.exact {
		return path == r.path
	}
	rest, found := strings.CutPrefix(path, strings.TrimSuffix(r.path, "/"))
	return found && (rest == "" || rest[0] == '/')
}

func bare(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// backends are all ports of all Services.
type backends struct {
	ports map[string]map[string]string // namespace/service → port number or name → name in its slices
	ready map[serviceKey]*backend
}

func newBackends(services []*core.Service, slicesOf []*discovery.EndpointSlice) *backends {
	b := &backends{ports: map[string]map[string]string{}, ready: map[serviceKey]*backend{}}
	for _, service := range services {
		names := map[string]string{}
		for _, port := range service.Spec.Ports {
			names[strconv.Itoa(int(port.Port))] = port.Name
			if port.Name != "" {
				names[port.Name] = port.Name
			}
		}
		b.ports[service.Namespace+"/"+service.Name] = names
	}
	for _, slice := range slicesOf {
		b.addSlice(slice)
	}
	for _, backend := range b.ready {
		slices.SortFunc(backend.urls, func(a, b *url.URL) int { return cmp.Compare(a.Host, b.Host) })
		backend.urls = slices.CompactFunc(backend.urls, func(a, b *url.URL) bool { return a.Host == b.Host })
	}
	return b
}

func (b *backends) addSlice(slice *discovery.EndpointSlice) {
	if slice.AddressType == discovery.AddressTypeFQDN {
		return
	}
	for _, port := range slice.Ports {
		if port.Port == nil {
			continue
		}
		key := serviceKey{namespace: slice.Namespace, service: slice.Labels[discovery.LabelServiceName]}
		if port.Name != nil {
			key.port = *port.Name
		}
		to := b.at(key)
		for _, endpoint := range slice.Endpoints {
			// Absent means ready, says the API.
			if endpoint.Conditions.Ready != nil && !*endpoint.Conditions.Ready {
				continue
			}
			for _, address := range endpoint.Addresses {
				to.urls = append(to.urls, &url.URL{Scheme: "http", Host: net.JoinHostPort(address, strconv.Itoa(int(*port.Port)))})
			}
		}
	}
}

// find is the backend that an ingress in namespace names. One that doesn't exist has no
// endpoints.
func (b *backends) find(namespace string, named *networking.IngressServiceBackend) *backend {
	if named == nil {
		return &backend{}
	}
	port := cmp.Or(named.Port.Name, strconv.Itoa(int(named.Port.Number)))
	name, ok := b.ports[namespace+"/"+named.Name][port]
	if !ok {
		return &backend{}
	}
	return b.at(serviceKey{namespace: namespace, service: named.Name, port: name})
}

func (b *backends) at(key serviceKey) *backend {
	found := b.ready[key]
	if found == nil {
		found = &backend{}
		b.ready[key] = found
	}
	return found
}
