package cluster

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/store-platform/store-platform/pkg/engine"
)

// NotReadyError says which workload isn't up. It comes inside an *Error of the same reason, sentence and detail.
type NotReadyError struct {
	// Workload is like "deployment/web", and Object what of the cluster is the matter, like "pod/web-1": the workload itself where
	// nothing of it is. The detail begins with any other object than that.
	Workload, Object string
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
	reasonOutOfMemory   = "OutOfMemory"
	reasonCannotRun     = "RunContainerError"
	reasonNodeGone      = "NodeGone"
	reasonNotBound      = "VolumeNotBound"
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
	reasonOutOfMemory:   "A program of the store needs more memory than it is given, and is ended for it again and again.",
	reasonCannotRun:     "A program of the store can't be started as it is configured.",
	reasonNodeGone:      "The machine that the store runs on doesn't answer any more.",
	reasonNotBound:      "The store's volume isn't there yet.",
	reasonDNSRefused:    "A program of the store asks for a name, and isn't told the address of it.",
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
	return &NotReadyError{Workload: r.key(), Object: r.key(), Reason: reason, Sentence: sentence, Detail: detail}
}

// ofPod is notReady about one of the workload's pods.
func ofPod(r rollout, pod *corev1.Pod, reason, words string) *NotReadyError {
	object := workloadKey("pod", pod.Name)
	e := notReady(r, reason, strings.TrimSuffix(object+": "+words, ": "))
	e.Object = object
	return e
}

func (e *NotReadyError) classified() *Error {
	detail := e.Detail
	if e.Object == e.Workload {
		detail = strings.TrimSuffix(e.Workload+": "+detail, ": ")
	}
	return &Error{Kind: Transient, Reason: e.Reason, Sentence: e.Sentence, Detail: detail, Err: e}
}

// hopeless is what keeps a container from running for longer than an attempt waits, or nil.
func hopeless(r rollout, pods []*corev1.Pod) *NotReadyError {
	for _, pod := range podsOf(r, pods) {
		for _, status := range containers(pod) {
			reason, loops := keptFrom(status)
			if definitive[reason] || loops && status.RestartCount >= crashesToGiveUp {
				return ofPod(r, pod, reason, containerWords(status))
			}
		}
	}
	return nil
}

// keptFrom is why a container doesn't run, in the kubelet's word, and empty while it does; of one that ends again and again, where it tells,
// what that comes from. Between an end and the start behind it, a kubelet says for seconds that it has ended, before it says that it waits.
func keptFrom(status corev1.ContainerStatus) (reason string, loops bool) {
	waiting, ended := status.State.Waiting, status.State.Terminated
	again := ended != nil && ended.ExitCode != 0 && status.LastTerminationState.Terminated != nil
	switch last := cmp.Or(ended, status.LastTerminationState.Terminated); {
	case waiting == nil && !again:
		return "", false
	case waiting != nil && waiting.Reason != reasonCrashLoop:
		return waiting.Reason, false
	case last == nil:
		return reasonCrashLoop, true
	case last.Reason == killedForMemory:
		return reasonOutOfMemory, true
	case neverRan[last.Reason]:
		return reasonCannotRun, true
	}
	return reasonCrashLoop, true
}

// killedForMemory and neverRan are how a container has ended, in a kubelet's words. What never ran is told of by the runtime alone.
const killedForMemory = "OOMKilled"

var neverRan = map[string]bool{"StartError": true, "ContainerCannotRun": true}

// outOfMemory says that a container which doesn't serve was ended for its memory.
func outOfMemory(status corev1.ContainerStatus) bool {
	for _, state := range []corev1.ContainerState{status.State, status.LastTerminationState} {
		if state.Terminated != nil && state.Terminated.Reason == killedForMemory {
			return !status.Ready
		}
	}
	return false
}

// lost says that nobody tells of a pod any more: its node is gone. Then the cluster calls it unready, and its containers stay as the
// node told of them last, until somebody else ends the pod.
func lost(pod *corev1.Pod) bool {
	if pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
		return false
	}
	is := map[corev1.PodConditionType]corev1.ConditionStatus{}
	for _, condition := range pod.Status.Conditions {
		is[condition.Type] = condition.Status
		if condition.Type == corev1.DisruptionTarget && condition.Status == corev1.ConditionTrue && takenFromNode[condition.Reason] {
			return true
		}
	}
	return is[corev1.PodReady] == corev1.ConditionFalse && is[corev1.ContainersReady] == corev1.ConditionTrue
}

// takenFromNode are the words of those who end pods of a node that is gone.
var takenFromNode = map[string]bool{"DeletionByTaintManager": true, "DeletionByPodGC": true}

// failed is the pack's word for an init container that has ended as it never would otherwise, or nil.
func failed(r rollout, pods []*corev1.Pod, failures []engine.Failure) *Error {
	for _, pod := range podsOf(r, pods) {
		for _, status := range pod.Status.InitContainerStatuses {
			for _, failure := range failures {
				if failure.Container == status.Name && endedWith(status, failure.ExitCode) {
					e := &NotReadyError{
						Workload: r.key(), Object: workloadKey("pod", pod.Name), Reason: failure.Reason, Sentence: failure.Message,
						Detail: fmt.Sprintf("pod/%s: init container %s ended with %d", pod.Name, status.Name, failure.ExitCode),
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
	for _, judge := range []func(rollout, *corev1.Pod) *NotReadyError{gone, roomless, waiting} {
		for _, pod := range current {
			if e := judge(r, pod); e != nil {
				return e
			}
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

// gone, roomless and waiting are what there is to say of one pod, nil where it isn't that.
func gone(r rollout, pod *corev1.Pod) *NotReadyError {
	if !lost(pod) {
		return nil
	}
	words := "the node doesn't tell of it any more"
	if pod.Spec.NodeName != "" {
		words = "the node " + pod.Spec.NodeName + " doesn't tell of it any more"
	}
	return ofPod(r, pod, reasonNodeGone, words)
}

func roomless(r rollout, pod *corev1.Pod) *NotReadyError {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return ofPod(r, pod, reasonUnschedulable, condition.Message)
		}
	}
	return nil
}

func waiting(r rollout, pod *corev1.Pod) *NotReadyError {
	for _, status := range containers(pod) {
		reason, _ := keptFrom(status)
		if outOfMemory(status) {
			reason = reasonOutOfMemory
		}
		if reason != "" {
			return ofPod(r, pod, reason, containerWords(status))
		}
	}
	return nil
}

func containers(pod *corev1.Pod) []corev1.ContainerStatus {
	return slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
}

func containerWords(status corev1.ContainerStatus) string {
	words := "container " + status.Name
	if w := status.State.Waiting; w != nil && w.Message != "" {
		words += ": " + w.Message
	}
	t := cmp.Or(status.State.Terminated, status.LastTerminationState.Terminated)
	if t == nil {
		return words
	}
	words += fmt.Sprintf(" (last ended with %d, %s", t.ExitCode, t.Reason)
	if neverRan[t.Reason] && t.Message != "" {
		words += ": " + t.Message
	}
	return words + ")"
}
