package cluster

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// Settings are what an installation says of all its stores (STORES_SETTINGS). No engine's chart knows of them: they are put
// on what charts make, and into each store's isolation. The zero value is a cluster where nothing needs to be said.
type Settings struct {
	// StorageClass is that of the volumes of new stores; empty is the cluster's default. Volumes that are there keep theirs.
	StorageClass string `json:"storageClass,omitempty"`
	// DNS are who stores may ask for names; empty means the pods k8s-app=kube-dns in kube-system.
	DNS []DNSPeer `json:"dns,omitempty"`
	// Ingress is about the stores' routes.
	Ingress IngressSettings `json:"ingress,omitzero"`
	// Proxies are networks (203.0.113.0/24) that stores let in beside the ingress controller's namespace: those of a load
	// balancer that is no pod.
	Proxies []string `json:"proxies,omitempty"`
	// PullSecrets are registries' credentials that every store's pods may use.
	PullSecrets []PullSecret `json:"pullSecrets,omitempty"`
	// HeadRoom is what a store's quota has above its plan, for containers that the cluster injects.
	HeadRoom HeadRoom `json:"headRoom,omitzero"`
	// NodeSelector and Tolerations say on which nodes stores' pods run.
	NodeSelector map[string]string   `json:"nodeSelector,omitempty"`
	Tolerations  []corev1.Toleration `json:"tolerations,omitempty"`
}

// DNSPeer is pods, by the labels of their namespaces and their own, or a network, such as a node's own resolver.
type DNSPeer struct {
	Namespace map[string]string `json:"namespace,omitempty"`
	Pods      map[string]string `json:"pods,omitempty"`
	Network   string            `json:"network,omitempty"`
	// Port is the pods' own, which a Service may hide behind another one; zero is 53.
	Port int `json:"port,omitempty"`
}

