package cluster

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/store-platform/store-platform/pkg/store"
)

// Container is one of a store's, init containers included, as the watches know it. It runs several times, and each run
// writes a log of its own, of which a kubelet keeps the last two.
type Container struct {
	Pod, Name string
	// Created is when its pod was.
	Created time.Time
	// Run names the newest run, and is empty before the first. Ended says that this one isn't running any more.
	Run   string
	Ended bool
	// Started is when the newest run began; zero where that isn't told any more.
	Started time.Time
	// Before names the run before the newest one, and BeforeEnded says when that ended. They are empty where there was none.
	Before      string
	BeforeEnded time.Time
}

// Containers are a store's, of the oldest pod first; known says whether the watches have heard yet of all there are. Nobody
// is asked.
func (c *Cluster) Containers(id store.ID) (found []Container, known bool) {
	caches := c.watcher.caches.Load()
	if caches == nil || !caches.complete() {
		return nil, false
	}
	// A lister reads memory and has no way to fail.
	pods, _ := caches.pods.Pods(id.Namespace()).List(labels.Everything())
	slices.SortFunc(pods, func(a, b *corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	for _, pod := range pods {
		for _, status := range pod.Status.InitContainerStatuses {
			found = append(found, containerOf(pod, status))
		}
		for _, status := range pod.Status.ContainerStatuses {
			found = append(found, containerOf(pod, status))
		}
	}
	return found, true
}

func containerOf(pod *corev1.Pod, status corev1.ContainerStatus) Container {
	c := Container{Pod: pod.Name, Name: status.Name, Created: pod.CreationTimestamp.Time}
	run := func(n int32) string { return fmt.Sprintf("%s/%d", pod.UID, n) }
	last := status.LastTerminationState.Terminated
	switch state := status.State; {
	case state.Running != nil:
		c.Run, c.Started = run(status.RestartCount), state.Running.StartedAt.Time
	case state.Terminated != nil:
		c.Run, c.Ended, c.Started = run(status.RestartCount), true, state.Terminated.StartedAt.Time
	case last != nil:
		// It waits to run again: the newest run is the one that has ended.
		c.Run, c.Ended, c.Started = run(status.RestartCount), true, last.StartedAt.Time
		return c
	}
	if last != nil {
		c.Before, c.BeforeEnded = run(status.RestartCount-1), last.FinishedAt.Time
	}
	return c
}

// Changes gives a channel that receives after anything of a store has changed, and the function that ends that.
func (c *Cluster) Changes(id store.ID) (<-chan struct{}, func()) {
	return c.watcher.wait(id.Namespace())
}

// Reading is which part of a container's log is read.
type Reading struct {
	// Follow goes on until the run ends. Previous reads the run before the newest one.
	Follow, Previous bool
	// Since leaves out what is older, to the second before. Zero: nothing.
	Since time.Time
	// Tail is how many of the last lines are read; zero: all.
	Tail int
}

// ReadLog reads a container's log: lines that begin with their time. It is the caller's to close, and ends with ctx. What
// isn't read waits at the kubelet.
func (c *Cluster) ReadLog(ctx context.Context, id store.ID, pod, container string, which Reading) (io.ReadCloser, error) {
	l, err := c.connect()
	if err != nil {
		return nil, err
	}
	options := &corev1.PodLogOptions{Container: container, Follow: which.Follow, Previous: which.Previous, Timestamps: true}
	if !which.Since.IsZero() {
		options.SinceTime = &metav1.Time{Time: which.Since}
	}
	if which.Tail > 0 {
		options.TailLines = new(int64(which.Tail))
	}
	log, err := l.pods.Pods(id.Namespace()).GetLogs(pod, options).Stream(ctx)
	if err != nil {
		return nil, Classify(fmt.Errorf("read the log of container %s in pod %s: %w", container, pod, err))
	}
	return log, nil
}

// newPods makes a client with connections of its own, one for each log that is read. In HTTP/2, which all other requests
// share a connection by, the client takes 4 MB of each stream whether anybody reads them or not.
func newPods(config *rest.Config) (typedcore.PodsGetter, error) {
	config = rest.CopyConfig(config)
	config.NextProtos = []string{"http/1.1"}
	config.ContentType, config.AcceptContentTypes = protobuf, protobufOrJSON
	return typedcore.NewForConfig(config)
}
