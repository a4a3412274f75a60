package cluster

import (
	"context"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/store"
)

// The annotations of a store's namespace.
const (
	annotationVersion    = "store-platform.io/version"
	annotationGeneration = "store-platform.io/generation"
	annotationEpoch      = "store-platform.io/epoch"
)

// Stamp says what has worked on a store last, by words of the log: a log that was restored from before knows less than the
// cluster, and nothing but the cluster can say so.
type Stamp struct {
	// Version is the engine's, Generation the command's and Epoch the log's that gave it.
	Version    string
	Generation uint64
	Epoch      string
}

// annotations are none for the zero Stamp, and never nil, which would take away others' in a patch.
func (s Stamp) annotations() map[string]string {
	if s == (Stamp{}) {
		return map[string]string{}
	}
	return map[string]string{
		annotationVersion: s.Version, annotationGeneration: strconv.FormatUint(s.Generation, 10), annotationEpoch: s.Epoch,
	}
}

// stampOf is zero for a namespace that was made before there were stamps, or whose stamp somebody has taken away.
func stampOf(ns *corev1.Namespace) Stamp {
	generation, err := strconv.ParseUint(ns.Annotations[annotationGeneration], 10, 64)
	if err != nil {
		return Stamp{}
	}
	return Stamp{Version: ns.Annotations[annotationVersion], Generation: generation, Epoch: ns.Annotations[annotationEpoch]}
}

// Stamp reads that of the store's namespace; zero where there is none.
func (o *Operation) Stamp(ctx context.Context, id store.ID) (Stamp, error) {
	live, err := o.client.CoreV1().Namespaces().Get(ctx, id.Namespace(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return Stamp{}, nil
	}
	if err != nil {
		return Stamp{}, o.fail("read namespace", err)
	}
	return stampOf(live), nil
}

// Stamped is Stamp as far as the watches know.
func (c *Cluster) Stamped(id store.ID) Stamp {
	known := c.watcher.caches.Load()
	if known == nil {
		return Stamp{}
	}
	ns, err := known.namespaces.Get(id.Namespace())
	if err != nil {
		return Stamp{}
	}
	return stampOf(ns)
}

// ReasonAhead is that of a store of which the cluster has more than the log.
const ReasonAhead = "ClusterAhead"

// Ahead is the error of a store whose stamp the log doesn't know.
func Ahead(id store.ID, s Stamp) *Error {
	return &Error{
		Kind: Permanent, Reason: ReasonAhead,
		Sentence: "More was done to the store than the platform remembers. Nothing is changed back.",
		Detail: fmt.Sprintf("command %d of log %s, version %s, has worked on namespace/%s, and this log doesn't know it: it was restored from before. "+
			"If what the log says is to be made all the same, remove the namespace's annotation %s",
			s.Generation, s.Epoch, s.Version, id.Namespace(), annotationGeneration),
	}
}
