package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/store"
)

// openTo are reasons of which an event of the cluster may say more: that something isn't so yet is all they know.
var openTo = map[string]bool{
	reasonNotReady: true, reasonNoPods: true, reasonCreating: true, reasonInitializing: true, reasonNodeGone: true,
}

// Reasons of events, in the words of who tells of them, that are a diagnosis by themselves.
const (
	eventFailedCreate = "FailedCreate"
	eventNodeNotReady = "NodeNotReady"
)

// explain adds to a diagnosis what only a live look tells. It has its own few seconds, because it is called when those
// of the wait are over; without an answer the diagnosis stands as it is.
func (o *Operation) explain(ctx context.Context, id store.ID, e *NotReadyError) *NotReadyError {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if e.Reason == reasonUnschedulable {
		return o.explainVolumes(ctx, id, e)
	}
	if o.explainNames(ctx, e) || o.explainLookups(ctx, id, e) {
		return e
	}
	if openTo[e.Reason] {
		o.explainEvents(ctx, id, e)
	}
	if e.Reason == reasonPodsRefused && o.overQuota(ctx, id, e.Workload) {
		e.Reason, e.Sentence = reasonQuotaExceeded, sentences[reasonQuotaExceeded]
	}
	return e
}

// explainEvents takes the words of the newest warning, about the pod where the diagnosis has one. A StatefulSet keeps nothing of a
// refusal but that; and a node that is gone is told of in each of its pods' names, sooner than a pod's state shows it.
func (o *Operation) explainEvents(ctx context.Context, id store.ID, e *NotReadyError) {
	var about []string
	if _, name, _ := strings.Cut(e.Object, "/"); e.Object != e.Workload {
		about = append(about, "involvedObject.name="+name)
	}
	last := o.lastEvent(ctx, id, "", append(about, "type="+corev1.EventTypeWarning)...)
	if last == nil {
		return
	}
	e.Object = workloadKey(last.InvolvedObject.Kind, last.InvolvedObject.Name)
	e.Detail = fmt.Sprintf("%s: %s: %s", e.Object, last.Reason, last.Message)
	switch {
	case last.Reason == eventNodeNotReady:
		e.Reason, e.Sentence = reasonNodeGone, sentences[reasonNodeGone]
	case last.Reason == eventFailedCreate && e.Reason == reasonNoPods:
		e.Reason, e.Sentence = reasonPodsRefused, sentences[reasonPodsRefused]
	}
}

// lastEvent is the newest event of those that the selectors leave, nil when there is none or nobody answers. of is the object's, where
// there may have been another of its name: events outlive what they are about.
func (o *Operation) lastEvent(ctx context.Context, id store.ID, of types.UID, selectors ...string) *corev1.Event {
	events, err := o.client.CoreV1().Events(id.Namespace()).List(ctx, metav1.ListOptions{FieldSelector: strings.Join(selectors, ","), Limit: 100})
	if err != nil {
		return nil
	}
	about := slices.DeleteFunc(events.Items, func(e corev1.Event) bool {
		return of != "" && e.InvolvedObject.UID != "" && e.InvolvedObject.UID != of
	})
	if len(about) == 0 {
		return nil
	}
	last := slices.MaxFunc(about, func(a, b corev1.Event) int { return eventTime(a).Compare(eventTime(b)) })
	return &last
}

// explainVolumes tells a cluster without room from one that can't make a volume, which the scheduler calls the same.
func (o *Operation) explainVolumes(ctx context.Context, id store.ID, e *NotReadyError) *NotReadyError {
	list, err := o.client.CoreV1().PersistentVolumeClaims(id.Namespace()).List(ctx, metav1.ListOptions{})
	if err != nil {
		return e
	}
	for _, claim := range list.Items {
		if claim.Status.Phase != corev1.ClaimPending {
			continue
		}
		if reason, words := o.unbound(ctx, id, claim); reason != "" {
			e.Object = workloadKey("persistentvolumeclaim", claim.Name)
			e.Reason, e.Sentence, e.Detail = reason, sentences[reason], e.Object+" "+words
			return e
		}
	}
	return e
}

// unbound is why a claim has no volume, and empty where it waits for its first pod.
func (o *Operation) unbound(ctx context.Context, id store.ID, claim corev1.PersistentVolumeClaim) (reason, words string) {
	about, said := "involvedObject.name="+claim.Name, ""
	warning := o.lastEvent(ctx, id, claim.UID, about, "type="+corev1.EventTypeWarning)
	last := warning
	if last == nil {
		last = o.lastEvent(ctx, id, claim.UID, about)
	}
	if last != nil {
		said = last.Reason + ": " + last.Message
	}
	class := claim.Spec.StorageClassName
	switch {
	case class == nil || *class == "":
		words = "has no storage class: set storageClass in STORES_SETTINGS, or make a class the cluster's default"
		if said != "" {
			words += " (" + said + ")"
		}
		return reasonNoClass, words
	case warning != nil:
		return reasonNoVolume, fmt.Sprintf("of class %s: %s", *class, said)
	case last != nil && last.Reason != "WaitForFirstConsumer" && last.Reason != "WaitForPodScheduled":
		return reasonNotBound, fmt.Sprintf("of class %s: %s", *class, said)
	}
	return "", ""
}

// eventTime is when it was said last: who tells of events leaves out one or the other.
func eventTime(e corev1.Event) time.Time {
	said := []time.Time{e.LastTimestamp.Time, e.EventTime.Time, e.CreationTimestamp.Time}
	if e.Series != nil {
		said = append(said, e.Series.LastObservedTime.Time)
	}
	return slices.MaxFunc(said, time.Time.Compare)
}
