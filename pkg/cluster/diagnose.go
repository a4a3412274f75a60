package cluster

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
)

// NotReadyError says which workload isn't up. It comes inside an *Error of the same reason, sentence and detail.
type NotReadyError struct {
	// Workload is like "deployment/web".
	Workload string
	// Reason is the cluster's own where it has one (ImagePullBackOff, CrashLoopBackOff, Unschedulable, …).
	Reason, Sentence, Detail string
}

func (e *NotReadyError) Error() string {
	return fmt.Sprintf("%s isn't ready: %s: %s", e.Workload, e.Reason, e.Detail)
}

// crashesToGiveUp is how often a container may end before its crash loop counts as one. A shop that starts before its
// database ends once or twice.
const crashesToGiveUp = 3

// Reasons that no waiting ends within an attempt, as the kubelet calls them. The next attempt looks again.
var definitive = map[string]bool{
	"ImagePullBackOff":           true,
	"InvalidImageName":           true,
	"ErrImageNeverPull":          true,
	"ImageInspectError":          true,
	"CreateContainerConfigError": true,
	"CreateContainerError":       true,
	"RunContainerError":          true,
}

const (
	reasonCrashLoop     = "CrashLoopBackOff"
	reasonUnschedulable = corev1.PodReasonUnschedulable
	reasonPodsRefused   = "PodsRefused"
	reasonQuotaExceeded = "QuotaExceeded"
	reasonNoClass       = "NoStorageClass"
	reasonNoVolume      = "VolumeNotMade"
	reasonNoProgress    = "ProgressDeadlineExceeded"
	reasonNotReady      = "PodsNotReady"
	reasonNoPods        = "NoPodsYet"
	reasonEnding        = "PodsNotEnded"
	reasonInitializing  = "PodInitializing"
	reasonCreating      = "ContainerCreating"
	reasonDNSElsewhere  = "DNSElsewhere"
)

var sentences = map[string]string{
	"ImagePullBackOff":  "A program of the store can't be fetched from its registry.",
	"ErrImagePull":      "A program of the store can't be fetched from its registry.",
	"InvalidImageName":  "The name of one of the store's programs is wrong.",
	"ErrImageNeverPull": "A program of the store isn't on the cluster's machines.",
	reasonCrashLoop:     "A program of the store ends again and again.",
	reasonUnschedulable: "The cluster has no room for the store at the moment.",
	reasonNoClass:       "The cluster doesn't know what to keep the store's data on: it has no default storage class, and the platform names none.",
	reasonNoVolume:      "The cluster can't make the store's volume.",
	reasonPodsRefused:   "The cluster doesn't let the store's programs start.",
	reasonQuotaExceeded: "The store needs more than its plan allows.",
	reasonNotReady:      "A program of the store runs, but doesn't work yet.",
	reasonNoPods:        "The cluster hasn't begun to start the store's programs.",
	reasonEnding:        "A program of the store hasn't ended yet.",
	reasonDNSElsewhere:  "The store's programs don't find each other: nobody is there whom the platform lets them ask for names.",
}

// What a registry refuses has a reason of its own in the kubelet's words alone.
var (
	pulls         = map[string]bool{"ImagePullBackOff": true, "ErrImagePull": true}
	asksForSignIn = regexp.MustCompile(`(?i)\b(401|403)\b|unauthorized|forbidden|authentication required|access denied|no basic auth credentials`)
)

const (
	signInSentence = "The registry of the store's programs asks for credentials, and those of the platform are missing or not the right ones."
	signInWords    = " (a registry's credentials are pullSecrets in STORES_SETTINGS)"
)

func notReady(r rollout, reason, detail string) *NotReadyError {
	sentence, ok := sentences[reason]
	if !ok {
		sentence = "A program of the store doesn't come up."
	}
	if pulls[reason] && asksForSignIn.MatchString(detail) {
		sentence, detail = signInSentence, detail+signInWords
	}
	return &NotReadyError{Workload: r.key(), Reason: reason, Sentence: sentence, Detail: detail}
}

func (e *NotReadyError) classified() *Error {
	return &Error{Kind: Transient, Reason: e.Reason, Sentence: e.Sentence, Detail: e.Detail, Err: e}
}

// hopeless is what keeps a container from running for longer than an attempt waits, or nil.
func hopeless(r rollout, pods []*corev1.Pod) *NotReadyError {
	for _, status := range containers(podsOf(r, pods)) {
		waiting := status.State.Waiting
		if waiting == nil {
			continue
		}
		if definitive[waiting.Reason] || waiting.Reason == reasonCrashLoop && status.RestartCount >= crashesToGiveUp {
			return notReady(r, waiting.Reason, containerWords(status))
		}
	}
	return nil
}

// failed is the pack's word for an init container that has ended as it never would otherwise, or nil.
func failed(r rollout, pods []*corev1.Pod, failures []engine.Failure) *Error {
	for _, pod := range podsOf(r, pods) {
		for _, status := range pod.Status.InitContainerStatuses {
			for _, failure := range failures {
				if failure.Container == status.Name && endedWith(status, failure.ExitCode) {
					e := &NotReadyError{
						Workload: r.key(), Reason: failure.Reason, Sentence: failure.Message,
						Detail: fmt.Sprintf("init container %s ended with %d", status.Name, failure.ExitCode),
					}
					classified := e.classified()
					classified.Kind = Permanent
					return classified
				}
			}
		}
	}
	return nil
}