// IngressSettings are what controllers are told on every store's route.
type IngressSettings struct {
	// Controller takes what is usual for one (ingress-nginx, traefik, alb); Annotations go over that.
	Controller  string            `json:"controller,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	TLS         TLSSettings       `json:"tls,omitzero"`
}

// TLSSettings say where the certificate of a store's route comes from: the controller has one for all names, or cert-manager
// makes one of each store, by a ClusterIssuer.
type TLSSettings struct {
	Controller bool   `json:"controller,omitempty"`
	Issuer     string `json:"issuer,omitempty"`
}

// PullSecret is the file of a registry's credentials, as `docker login` writes it (.dockerconfigjson of a Secret). Each
// store gets a Secret of that name: a file, and not a Secret's name, because the platform reads no Secrets but stores'.
type PullSecret struct {
	Name string `json:"name"`
	File string `json:"file"`

	content []byte
}

// HeadRoom is quantities, as in a plan.
type HeadRoom struct {
	CPU    string `json:"cpu,omitempty"`
	Memory string `json:"memory,omitempty"`
}

// ReadSettings reads a YAML file; an empty name is no settings. The error names the field.
func ReadSettings(name string) (Settings, error) {
	if name == "" {
		return Settings{}, nil
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return Settings{}, fmt.Errorf("read STORES_SETTINGS: %w", err)
	}
	settings, err := ParseSettings(content)
	if err == nil {
		err = settings.readPullSecrets()
	}
	if err != nil {
		return Settings{}, fmt.Errorf("STORES_SETTINGS %s: %w", name, err)
	}
	return settings, nil
}

// ParseSettings refuses what it doesn't know: a setting that is misspelt would be one that nobody notices.
func ParseSettings(content []byte) (Settings, error) {
	encoded, err := yaml.YAMLToJSONStrict(content)
	if err != nil {
		return Settings{}, err
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.DisallowUnknownFields()
	var settings Settings
	if err := decoder.Decode(&settings); err != nil && !errors.Is(err, io.EOF) {
		return Settings{}, err
	}
	return settings, settings.check().ToAggregate()
}

func (s Settings) readPullSecrets() error {
	for i := range s.PullSecrets {
		content, err := os.ReadFile(s.PullSecrets[i].File)
		if err != nil {
			return fmt.Errorf("pullSecrets[%d].file: %w", i, err)
		}
		var credentials struct {
			Auths map[string]json.RawMessage `json:"auths"`
		}
		if err := json.Unmarshal(content, &credentials); err != nil || len(credentials.Auths) == 0 {
			// Not err's words: they may hold some of the file.
			return fmt.Errorf("pullSecrets[%d].file: %s holds no registry's credentials as a Secret's .dockerconfigjson does", i, s.PullSecrets[i].File)
		}
		s.PullSecrets[i].content = content
	}
	return nil
}

// Digest tells one installation's settings from others, credentials included; of none it is empty.
func (s Settings) Digest() string {
	encoded, err := json.Marshal(s)
	if err != nil {
		panic(err) // of strings and maps of strings
	}
	if string(encoded) == "{}" {
		return ""
	}
	sum := sha256.New()
	sum.Write(encoded)
	for _, secret := range s.PullSecrets {
		sum.Write(secret.content)
	}
	return hex.EncodeToString(sum.Sum(nil)[:10])
}

// usual are the annotations that make a controller serve a store as a browser expects, by the controller; the second half
// where there is TLS. A body's size is the shop's to bound.
var usual = map[string]struct{ always, tls map[string]string }{
	"": {},
	"ingress-nginx": {
		always: map[string]string{"nginx.ingress.kubernetes.io/proxy-body-size": "0"},
		tls:    map[string]string{"nginx.ingress.kubernetes.io/force-ssl-redirect": "true"},
	},
	"traefik": {
		tls: map[string]string{"traefik.ingress.kubernetes.io/router.entrypoints": "websecure", "traefik.ingress.kubernetes.io/router.tls": "true"},
	},
	// One balancer for all stores: each Ingress would get its own, and an account has few. It has a hundred rules, of which a
	// store takes one to ten: who has more names groups by an annotation.
	"alb": {
		always: map[string]string{
			"alb.ingress.kubernetes.io/group.name": "stores", "alb.ingress.kubernetes.io/scheme": "internet-facing",
			"alb.ingress.kubernetes.io/target-type": "ip",
		},
		tls: map[string]string{
			"alb.ingress.kubernetes.io/listen-ports": `[{"HTTP":80},{"HTTPS":443}]`, "alb.ingress.kubernetes.io/ssl-redirect": "443",
		},
	},
}

// certificateName is the Secret that cert-manager puts a store's certificate into.
const certificateName = "store-tls"

// RouteAnnotations are those of every store's Ingress.
func (s Settings) RouteAnnotations() map[string]string {
	all := map[string]string{}
	take := func(more map[string]string) {
		for name, value := range more {
			all[name] = value
		}
	}
	take(usual[s.Ingress.Controller].always)
	if s.Ingress.TLS != (TLSSettings{}) {
		take(usual[s.Ingress.Controller].tls)
	}
	if issuer := s.Ingress.TLS.Issuer; issuer != "" {
		all["cert-manager.io/cluster-issuer"] = issuer
	}
	take(s.Ingress.Annotations)
	return all
}

// RouteTLS is what an Ingress says of TLS for its hosts; nil without.
func (s Settings) RouteTLS(hosts []string) []networkingv1.IngressTLS {
	switch {
	case s.Ingress.TLS.Issuer != "":
		return []networkingv1.IngressTLS{{Hosts: hosts, SecretName: certificateName}}
	case s.Ingress.TLS.Controller:
		return []networkingv1.IngressTLS{{Hosts: hosts}}
	}
	return nil
}

// pullReferences let the pods of a store's account pull with the credentials. An engine's chart needn't name them.
func (s Settings) pullReferences() []corev1.LocalObjectReference {
	var names []corev1.LocalObjectReference
	for _, secret := range s.PullSecrets {
		names = append(names, corev1.LocalObjectReference{Name: secret.Name})
	}
	return names
}

// askNames are the doors to whom stores may ask for names, a rule for each port.
func (s Settings) askNames() []networkingv1.NetworkPolicyEgressRule {
	asked := s.DNS
	if len(asked) == 0 {
		asked = []DNSPeer{{
			Namespace: map[string]string{corev1.LabelMetadataName: metav1.NamespaceSystem}, Pods: map[string]string{"k8s-app": "kube-dns"},
		}}
	}
	var rules []networkingv1.NetworkPolicyEgressRule
	at := map[int]int{}
	for _, peer := range asked {
		number := cmp.Or(peer.Port, 53)
		n, known := at[number]
		if !known {
			n = len(rules)
			at[number] = n
			rules = append(rules, networkingv1.NetworkPolicyEgressRule{
				Ports: []networkingv1.NetworkPolicyPort{port(corev1.ProtocolUDP, number), port(corev1.ProtocolTCP, number)},
			})
		}
		rules[n].To = append(rules[n].To, peer.selects())
	}
	return rules
}

func (p DNSPeer) selects() networkingv1.NetworkPolicyPeer {
	if p.Network != "" {
		return networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: p.Network}}
	}
	// Without labels of a namespace it is any: the policy's own would be the store's.
	return networkingv1.NetworkPolicyPeer{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: p.Namespace},
		PodSelector:       &metav1.LabelSelector{MatchLabels: p.Pods},
	}
}

// dnsPeers are whom stores may ask for names.
func (s Settings) dnsPeers() (peers []networkingv1.NetworkPolicyPeer) {
	for _, rule := range s.askNames() {
		peers = append(peers, rule.To...)
	}
	return peers
}
