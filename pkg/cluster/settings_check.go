package cluster

import (
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// check finds here, where somebody reads it, what the API server would refuse of every store.
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
	names := map[string]bool{}
	for i, secret := range s.PullSecrets {
		at := field.NewPath("pullSecrets").Index(i)
		faults = append(faults, secret.check(at)...)
		if names[secret.Name] {
			faults = append(faults, field.Duplicate(at.Child("name"), secret.Name))
		}
		names[secret.Name] = true
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
	if p.Port != 0 {
		faults = append(faults, invalid(at.Child("port"), p.Port, validation.IsValidPortNum(p.Port)...)...)
	}
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
	if t.Value != "" && t.Operator == corev1.TolerationOpExists {
		faults = append(faults, field.Invalid(at.Child("value"), t.Value, "must be empty where the operator is Exists"))
	}
	faults = append(faults, invalid(at.Child("value"), t.Value, validation.IsValidLabelValue(t.Value)...)...)
	if t.TolerationSeconds != nil && t.Effect != corev1.TaintEffectNoExecute {
		faults = append(faults, field.Invalid(at.Child("effect"), t.Effect, "must be NoExecute where there are tolerationSeconds"))
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
	if i.TLS.Issuer != "" {
		faults = append(faults, invalid(at.Child("tls", "issuer"), i.TLS.Issuer, validation.IsDNS1123Subdomain(i.TLS.Issuer)...)...)
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
