package provisioner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/micro"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/reason"
	"github.com/store-platform/store-platform/pkg/store"
)

// podRuns is the status of the sample engine's pod as a kubelet writes it.
const podRuns = `{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"},{"type":"ContainersReady","status":"True"}],
	"containerStatuses":[{"name":"shop","image":"shop","imageID":"shop","ready":true,"restartCount":1,"state":{"running":{"startedAt":"2026-11-03T09:00:00Z"}},
	"lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled","finishedAt":"2026-11-03T08:59:00Z"}}}]}}`

func (b *bundle) monitoring(id store.ID) (reply query.MonitoringReply, raw string) {
	b.t.Helper()
	request, err := json.Marshal(query.MonitoringRequest{Store: id})
	if err != nil {
		b.t.Fatal(err)
	}
	msg, err := b.nc.Request(query.Monitoring.Subject, request, patience)
	if err != nil {
		b.t.Fatalf("ask how a store is: %v", err)
	}
	if code := msg.Header.Get(micro.ErrorCodeHeader); code != "" {
		b.t.Fatalf("refused with %s %s", code, msg.Header.Get(micro.ErrorHeader))
	}
	if err := json.Unmarshal(msg.Data, &reply); err != nil {
		b.t.Fatal(err)
	}
	return reply, string(msg.Data)
}

// awaitMonitored asks until the answer is as it should be.
func (b *bundle) awaitMonitored(id store.ID, what string, is func(query.MonitoringReply) bool) (reply query.MonitoringReply, raw string) {
	b.t.Helper()
	defer func() {
		if b.t.Failed() {
			b.t.Logf("the last answer is %s", raw)
		}
	}()
	clustertest.Eventually(b.t, what, func(context.Context) (bool, error) {
		reply, raw = b.monitoring(id)
		return is(reply), nil
	})
	return reply, raw
}

func TestWhatRunsOfAStoreIsToldWithWhatIsWrong(t *testing.T) {
	b := setup(t).serving()
	b.start("provisioner")
	id := b.ready()
	b.setPods(id, podRuns)
	b.bindVolumes(id)
	reply, raw := b.awaitMonitored(id, "all is told", func(r query.MonitoringReply) bool {
		return len(r.Pods) == 1 && len(r.Pods[0].Containers) == 1 && len(r.Volumes) == 1 && r.Volumes[0].Phase == "Bound"
	})
	if reply.Wrong != nil || len(reply.Missing) != 0 || len(reply.More) != 0 || time.Since(reply.At) > patience {
		t.Errorf("of a store that is well: %s", raw)
	}
	suspended := query.Workload{Kind: "Deployment", Name: "suspended"}
	if w := reply.Workloads; len(w) != 2 || w[0] != (query.Workload{Kind: "Deployment", Name: "store", Wanted: 1, Available: 1, Updated: 1}) || w[1] != suspended {
		t.Errorf("workloads %+v", reply.Workloads)
	}
	b.wantPod(reply.Pods[0])
	if v := reply.Volumes[0]; v.Claim != "store-data" || v.Requested != 256<<20 {
		t.Errorf("volume %+v", v)
	}
	host, _, _ := strings.Cut(id.Namespace()+"."+baseDomain, ":")
	if r := reply.Routes; len(r) != 1 || r[0].Host != host || !slices.Equal(r[0].Paths, []string{"/"}) || r[0].Admitted {
		t.Errorf("routes %+v", reply.Routes)
	}
	if r := reply.Release; r == nil || r.Revision != 1 || r.Status != "deployed" || r.Description == "" || time.Since(r.At) > patience {
		t.Errorf("release %+v", r)
	}
	b.wantNoSecret(id, raw)

	b.setPods(id, podCrashes)
	reply, raw = b.awaitMonitored(id, "the crash is told", func(r query.MonitoringReply) bool { return r.Wrong != nil })
	if w := reply.Wrong; w.Reason != "CrashLoopBackOff" || !strings.HasPrefix(w.Object, "pod/store-") || w.For != reason.Merchant ||
		!strings.Contains(w.Detail, "back-off restarting") || !strings.HasPrefix(w.Message, "A part of the store, store, doesn't work.") {
		t.Errorf("wrong is %+v", w)
	}
	if w := reply.Workloads[0]; w.Available != 0 || w.Reason != "CrashLoopBackOff" {
		t.Errorf("the workload is %+v", w)
	}
	b.wantNoSecret(id, raw)
	b.command(id, store.DeleteCommand, nil)
	b.awaitMonitored(id, "nothing is wrong with what is being deleted", func(r query.MonitoringReply) bool { return r.Wrong == nil })
}

func (b *bundle) wantPod(p query.Pod) {
	b.t.Helper()
	c := p.Containers[0]
	if p.Workload != "deployment/store" || p.Phase != "Running" || !p.Ready || p.Ending || time.Since(p.Since) > patience || c.Since == nil {
		b.t.Fatalf("pod %+v", p)
	}
	ended := query.ContainerEnd{ExitCode: 137, Reason: "OOMKilled", At: time.Date(2026, time.November, 3, 8, 59, 0, 0, time.UTC)}
	if c.Name != "shop" || c.Init || c.State != "running" || !c.Ready || c.Restarts != 1 || c.Last == nil || *c.Last != ended {
		b.t.Errorf("container %+v, ended %+v", c, c.Last)
	}
}

