package provisioner_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/store"
)

// writer is a kubelet as far as the API server asks it for what containers have written: one container's log, a few lines of
// each moment.
type writer struct {
	began time.Time
	node  string

	mu sync.Mutex
	// runs are what has been written, the newest run last; more is closed when there is something new.
	runs []run
	more chan struct{}
	// endless makes each line so long, in bytes, and the newest run's lines come as fast as they are taken.
	endless int
	// written counts the bytes that were taken of these, gone the requests of followers that have ended.
	written int64
	gone    int
}

// run is one of a container.
type run struct {
	lines []string
	ended bool
}

// perMoment is how many lines have the same time.
const perMoment = 3

// startWriter makes a node whose kubelet it is, until the test ends.
func (b *bundle) startWriter() *writer {
	b.t.Helper()
	w := &writer{began: time.Now().Add(-time.Hour).Truncate(time.Second), node: "node-" + string(b.api.NewID(b.t)), more: make(chan struct{}), runs: []run{{}}}
	server := httptest.NewTLSServer(w)
	b.t.Cleanup(server.Close)
	// What is under way ends with its client, which goes before.
	b.t.Cleanup(server.CloseClientConnections)
	nodes := b.api.Admin.CoreV1().Nodes()
	node, err := nodes.Create(b.t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: w.node}}, metav1.CreateOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "127.0.0.1"}}
	node.Status.DaemonEndpoints.KubeletEndpoint.Port = int32(server.Listener.Addr().(*net.TCPAddr).Port)
	if _, err := nodes.UpdateStatus(b.t.Context(), node, metav1.UpdateOptions{}); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = nodes.Delete(b.t.Context(), w.node, metav1.DeleteOptions{}) })
	return w
}

// runs has a store's pod run on the writer's node, in its n-th run, and answers the pod's name.
func (b *bundle) runOn(w *writer, id store.ID, restarts int) string {
	b.t.Helper()
	pods := b.api.Admin.CoreV1().Pods(id.Namespace())
	all, err := pods.List(b.t.Context(), metav1.ListOptions{})
	if err != nil || len(all.Items) != 1 {
		b.t.Fatalf("%d pods, %v", len(all.Items), err)
	}
	pod := all.Items[0]
	if pod.Spec.NodeName == "" {
		err := pods.Bind(b.t.Context(), &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: pod.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: w.node}}, metav1.CreateOptions{})
		if err != nil {
			b.t.Fatal(err)
		}
	}
	last := ""
	if restarts > 0 {
		last = `,"lastState":{"terminated":{"exitCode":1,"finishedAt":"` + time.Now().UTC().Format(time.RFC3339) + `"}}`
	}
	status := fmt.Sprintf(`{"status":{"containerStatuses":[{"name":"shop","image":"shop","imageID":"shop","ready":true,"restartCount":%d,
		"state":{"running":{"startedAt":"%s"}}%s}]}}`, restarts, w.began.UTC().Format(time.RFC3339), last)
	if _, err := pods.Patch(b.t.Context(), pod.Name, types.MergePatchType, []byte(status), metav1.PatchOptions{}, "status"); err != nil {
		b.t.Fatal(err)
	}
	return pod.Name
}

// write has the newest run write lines.
func (w *writer) write(lines ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	newest := &w.runs[len(w.runs)-1]
	newest.lines = append(newest.lines, lines...)
	w.tell()
}

// restart ends the newest run, and begins another.
func (w *writer) restart() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.runs[len(w.runs)-1].ended = true
	w.runs = append(w.runs, run{})
	w.tell()
}

// flood writes lines so long, as fast as they are taken.
func (w *writer) flood(length int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endless = length
	w.tell()
}

func (w *writer) tell() {
	close(w.more)
	w.more = make(chan struct{})
}

func (w *writer) taken() (bytes int64, gone int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.written, w.gone
}

// ServeHTTP answers as a kubelet does: times to the second, the last lines, the run before, and what comes.
func (w *writer) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	wanted := r.URL.Query()
	w.mu.Lock()
	at := len(w.runs) - 1
	w.mu.Unlock()
	if !strings.HasPrefix(r.URL.Path, "/containerLogs/") {
		http.NotFound(out, r)
		return
	}
	if wanted.Get("previous") == "true" {
		at--
	}
	if at < 0 {
		http.Error(out, "no run before", http.StatusBadRequest)
		return
	}
	var since time.Time
	if text := wanted.Get("sinceTime"); text != "" {
		since, _ = time.Parse(time.RFC3339, text)
	}
	w.mu.Lock()
	from := 0
	if tail, err := strconv.Atoi(wanted.Get("tailLines")); err == nil {
		from = max(0, len(w.runs[at].lines)-tail)
	}
	w.mu.Unlock()
	w.tellOf(out, r, at, from, since, wanted.Get("follow") == "true")
}

func (w *writer) tellOf(out http.ResponseWriter, r *http.Request, at, from int, since time.Time, follow bool) {
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if follow {
			w.gone++
		}
	}()
	for next := from; ; {
		w.mu.Lock()
		now, more, endless := w.runs[at], w.more, w.endless
		w.mu.Unlock()
		for ; next < len(now.lines); next++ {
			if stamp := w.timeOf(at, next); !stamp.Before(since) {
				fmt.Fprintf(out, "%s %s\n", stamp.Format(time.RFC3339Nano), now.lines[next])
			}
		}
		if endless > 0 && follow && at > 0 {
			w.floods(out, r, at, endless)
			return
		}
		out.(http.Flusher).Flush()
		if !follow || now.ended {
			return
		}
		select {
		case <-more:
		case <-r.Context().Done():
			return
		}
	}
}

// timeOf is when a run's line was written: all of the second behind one another's, a few at the same moment.
func (w *writer) timeOf(at, line int) time.Time {
	return w.began.Add(time.Duration(at)*time.Minute + time.Duration(line/perMoment)*time.Millisecond).UTC()
}

func (w *writer) floods(out http.ResponseWriter, r *http.Request, at, length int) {
	into := bufio.NewWriterSize(out, 64<<10)
	text := strings.Repeat("x", length)
	for line := 0; r.Context().Err() == nil; line++ {
		n, err := fmt.Fprintf(into, "%s %s\n", w.timeOf(at, line).Format(time.RFC3339Nano), text)
		if err != nil {
			return
		}
		w.mu.Lock()
		w.written += int64(n)
		w.mu.Unlock()
	}
}
