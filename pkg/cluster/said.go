package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/store-platform/store-platform/pkg/engine"
)

// firstRendering is that of the releases which said nothing of it. It is never another: the stores of an installation where nothing
// has changed are as they were made then.
const firstRendering = "d287a6b96c0dc5c5baf2"

// Said tells what the installation says of its stores, and how this release closes each off, from what others do. What a store was
// made with is held against it, and it is asked for a refresh where that differs: a policy that is rendered differently is nobody's
// change by hand. Where nothing is said it is empty, as it was before these were among it.
func (c Config) Said() string {
	rendered, err := rendering()
	if err != nil {
		panic(err) // of constants
	}
	return said(c.Settings.Digest(), c.IngressNamespace, rendered)
}

func said(settings, ingressNamespace, rendered string) string {
	if ingressNamespace == "" && rendered == firstRendering {
		return settings
	}
	return digestOf(fmt.Appendf(nil, "%s %q %s", settings, ingressNamespace, rendered))
}

// rendering is a digest of the isolation that this release makes of a plan, with all that can be said of it and with nothing.
func rendering() (string, error) {
	type isolation struct {
		Quota, Suspended corev1.ResourceQuotaSpec
		Limits           corev1.LimitRangeSpec
		Policies         map[string]networkingv1.NetworkPolicySpec
	}
	var all []isolation
	for _, settings := range []Settings{{}, {
		DNS:      []DNSPeer{{Namespace: map[string]string{"a": "b"}, Pods: map[string]string{"c": "d"}, Port: 54}, {Network: "192.0.2.1/32"}},
		Proxies:  []string{"203.0.113.0/24"},
		HeadRoom: HeadRoom{CPU: "1", Memory: "1Gi"},
	}} {
		limits, err := settings.limits(engine.Plan{CPU: "1", Memory: "1Gi", Storage: "1Gi"})
		if err != nil {
			return "", err
		}
		suspended := limits.quota()
		withPage(suspended.Hard)
		all = append(all, isolation{limits.quota(), suspended, limits.limitRange(), networkPolicies("ingress", "platform", settings)})
	}
	encoded, err := json.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("encode the isolation: %w", err)
	}
	return digestOf(encoded), nil
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:10])
}