// wantNoSecret holds an answer against all that the store keeps secret.
func (b *bundle) wantNoSecret(id store.ID, raw string) {
	b.t.Helper()
	secret, err := b.api.Admin.CoreV1().Secrets(id.Namespace()).Get(b.t.Context(), cluster.SecretName, metav1.GetOptions{})
	if err != nil || len(secret.Data) == 0 {
		b.t.Fatalf("read the store's passwords: %d, %v", len(secret.Data), err)
	}
	for name, value := range secret.Data {
		if strings.Contains(raw, string(value)) {
			b.t.Errorf("the answer has %s in it: %s", name, raw)
		}
	}
}

// While a store starts, what it does then is no trouble; what no waiting ends is, and what is told of it is what an attempt tells.
func TestWhatKeepsAStoreFromStartingIsToldAtOnce(t *testing.T) {
	b := setup(t)
	b.start("provisioner")
	id := b.create()
	b.awaitType(id, store.AttemptStarted)
	b.awaitMonitored(id, "it has a pod", func(r query.MonitoringReply) bool {
		if r.Wrong != nil {
			t.Errorf("wrong is %+v while it begins", r.Wrong)
		}
		return len(r.Pods) == 1
	})
	b.setPods(id, `{"status":{"containerStatuses":[{"name":"shop","image":"shop","imageID":"","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ContainerCreating"}}}]}}`)
	b.awaitMonitored(id, "its container is made", func(r query.MonitoringReply) bool {
		return r.Wrong == nil && len(r.Pods) == 1 && len(r.Pods[0].Containers) == 1 && r.Pods[0].Containers[0].Reason == "ContainerCreating"
	})
	b.setPods(id, podNotPulled)
	reply, _ := b.awaitMonitored(id, "that its image isn't to be had", func(r query.MonitoringReply) bool { return r.Wrong != nil })
	if w := reply.Wrong; w.Reason != "ImagePullBackOff" || w.For != reason.Operator || !strings.Contains(w.Message, "asks for credentials") {
		t.Errorf("wrong is %+v", w)
	}
}

// An attempt would find it out when its time is over.
func TestWhatOnlyALookTellsIsToldAsAnAttemptWould(t *testing.T) {
	b := setup(t)
	b.environment = []string{saysOfStores(t, "dns: [{namespace: {kubernetes.io/metadata.name: nowhere}, pods: {app: resolver}}]")}
	b.start("provisioner")
	id := b.create()
	b.awaitType(id, store.AttemptStarted)
	reply, _ := b.awaitMonitored(id, "that nobody answers for names", func(r query.MonitoringReply) bool { return r.Wrong != nil })
	if w := reply.Wrong; w.Reason != "DNSElsewhere" || w.For != reason.Operator || w.Object != "deployment/store" || !strings.Contains(w.Detail, "set dns in STORES_SETTINGS") {
		t.Errorf("wrong is %+v", w)
	}
}

func TestTheNewestWarningsOfAStoreAreTold(t *testing.T) {
	b := setup(t).serving()
	b.start("provisioner")
	id := b.ready()
	events := b.api.Admin.CoreV1().Events(id.Namespace())
	for i := range 25 {
		// The later it was said, the earlier it stands in the API server's list.
		_, err := events.Create(t.Context(), &corev1.Event{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("warning-%02d", 99-i)}, Type: corev1.EventTypeWarning, Reason: "FailedMount", Message: fmt.Sprintf("try %d", i),
			InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "store-1", Namespace: id.Namespace()}, LastTimestamp: metav1.NewTime(time.Now().Add(time.Duration(i) * time.Hour)), Count: int32(i),
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	reply, raw := b.awaitMonitored(id, "the last warning is told", func(r query.MonitoringReply) bool {
		return len(r.Events) > 0 && r.Events[len(r.Events)-1].Message == "try 24"
	})
	first, last := reply.Events[0], reply.Events[len(reply.Events)-1]
	if len(reply.Events) != 20 || first.Message != "try 5" || last.Object != "pod/store-1" || last.Reason != "FailedMount" || last.Count != 24 || !last.At.After(first.At) {
		t.Errorf("told is %s", raw)
	}
	if !slices.Equal(reply.More, []string{"events"}) {
		t.Errorf("more is %q", reply.More)
	}
}

// A page that is loaded again and again, or somebody who means it, costs the API server a few requests in as many seconds, and none
// for what the watches know.
func TestQuestionsAboutAStoreCostTheAPIServerNextToNothing(t *testing.T) {
	b := setup(t).serving()
	_, proxy := b.startBehind("provisioner")
	id := b.ready()
	var mu sync.Mutex
	lists, began := map[string]int{}, time.Now()
	proxy.Each(func(c *clustertest.Call) {
		if c.Store() == id && !c.Writes() {
			mu.Lock()
			lists[path.Base(c.Request.URL.Path)]++
			mu.Unlock()
		}
		c.Forward()
	})
	b.setPods(id, podCrashes)
	b.awaitMonitored(id, "the crash is told", func(r query.MonitoringReply) bool { return r.Wrong != nil })
	for range 10 {
		var asking sync.WaitGroup
		for range 10 {
			asking.Go(func() { b.monitoring(id) })
		}
		asking.Wait()
	}
	// Looks are kept for five seconds.
	rounds := 1 + int(time.Since(began)/(5*time.Second))
	mu.Lock()
	defer mu.Unlock()
	t.Logf("in %s: %v", time.Since(began), lists)
	for _, watched := range []string{"pods", "deployments", "statefulsets"} {
		if lists[watched] != 0 {
			t.Errorf("%d lists of %s, which are watched", lists[watched], watched)
		}
	}
	for _, looked := range []string{"persistentvolumeclaims", "ingresses", "cronjobs", "events"} {
		if n := lists[looked]; n == 0 || n > rounds {
			t.Errorf("more than 100 questions asked %d times for %s, want once to %d times", n, looked, rounds)
		}
	}
}
