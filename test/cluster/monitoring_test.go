package cluster_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/reason"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// monitored is how the store is, once that is as it should be, and the same as it was written.
func (b *bench) monitored(id store.ID, is func(query.MonitoringReply) error) (seen query.MonitoringReply, raw string) {
	b.Helper()
	waittest.Eventually(b.T, func() error {
		var text json.RawMessage
		if _, err := b.Call(b.Context(), http.MethodGet, "/stores/"+string(id)+"/monitoring", nil, &text); err != nil {
			return err
		}
		seen, raw = query.MonitoringReply{}, string(text)
		if err := json.Unmarshal(text, &seen); err != nil {
			return err
		}
		if err := is(seen); err != nil {
			return fmt.Errorf("%w: %s", err, raw)
		}
		return nil
	})
	return seen, raw
}

// names lists what Kubernetes has of a kind in a store's namespace.
func (b *bench) names(id store.ID, api, kind string) []string {
	b.Helper()
	var list struct {
		Items []struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
		} `json:"items"`
	}
	status, err := b.kubernetes.Do(b.Context(), http.MethodGet, api+"/namespaces/"+id.Namespace()+"/"+kind, nil, &list)
	if err != nil || status != http.StatusOK {
		b.Fatalf("list the %s: %d %v", kind, status, err)
	}
	var names []string
	for _, item := range list.Items {
		names = append(names, item.Metadata.Name)
	}
	slices.Sort(names)
	return names
}

// isSeenWhole: of a store that is well everything is told, as Kubernetes has it, and none of its passwords, nor does its own log say one.
func (c *conformance) isSeenWhole() {
	id := c.at.ID
	seen, raw := c.monitored(id, func(r query.MonitoringReply) error {
		switch {
		case r.Wrong != nil:
			return fmt.Errorf("something is wrong")
		case len(r.Missing)+len(r.More) > 0:
			return fmt.Errorf("not all is told")
		case r.Release == nil || r.Release.Status != "deployed":
			return fmt.Errorf("the release isn't told")
		}
		return nil
	})
	for _, w := range c.pack.Workloads {
		// What the store's plan has none of is well with none.
		well := func(is query.Workload) bool {
			return is == query.Workload{Kind: w.Kind, Name: w.Name, Wanted: is.Wanted, Available: is.Wanted, Updated: is.Wanted}
		}
		if !slices.ContainsFunc(seen.Workloads, well) {
			c.Errorf("%s isn't told to be well: %+v", w.Name, seen.Workloads)
		}
	}
	var volumes, crons []string
	for _, v := range seen.Volumes {
		volumes = append(volumes, v.Claim)
		if v.Phase != "Bound" || v.Class == "" || v.Requested == 0 || v.Capacity < v.Requested {
			c.Errorf("volume %+v", v)
		}
	}
	for _, cron := range seen.Crons {
		crons = append(crons, cron.Name)
	}
	wantVolumes, wantCrons := c.names(id, "/api/v1", "persistentvolumeclaims"), c.names(id, "/apis/batch/v1", "cronjobs")
	if len(volumes) == 0 || !slices.Equal(volumes, wantVolumes) || !slices.Equal(crons, wantCrons) {
		c.Errorf("volumes %q and crons %q, of %q and %q", volumes, crons, wantVolumes, wantCrons)
	}
	for _, pod := range seen.Pods {
		if pod.Node == "" || pod.Workload == "" || len(pod.Containers) == 0 {
			c.Errorf("pod %+v", pod)
		}
	}
	host := strings.TrimPrefix(c.at.URL, "http://")
	if len(seen.Routes) == 0 || seen.Routes[0].Host == "" || !strings.HasPrefix(host, seen.Routes[0].Host) {
		c.Errorf("routes %+v, of %s", seen.Routes, host)
	}
	for _, credential := range c.shown {
		if strings.Contains(raw, credential.Password) {
			c.Errorf("the password %s is in what everybody may see of the store", credential.Name)
		}
	}
	c.saysNoSecret(id)
}

// toldToCrash: what is wrong with a shop that ends again and again, as its page says it.
func (b *bench) toldToCrash(id store.ID) {
	b.Helper()
	seen, _ := b.monitored(id, func(r query.MonitoringReply) error {
		i := slices.IndexFunc(r.Pods, func(p query.Pod) bool {
			return slices.ContainsFunc(p.Containers, func(c query.Container) bool { return c.Restarts > 0 && c.Last != nil && c.Last.ExitCode != 0 })
		})
		if r.Wrong == nil || i < 0 || !slices.ContainsFunc(r.Events, func(e query.ClusterEvent) bool { return e.Object == "pod/"+r.Pods[i].Name }) {
			return fmt.Errorf("the crash isn't told")
		}
		return nil
	})
	if w := seen.Wrong; w.Reason != "CrashLoopBackOff" || !strings.HasPrefix(w.Object, "pod/store-") || w.For != reason.Merchant || !strings.Contains(w.Detail, "container shop") || !strings.Contains(w.Detail, "(last ended with 1, Error") {
		b.Errorf("wrong is %+v", w)
	}
	var summary struct {
		Store   query.Store
		Wrong   *query.Wrong
		Missing []string
	}
	if _, err := b.Call(b.Context(), http.MethodGet, "/stores/"+string(id)+"/summary", nil, &summary); err != nil {
		b.Fatal(err)
	}
	if summary.Store.ID != id || summary.Wrong == nil || summary.Wrong.Reason != "CrashLoopBackOff" || len(summary.Missing) != 0 {
		b.Errorf("its summary is %+v", summary)
	}
}
