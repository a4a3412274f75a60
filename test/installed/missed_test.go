package installed_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/waittest"
)

// policySpec is as much of a policy as can be taken out of it.
type policySpec struct {
	Pods    json.RawMessage `json:"podSelector"`
	Types   []string        `json:"policyTypes"`
	Ingress []rule          `json:"ingress,omitempty"`
	Egress  []rule          `json:"egress,omitempty"`
}

// rule lets in or out: by all of its ports, from or to all of its peers.
type rule struct {
	Ports []json.RawMessage `json:"ports,omitempty"`
	From  []json.RawMessage `json:"from,omitempty"`
	To    []json.RawMessage `json:"to,omitempty"`
}

// without are what is left of it with each of its rules taken out, and each port and peer of a rule that has another beside it, by what
// is taken.
func (p policySpec) without() map[string]policySpec {
	left := map[string]policySpec{}
	for n := range p.Ingress {
		less := p
		for part, rules := range without(p.Ingress, n) {
			less.Ingress = rules
			left["ingress "+part] = less
		}
	}
	for n := range p.Egress {
		less := p
		for part, rules := range without(p.Egress, n) {
			less.Egress = rules
			left["egress "+part] = less
		}
	}
	return left
}

func without(rules []rule, n int) map[string][]rule {
	left := map[string][]rule{fmt.Sprint(n): slices.Delete(slices.Clone(rules), n, n+1)}
	take := func(kind string, count int, parts func(*rule) *[]json.RawMessage) {
		for at := 0; count > 1 && at < count; at++ {
			less := slices.Clone(rules)
			of := parts(&less[n])
			left[fmt.Sprintf("%d, %s %s", n, kind, (*of)[at])] = less
			*of = slices.Delete(slices.Clone(*of), at, at+1)
		}
	}
	take("port", len(rules[n].Ports), func(r *rule) *[]json.RawMessage { return &r.Ports })
	take("from", len(rules[n].From), func(r *rule) *[]json.RawMessage { return &r.From })
	take("to", len(rules[n].To), func(r *rule) *[]json.RawMessage { return &r.To })
	return left
}

// missesEachPart takes each policy away in turn, and each part of one: ways is no proof of what nobody misses.
func (i *installation) missesEachPart(t *testing.T, w walls) {
	t.Helper()
	var list struct {
		Items []struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
			Spec policySpec `json:"spec"`
		} `json:"items"`
	}
	policies := i.Path("/apis/networking.k8s.io/v1", "networkpolicies")
	if status, err := i.Do(t.Context(), http.MethodGet, policies, nil, &list); err != nil || status != http.StatusOK || len(list.Items) == 0 {
		t.Fatalf("list the policies: %d, %d %v", len(list.Items), status, err)
	}
	for _, policy := range list.Items {
		name := policy.Metadata.Name
		whole := object{"metadata": object{"name": name}, "spec": policy.Spec}
		if status, err := i.Do(t.Context(), http.MethodDelete, policies+"/"+name, nil, nil); err != nil || status != http.StatusOK {
			t.Fatalf("take %s away: %d %v", name, status, err)
		}
		w.miss(t, name)
		i.make(t, policies, whole)
		w.stand(t)
		for part, left := range policy.Spec.without() {
			i.put(t, policies+"/"+name, object{"metadata": object{"name": name}, "spec": left})
			w.miss(t, name+"'s "+part)
			i.put(t, policies+"/"+name, whole)
			w.stand(t)
		}
	}
}

// put has an object be another.
func (i *installation) put(t *testing.T, path string, o object) {
	t.Helper()
	if status, err := i.Do(t.Context(), http.MethodPut, path, o, nil); err != nil || status != http.StatusOK {
		t.Fatalf("change %s: %d %v", path, status, err)
	}
}

// miss waits until somebody misses what was taken away.
func (w walls) miss(t *testing.T, what string) {
	t.Helper()
	var before, missed []string
	waittest.Eventually(t, func() error {
		now := w.differences(t.Context())
		// One look alone may have met a connection that took its time.
		missed = slices.DeleteFunc(slices.Clone(now), func(difference string) bool { return !slices.Contains(before, difference) })
		if before = now; len(missed) == 0 {
			return fmt.Errorf("nobody misses %s", what)
		}
		return nil
	})
	t.Logf("without %s: %s", what, strings.Join(missed, "; "))
}
