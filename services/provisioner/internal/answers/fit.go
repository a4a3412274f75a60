package answers

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/pkg/query"
)

const (
	// itemsAtMost bounds what the watches know; nobody's store has as many.
	itemsAtMost = 50
	// containersAtMost are a pod's, with those that something adds to it.
	containersAtMost = 20
)

// fit cuts the reply to what is carried in one answer, and says what it has cut. Of pods those stay that don't serve. What a list
// holds isn't touched: whoever asks for the same is answered of the same lists.
func fit(r *query.MonitoringReply, most int64) {
	slices.SortStableFunc(r.Pods, func(a, b query.Pod) int { return cmp.Compare(rank(a), rank(b)) })
	for i := range r.Pods {
		// These are nobody else's.
		bound(r, "pods", &r.Pods[i].Containers, containersAtMost)
	}
	bound(r, "pods", &r.Pods, itemsAtMost)
	bound(r, "workloads", &r.Workloads, itemsAtMost)
	atMost(r, most, "pods", &r.Pods)
	atMost(r, most, "events", &r.Events)
	atMost(r, most, "routes", &r.Routes)
	atMost(r, most, "workloads", &r.Workloads)
	atMost(r, most, "crons", &r.Crons)
	atMost(r, most, "volumes", &r.Volumes)
	slices.SortFunc(r.Pods, func(a, b query.Pod) int { return strings.Compare(a.Name, b.Name) })
}

// atMost halves a list until the reply is small enough or nothing is left of it. One that is empty is told as that.
func atMost[T any](r *query.MonitoringReply, most int64, name string, list *[]T) {
	if *list == nil {
		*list = []T{}
	}
	for len(*list) > 0 && size(r) > most {
		bound(r, name, list, len(*list)/2)
	}
}

func rank(p query.Pod) int {
	if p.Ready {
		return 1
	}
	return 0
}

func bound[T any](r *query.MonitoringReply, name string, list *[]T, most int) {
	if len(*list) <= most {
		return
	}
	*list = (*list)[:most]
	if !slices.Contains(r.More, name) {
		r.More = append(r.More, name)
	}
}

func size(r *query.MonitoringReply) int64 {
	// Nothing of it can't be encoded.
	encoded, _ := json.Marshal(r)
	return int64(len(encoded))
}
