package cluster

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/store-platform/store-platform/pkg/engine"
)

// planLimits are a plan's sizes, parsed.
type planLimits struct {
	cpu, memory, storage resource.Quantity
	// room is what the installation gives above the plan.
	room corev1.ResourceList
}

func newPlanLimits(plan engine.Plan) (limits planLimits, err error) {
	if limits.cpu, err = resource.ParseQuantity(plan.CPU); err != nil {
		return planLimits{}, err
	}
	if limits.memory, err = resource.ParseQuantity(plan.Memory); err != nil {
		return planLimits{}, err
	}
	limits.storage, err = resource.ParseQuantity(plan.Storage)
	return limits, err
}

// limits are a plan's, with the head room that the installation gives each store.
func (s Settings) limits(plan engine.Plan) (planLimits, error) {
	limits, err := newPlanLimits(plan)
	if err != nil {
		return planLimits{}, err
	}
	return limits.with(s.HeadRoom)
}

func (l planLimits) with(room HeadRoom) (planLimits, error) {
	l.room = corev1.ResourceList{}
	for name, text := range map[corev1.ResourceName]string{corev1.ResourceCPU: room.CPU, corev1.ResourceMemory: room.Memory} {
		q, err := quantity(text)
		if err != nil {
			return planLimits{}, err
		}
		l.room[name] = q
	}
	return l, nil
}

// above is what the quota grants of one resource.
func (l planLimits) above(plan resource.Quantity, name corev1.ResourceName) resource.Quantity {
	sum := plan.DeepCopy()
	if room := l.room[name]; !room.IsZero() {
		sum.Add(room)
	}
	return sum
}

// quota bounds the whole store. The counts keep a broken chart from filling etcd; a store has no business with ports
// of nodes or balancers of the cloud.
func (l planLimits) quota() corev1.ResourceQuotaSpec {
	cpu, memory := l.above(l.cpu, corev1.ResourceCPU), l.above(l.memory, corev1.ResourceMemory)
	return corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{
		corev1.ResourceRequestsCPU:            cpu,
		corev1.ResourceLimitsCPU:              cpu,
		corev1.ResourceRequestsMemory:         memory,
		corev1.ResourceLimitsMemory:           memory,
		corev1.ResourceRequestsStorage:        l.storage,
		corev1.ResourcePods:                   resource.MustParse("20"),
		corev1.ResourceServices:               resource.MustParse("10"),
		corev1.ResourceSecrets:                resource.MustParse("20"),
		corev1.ResourceConfigMaps:             resource.MustParse("20"),
		corev1.ResourcePersistentVolumeClaims: resource.MustParse("5"),
		corev1.ResourceServicesNodePorts:      resource.MustParse("0"),
		corev1.ResourceServicesLoadBalancers:  resource.MustParse("0"),
	}}
}

// pageRoom is what the page of a suspended store may take, beside the plan.
var pageRoom = corev1.ResourceList{
	corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("32Mi"),
}

// withPage makes room for the page in a plan's quota. Storage is the plan's in any case.
func withPage(hard corev1.ResourceList) {
	for name, room := range pageRoom {
		for _, bound := range []corev1.ResourceName{"requests." + name, "limits." + name} {
			sum := hard[bound]
			sum.Add(room)
			hard[bound] = sum
		}
	}
}

// limitRange gives a container that says nothing an eighth of the plan, and a quarter at most: with a quota, a pod
// without sizes would be refused.
func (l planLimits) limitRange() corev1.LimitRangeSpec {
	return corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
		Type:           corev1.LimitTypeContainer,
		Default:        l.part(4),
		DefaultRequest: l.part(8),
		Max:            corev1.ResourceList{corev1.ResourceCPU: l.cpu, corev1.ResourceMemory: l.memory},
	}}}
}

func (l planLimits) part(n int64) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewMilliQuantity(l.cpu.MilliValue()/n, resource.DecimalSI),
		corev1.ResourceMemory: *resource.NewQuantity(l.memory.Value()/n, resource.BinarySI),
	}
}

var (
	bothWays  = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	inOnly    = bothWays[:1]
	outOnly   = bothWays[1:]
	everybody = metav1.LabelSelector{}
)

// networkPolicies are the policies of a store by name. They add up, so the first one denies and each other one opens a
// door.
func networkPolicies(ingressNamespace, platformNamespace string, settings Settings) map[string]networkingv1.NetworkPolicySpec {
	return map[string]networkingv1.NetworkPolicySpec{
		"deny-by-default": {PolicyTypes: bothWays},
		"allow-inside": {
			PolicyTypes: bothWays,
			Ingress:     []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{PodSelector: &everybody}}}},
			Egress:      []networkingv1.NetworkPolicyEgressRule{{To: []networkingv1.NetworkPolicyPeer{{PodSelector: &everybody}}}},
		},
		"allow-dns": {
			PolicyTypes: outOnly,
			Egress:      settings.askNames(),
		},
		// Always there, if need be without a rule: what was opened once has to close again.
		"allow-ingress": {PolicyTypes: inOnly, Ingress: doorsFor(settings.Proxies, ingressNamespace, platformNamespace)},
	}
}

// doorsFor makes no rule for no namespace: a rule that names nobody would let everybody in.
func doorsFor(networks []string, namespaces ...string) []networkingv1.NetworkPolicyIngressRule {
	var peers []networkingv1.NetworkPolicyPeer
	for _, network := range networks {
		peers = append(peers, networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: network}})
	}
	for _, namespace := range namespaces {
		if namespace != "" {
			peers = append(peers, networkingv1.NetworkPolicyPeer{NamespaceSelector: named(namespace)})
		}
	}
	if len(peers) == 0 {
		return nil
	}
	return []networkingv1.NetworkPolicyIngressRule{{From: peers}}
}

func named(namespace string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}}
}

func port(protocol corev1.Protocol, number int) networkingv1.NetworkPolicyPort {
	value := intstr.FromInt(number)
	return networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: &value}
}
