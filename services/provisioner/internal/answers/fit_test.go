package answers

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
)

// crowded is more than anybody's store has, and says as much of it as may be said.
func crowded() query.MonitoringReply {
	words := strings.Repeat("\x00", store.MaxText)
	var r query.MonitoringReply
	for i := range 200 {
		p := query.Pod{Name: fmt.Sprintf("pod-%03d", i), Ready: i != 150, Message: words}
		for range 30 {
			p.Containers = append(p.Containers, query.Container{Message: words})
		}
		r.Pods = append(r.Pods, p)
		r.Workloads = append(r.Workloads, query.Workload{Cause: query.Cause{Detail: words}})
	}
	for range 20 {
		r.Events = append(r.Events, query.ClusterEvent{Message: words})
	}
	return r
}

func TestAnAnswerIsNoLargerThanTheBrokerCarries(t *testing.T) {
	for _, most := range []int64{1 << 20, 1 << 16, 1 << 10} {
		r := crowded()
		fit(&r, most)
		encoded, err := json.Marshal(r)
		if err != nil || int64(len(encoded)) > most {
			t.Errorf("%d bytes, of %d at most (%v)", len(encoded), most, err)
		}
		if !slices.Contains(r.More, "pods") || !slices.Contains(r.More, "workloads") || slices.Contains(r.More, "volumes") {
			t.Errorf("more is %q", r.More)
		}
		if strings.Contains(string(encoded), "null") {
			t.Errorf("a list is null: %.300s", encoded)
		}
	}
}

// Where not all can be told, what doesn't serve is.
func TestWhatDoesNotServeIsCutLast(t *testing.T) {
	r := crowded()
	for i := range r.Pods {
		r.Pods[i].Message, r.Pods[i].Containers = "", r.Pods[i].Containers[:0]
	}
	r.Workloads, r.Events = nil, nil
	fit(&r, 1<<20)
	names := make([]string, len(r.Pods))
	for i, p := range r.Pods {
		names[i] = p.Name
	}
	if len(names) != itemsAtMost || !slices.Contains(names, "pod-150") || !slices.IsSorted(names) || !slices.Equal(r.More, []string{"pods"}) {
		t.Errorf("more is %q, and pods are %q", r.More, names)
	}
}

// Others are answered of the same lists.
func TestWhatIsCutOfOneAnswerIsntCutOfAnother(t *testing.T) {
	whole := crowded()
	one := query.MonitoringReply{Events: whole.Events}
	fit(&one, 1<<10)
	if len(one.Events) == len(whole.Events) || len(whole.Events) != 20 || slices.ContainsFunc(whole.Events, func(e query.ClusterEvent) bool { return e.Message == "" }) {
		t.Errorf("%d events of %d are left", len(one.Events), len(whole.Events))
	}
}
