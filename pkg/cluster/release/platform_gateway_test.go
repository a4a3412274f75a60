package release_test

import (
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// routed is a gateway behind a Gateway.
func routed(trusted []any) map[string]any {
	return map[string]any{"trustProxy": trusted, "httpRoute": map[string]any{
		"enabled": true, "namespace": "gateways", "annotations": map[string]any{"route": "ours"},
		"parentRefs": []any{map[string]any{"name": "public", "namespace": "gateways", "sectionName": "https"}},
	}}
}

// A route by Gateway API leads from the Gateway to the gateway, and its pods are let in; no API server here knows the kind.
func TestPlatformChartRoutesByGatewayAPI(t *testing.T) {
	values := production()
	values["gateway"] = routed([]any{"10.244.0.0/16"})
	objects := rendered(t, values)
	route := one(t, objects, "HTTPRoute", "store-platform-gateway")
	if route.GetAPIVersion() != "gateway.networking.k8s.io/v1" || route.GetAnnotations()["route"] != "ours" {
		t.Errorf("the route is %v", route.Object)
	}
	wantSpec(t, route, `
parentRefs: [{name: public, namespace: gateways, sectionName: https}]
hostnames: [stores.example.org]
rules: [{backendRefs: [{name: store-platform-gateway, port: 80}]}]`)
	for _, object := range objects {
		if object.GetKind() == "Ingress" {
			t.Error("there is an Ingress, too")
		}
	}
	rules, _, _ := unstructured.NestedSlice(one(t, objects, "NetworkPolicy", "store-platform-gateway").Object, "spec", "ingress")
	want := as(t, `
ingress:
  - ports: [{port: http}]
    from:
      - {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress}}}
      - {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: gateways}}}`)["ingress"]
	if !reflect.DeepEqual(any(rules), want) {
		t.Errorf("let in are %v, want %v", rules, want)
	}
	set(values, "ingress.namespace", "")
	rules, _, _ = unstructured.NestedSlice(one(t, rendered(t, values), "NetworkPolicy", "store-platform-gateway").Object, "spec", "ingress")
	if from := rules[0].(map[string]any)["from"]; !reflect.DeepEqual(from, want.([]any)[0].(map[string]any)["from"].([]any)[1:]) {
		t.Errorf("without an Ingress's controller let in are %v", from)
	}
}

// The certificate is in the Secret that is named, or cert-manager's issuer writes one.
func TestPlatformChartRoutesByTLS(t *testing.T) {
	for name, c := range map[string]struct {
		ingress     map[string]any
		secret      string
		annotations map[string]string
	}{
		"none":     {map[string]any{}, "", nil},
		"a Secret": {map[string]any{"tlsSecret": "ours"}, "ours", nil},
		"cert-manager": {
			map[string]any{"issuer": "public", "annotations": map[string]any{"a": "b"}}, "store-platform-gateway-tls",
			map[string]string{"cert-manager.io/cluster-issuer": "public", "a": "b"},
		},
		"both": {
			map[string]any{"issuer": "public", "tlsSecret": "ours"}, "ours", map[string]string{"cert-manager.io/cluster-issuer": "public"},
		},
		"an issuer of the namespace's": {
			map[string]any{"tlsSecret": "ours", "annotations": map[string]any{"cert-manager.io/issuer": "here"}}, "ours",
			map[string]string{"cert-manager.io/issuer": "here"},
		},
	} {
		values := production()
		c.ingress["enabled"] = true
		set(values, "gateway.ingress", c.ingress)
		ingress := one(t, rendered(t, values), "Ingress", "store-platform-gateway")
		var secret string
		tls, _, _ := unstructured.NestedSlice(ingress.Object, "spec", "tls")
		for _, entry := range tls {
			secret, _ = entry.(map[string]any)["secretName"].(string)
			if hosts := entry.(map[string]any)["hosts"]; !reflect.DeepEqual(hosts, []any{"stores.example.org"}) {
				t.Errorf("%s: for %v", name, hosts)
			}
		}
		if secret != c.secret || !reflect.DeepEqual(ingress.GetAnnotations(), c.annotations) {
			t.Errorf("%s: %q and %v", name, secret, ingress.GetAnnotations())
		}
	}
}
