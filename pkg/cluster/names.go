package cluster

import (
	"context"
	"fmt"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// mayWantNames are what becomes of programs that can't look up a name: they end, or wait for others in silence.
var mayWantNames = map[string]bool{
	reasonCrashLoop: true, reasonNotReady: true, reasonNoProgress: true, reasonInitializing: true,
}

// explainNames tells programs that find nobody by name from those that are broken, and says whether it has: where none of
// those whom a store may ask is there, whatever else is wrong with it comes second. Networks can't be looked at, and the
// doubt is theirs.
func (o *Operation) explainNames(ctx context.Context, e *NotReadyError) bool {
	if !mayWantNames[e.Reason] {
		return false
	}
	var asked []string
	for _, peer := range o.cluster.cfg.Settings.dnsPeers() {
		if peer.IPBlock != nil {
			return false
		}
		if there, err := o.answers(ctx, peer); err != nil || there {
			return false
		}
		asked = append(asked, fmt.Sprintf("%s in a namespace %s", labels.Set(peer.PodSelector.MatchLabels), labels.Set(peer.NamespaceSelector.MatchLabels)))
	}
	words := "there is no pod " + strings.Join(asked, ", or ") + " to ask for names: set dns in STORES_SETTINGS"
	if e.Detail != "" {
		words += "; " + e.Detail
	}
	e.Object, e.Reason, e.Sentence, e.Detail = e.Workload, reasonDNSElsewhere, sentences[reasonDNSElsewhere], words
	return true
}

// answers says whether a policy that lets the peer be asked reaches anybody. One on its node's own network isn't reached
// by labels.
func (o *Operation) answers(ctx context.Context, peer networkingv1.NetworkPolicyPeer) (bool, error) {
	within := []string{metav1.NamespaceAll}
	if of := labels.Set(peer.NamespaceSelector.MatchLabels); len(of) > 0 {
		list, err := o.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: of.String()})
		if err != nil {
			return false, err
		}
		within = nil
		for _, namespace := range list.Items {
			within = append(within, namespace.Name)
		}
	}
	for _, namespace := range within {
		pods, err := o.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{
			LabelSelector: labels.Set(peer.PodSelector.MatchLabels).String(), FieldSelector: "spec.hostNetwork=false", Limit: 1,
		})
		if err != nil || len(pods.Items) > 0 {
			return err == nil, err
		}
	}
	return false, nil
}
