package explain

import (
	"fmt"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
)

// What has done its work, or is on its way, isn't told to have gone wrong.
func TestWhatGoesWellIsNotSaidToGoWrong(t *testing.T) {
	ended := query.Container{Name: "dump", State: "ended", Reason: "Completed", Last: &query.ContainerEnd{Reason: "Completed"}}
	for name, c := range map[string]struct {
		pod  query.Pod
		want string
	}{
		"serves":        {query.Pod{Phase: "Running", Ready: true}, "true"},
		"doesn't serve": {query.Pod{Phase: "Running"}, "false"},
		"starts":        {query.Pod{Phase: "Pending"}, "unsaid"},
		"finds no room": {query.Pod{Phase: "Pending", Reason: "Unschedulable"}, "false"},
		"is done":       {query.Pod{Phase: succeeded, Containers: []query.Container{ended}}, "true true"},
	} {
		links, got := podLinks(c.pod), ""
		for _, l := range links {
			got += " " + said(l.OK)
		}
		if got != " "+c.want {
			t.Errorf("a pod that %s: %s, want %s", name, got, c.want)
		}
	}
	for status, want := range map[string]string{"deployed": "true", "failed": "false", "pending-upgrade": "unsaid"} {
		if got := said(released(status)); got != want {
			t.Errorf("a release that is %s: %s, want %s", status, got, want)
		}
	}
}

func said(ok *bool) string {
	if ok == nil {
		return "unsaid"
	}
	return fmt.Sprint(*ok)
}