// endedWith: the kubelet starts such a container again, so its end may be the last one or the one before.
func endedWith(status corev1.ContainerStatus, code int32) bool {
	for _, state := range []corev1.ContainerState{status.State, status.LastTerminationState} {
		if state.Terminated != nil && state.Terminated.ExitCode == code {
			return true
		}
	}
	return false
}

// phraseOf is what the workload's pods are at, in the pack's words: the init container that runs, or that all have run.
// It is empty where the pack has no words for it, and before a pod of the newest template has begun.
func phraseOf(r rollout, pods []*corev1.Pod, listed []engine.Workload) string {
	i := slices.IndexFunc(listed, func(w engine.Workload) bool { return w.Kind == r.kind && w.Name == r.name })
	current := podsOf(r, pods)
	if i < 0 || len(current) == 0 {
		return ""
	}
	for _, pod := range current {
		if len(listed[i].Phases) > 0 && len(pod.Status.InitContainerStatuses) == 0 {
			return ""
		}
		for _, status := range pod.Status.InitContainerStatuses {
			if status.State.Terminated == nil || status.State.Terminated.ExitCode != 0 {
				return listed[i].Phases[status.Name]
			}
		}
	}
	return listed[i].Progress
}

// diagnose is the best reason there is for a rollout that didn't make it in time.
func diagnose(r rollout, pods []*corev1.Pod) *NotReadyError {
	if r.want == 0 {
		return notReady(r, reasonEnding, strings.Join(r.ending(pods), ", "))
	}
	if e := hopeless(r, pods); e != nil {
		return e
	}
	if r.refused != "" {
		return notReady(r, reasonPodsRefused, r.refused)
	}
	current := podsOf(r, pods)
	for _, pod := range current {
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
				return notReady(r, reasonUnschedulable, condition.Message)
			}
		}
	}
	for _, status := range containers(current) {
		if waiting := status.State.Waiting; waiting != nil {
			return notReady(r, waiting.Reason, containerWords(status))
		}
	}
	if len(current) == 0 {
		return notReady(r, reasonNoPods, "")
	}
	// Only here: the controller says so for good, also while the pods of a later attempt come up.
	if r.expired != "" {
		return notReady(r, reasonNoProgress, r.expired)
	}
	return notReady(r, reasonNotReady, fmt.Sprintf("%d of %d pods are available", r.available, r.want))
}

func containers(pods []*corev1.Pod) []corev1.ContainerStatus {
	var all []corev1.ContainerStatus
	for _, pod := range pods {
		all = append(all, pod.Status.InitContainerStatuses...)
		all = append(all, pod.Status.ContainerStatuses...)
	}
	return all
}

func containerWords(status corev1.ContainerStatus) string {
	words := "container " + status.Name
	if w := status.State.Waiting; w != nil && w.Message != "" {
		words += ": " + w.Message
	}
	if t := status.LastTerminationState.Terminated; t != nil {
		words += fmt.Sprintf(" (last ended with %d, %s)", t.ExitCode, t.Reason)
	}
	return words
}

// explain adds to a diagnosis what only a live look tells. It has its own few seconds, because it is called when those
// of the wait are over; without an answer the diagnosis stands as it is.
func (o *Operation) explain(ctx context.Context, id store.ID, e *NotReadyError) *NotReadyError {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if e.Reason == reasonPodsRefused && o.overQuota(ctx, id, e.Workload) {
		e.Reason, e.Sentence = reasonQuotaExceeded, sentences[reasonQuotaExceeded]
	}
	if e.Reason == reasonUnschedulable {
		return o.explainVolumes(ctx, id, e)
	}
	if o.explainNames(ctx, e) || e.Reason != reasonNotReady && e.Reason != reasonNoPods {
		return e
	}
	if last := o.lastWarning(ctx, id); last != nil {
		e.Detail = fmt.Sprintf("%s %s: %s", last.InvolvedObject.Name, last.Reason, last.Message)
	}
	return e
}

// lastWarning is the newest event of that kind, nil when there is none or nobody answers.
func (o *Operation) lastWarning(ctx context.Context, id store.ID, about ...string) *corev1.Event {
	selector := strings.Join(append(about, "type="+corev1.EventTypeWarning), ",")
	events, err := o.client.CoreV1().Events(id.Namespace()).List(ctx, metav1.ListOptions{FieldSelector: selector, Limit: 100})
	if err != nil || len(events.Items) == 0 {
		return nil
	}
	last := slices.MaxFunc(events.Items, func(a, b corev1.Event) int { return eventTime(a).Compare(eventTime(b)) })
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
		title := "persistentvolumeclaim/" + claim.Name
		if class := claim.Spec.StorageClassName; class == nil || *class == "" {
			e.Reason, e.Sentence = reasonNoClass, sentences[reasonNoClass]
			e.Detail = title + " has no storage class: set storageClass in STORES_SETTINGS, or make a class the cluster's default"
			return e
		}
		// One that waits for its first pod has no warning.
		if warning := o.lastWarning(ctx, id, "involvedObject.name="+claim.Name); warning != nil {
			e.Reason, e.Sentence = reasonNoVolume, sentences[reasonNoVolume]
			e.Detail = fmt.Sprintf("%s of class %s: %s: %s", title, *claim.Spec.StorageClassName, warning.Reason, warning.Message)
			return e
		}
	}
	return e
}

// eventTime is when it was said last: who tells of events leaves out one or the other.
func eventTime(e corev1.Event) time.Time {
	said := []time.Time{e.LastTimestamp.Time, e.EventTime.Time, e.CreationTimestamp.Time}
	if e.Series != nil {
		said = append(said, e.Series.LastObservedTime.Time)
	}
	return slices.MaxFunc(said, time.Time.Compare)
}
