package cluster

import (
	"context"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/store-platform/store-platform/pkg/store"
)

const reasonDNSRefused = "DNSRefused"

// lastLines and lastBytes are how much of a program's log is read for what it says of names.
const lastLines, lastBytes = 20, 16 << 10

// unresolved is what programs say that were told no address for a name: those written in Go, for Node.js and in PHP, the clients of
// databases, and the tools that images have. Only this is taken of a log, since the rest of a line may be anything: a password, too.
var unresolved = regexp.MustCompile(strings.Join([]string{
	`lookup [\w.-]+(?: on [\w.:\[\]]+)?: (?:no such host|server misbehaving|i/o timeout|(?:read|dial) udp [\w.:\[\]>-]+: (?:read: |connect: )?(?:connection refused|i/o timeout|network is unreachable|no route to host|operation not permitted))`,
	`getaddrinfo (?:EAI_AGAIN|ENOTFOUND)(?: [\w.-]+)?`,
	`getaddrinfo (?:for [\w.-]+ )?failed: (?:Temporary failure in name resolution|Name or service not known)`,
	`could not translate host name "[\w.-]+" to address`,
	`Unknown MySQL server host '[\w.-]+'`,
	`[Cc]ould not resolve host: [\w.-]+`,
	`server can't find [\w.-]+: [A-Z]+`,
	`bad address '[\w.-]+'`,
	`Temporary failure in name resolution`,
	`Name or service not known`,
}, "|"))

// explainLookups tells a program that wasn't told the address of a name from one that is broken, and says whether it has. The cluster knows
// nothing of that: a DNS server that refuses works, and who says so is the program. A network policy, a server that is away and a name
// that isn't there look the same to it.
func (o *Operation) explainLookups(ctx context.Context, id store.ID, e *NotReadyError) bool {
	if !mayWantNames[e.Reason] {
		return false
	}
	pod, container := o.unwell(id, e)
	if pod == "" {
		return false
	}
	lines, bytes := int64(lastLines), int64(lastBytes)
	said, err := o.client.CoreV1().Pods(id.Namespace()).GetLogs(pod, &corev1.PodLogOptions{
		Container: container, TailLines: &lines, LimitBytes: &bytes,
	}).DoRaw(ctx)
	if err != nil {
		return false
	}
	words := unresolved.Find(said)
	if words == nil {
		return false
	}
	e.Object = workloadKey("pod", pod)
	e.Reason, e.Sentence = reasonDNSRefused, sentences[reasonDNSRefused]
	e.Detail = e.Object + ": container " + container + " says: " + string(words)
	return true
}

// unwell is the first container that doesn't serve of the pod that a diagnosis is about, or of the workload's first such pod. The
// watches know.
func (o *Operation) unwell(id store.ID, e *NotReadyError) (pod, container string) {
	found, pods := o.cluster.watcher.look(id.Namespace())
	for _, p := range podsOf(found[e.Workload], pods) {
		if e.Object != e.Workload && e.Object != workloadKey("pod", p.Name) {
			continue
		}
		for _, status := range containers(p) {
			done := status.State.Terminated != nil && status.State.Terminated.ExitCode == 0
			if !status.Ready && !done {
				return p.Name, status.Name
			}
		}
	}
	return "", ""
}
