package cluster

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
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

func (s Settings) check() field.ErrorList {
	var faults field.ErrorList
	if s.StorageClass != "" {
		faults = append(faults, invalid(field.NewPath("storageClass"), s.StorageClass, validation.IsDNS1123Subdomain(s.StorageClass)...)...)
	}
	for i, peer := range s.DNS {
		faults = append(faults, peer.check(field.NewPath("dns").Index(i))...)
	}
	for i, proxy := range s.Proxies {
		faults = append(faults, invalid(field.NewPath("proxies").Index(i), proxy, network(proxy)...)...)
	}
	faults = append(faults, s.Ingress.check(field.NewPath("ingress"))...)
	for i, secret := range s.PullSecrets {
		faults = append(faults, secret.check(field.NewPath("pullSecrets").Index(i))...)
	}
	for name, value := range map[string]string{"cpu": s.HeadRoom.CPU, "memory": s.HeadRoom.Memory} {
		if q, err := quantity(value); err != nil || q.Sign() < 0 {
			faults = append(faults, field.Invalid(field.NewPath("headRoom", name), value, "must be a quantity like 250m or 1Gi"))
		}
	}
	faults = append(faults, metav1validation.ValidateLabels(s.NodeSelector, field.NewPath("nodeSelector"))...)
	for i, toleration := range s.Tolerations {
		faults = append(faults, checkToleration(toleration, field.NewPath("tolerations").Index(i))...)
	}
	return faults
}

func invalid(at *field.Path, value any, words ...string) (faults field.ErrorList) {
	for _, word := range words {
		faults = append(faults, field.Invalid(at, value, word))
	}
	return faults
}

func (p DNSPeer) check(at *field.Path) field.ErrorList {
	faults := metav1validation.ValidateLabels(p.Namespace, at.Child("namespace"))
	faults = append(faults, metav1validation.ValidateLabels(p.Pods, at.Child("pods"))...)
	switch pods := len(p.Namespace)+len(p.Pods) > 0; {
	case pods == (p.Network != ""):
		return append(faults, field.Invalid(at, p, "must be the labels of pods and their namespace, or a network"))
	case !pods:
		return append(faults, invalid(at.Child("network"), p.Network, network(p.Network)...)...)
	}
	return faults
}

func (p PullSecret) check(at *field.Path) field.ErrorList {
	faults := invalid(at.Child("name"), p.Name, validation.IsDNS1123Subdomain(p.Name)...)
	if p.Name == SecretName || p.Name == certificateName || strings.HasPrefix(p.Name, "sh.helm.") {
		faults = append(faults, field.Invalid(at.Child("name"), p.Name, "is the name of another Secret of every store"))
	}
	if p.File == "" {
		faults = append(faults, field.Required(at.Child("file"), "the registry's credentials"))
	}
	return faults
}

var (
	operators = []corev1.TolerationOperator{"", corev1.TolerationOpExists, corev1.TolerationOpEqual}
	effects   = []corev1.TaintEffect{"", corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute}
)

func checkToleration(t corev1.Toleration, at *field.Path) (faults field.ErrorList) {
	if t.Key != "" {
		faults = append(faults, invalid(at.Child("key"), t.Key, validation.IsQualifiedName(t.Key)...)...)
	}
	if !slices.Contains(operators, t.Operator) {
		faults = append(faults, field.NotSupported(at.Child("operator"), t.Operator, operators[1:]))
	}
	if t.Key == "" && t.Operator != corev1.TolerationOpExists {
		faults = append(faults, field.Invalid(at.Child("operator"), t.Operator, "must be Exists where there is no key"))
	}
	if !slices.Contains(effects, t.Effect) {
		faults = append(faults, field.NotSupported(at.Child("effect"), t.Effect, effects[1:]))
	}
	return faults
}

func (i IngressSettings) check(at *field.Path) field.ErrorList {
	var faults field.ErrorList
	if _, known := usual[i.Controller]; !known {
		faults = append(faults, field.NotSupported(at.Child("controller"), i.Controller, []string{"ingress-nginx", "traefik", "alb"}))
	}
	for name := range i.Annotations {
		faults = append(faults, invalid(at.Child("annotations"), name, validation.IsQualifiedName(strings.ToLower(name))...)...)
	}
	if i.TLS.Controller && i.TLS.Issuer != "" {
		faults = append(faults, field.Invalid(at.Child("tls"), i.TLS.Issuer, "must be the controller's or an issuer's, not both"))
	}
	return faults
}

func network(text string) []string {
	if _, err := netip.ParsePrefix(text); err != nil {
		return []string{"must be a network like 203.0.113.0/24"}
	}
	return nil
}

func quantity(text string) (resource.Quantity, error) {
	if text == "" {
		return resource.Quantity{}, nil
	}
	return resource.ParseQuantity(text)
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

// Digest tells one installation's settings from others, credentials included; of none it is empty. What a store was made
// with is held against it, and it is asked for a refresh where that differs.
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
	// One balancer for all stores: each Ingress would get its own, and an account has few.
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

// dnsPeers are whom stores may ask for names.
func (s Settings) dnsPeers() []networkingv1.NetworkPolicyPeer {
	if len(s.DNS) == 0 {
		return []networkingv1.NetworkPolicyPeer{{
			NamespaceSelector: named(metav1.NamespaceSystem),
			PodSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{"k8s-app": "kube-dns"}},
		}}
	}
	var peers []networkingv1.NetworkPolicyPeer
	for _, peer := range s.DNS {
		if peer.Network != "" {
			peers = append(peers, networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: peer.Network}})
			continue
		}
		// Without labels of a namespace it is any: the policy's own would be the store's.
		peers = append(peers, networkingv1.NetworkPolicyPeer{
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: peer.Namespace},
			PodSelector:       &metav1.LabelSelector{MatchLabels: peer.Pods},
		})
	}
	return peers
}
