package provision

import (
	"context"
	"errors"
	"testing"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/work"
	"github.com/store-platform/store-platform/services/provisioner/engines"
	"github.com/store-platform/store-platform/services/provisioner/internal/packs"
)

// labels is all of a cluster that a plan asks.
type labels struct{}

func (labels) ObjectLabels(id store.ID) map[string]string {
	return map[string]string{"store": string(id)}
}
func (labels) Begin(cluster.Trust) (Attempt, error) { return nil, errors.New("not planned") }
func (labels) Probe(context.Context, cluster.Target) (string, error) {
	return "", errors.New("not planned")
}

func hand(t *testing.T) *Hand {
	t.Helper()
	set, err := packs.Load(engines.Packs)
	if err != nil {
		t.Fatal(err)
	}
	return &Hand{
		Cluster: labels{}, Packs: set, Registry: "registry.example",
		Addresses: Addresses{Scheme: "http", Domain: "shops.example:8088", Host: "shops.example", IngressClass: "local"},
	}
}

func TestPlan(t *testing.T) {
	const id = store.ID("saaaaaaaaaaa")
	spec := store.Spec{Name: "Mine", Engine: "sample", Version: "1.0.0", Plan: "large"}
	p, err := hand(t).plan(store.State{ID: id, Tenant: "me", Spec: spec}, spec, true)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.target.URL, "http://store-saaaaaaaaaaa.shops.example:8088"; got != want {
		t.Errorf("URL %q, want %q", got, want)
	}
	ingress := p.release.Values["ingress"].(map[string]any)
	if got, want := ingress["host"], "store-saaaaaaaaaaa.shops.example"; got != want {
		t.Errorf("host %q, want %q: an Ingress takes no port", got, want)
	}
	if p.namespace != (cluster.Namespace{Store: id, Tenant: "me", Engine: "sample", Plan: "large"}) {
		t.Errorf("namespace %+v", p.namespace)
	}
	if p.isolation.Plan.Name != "large" || len(p.release.Chart) == 0 || len(p.secretKeys()) != 2 {
		t.Errorf("plan %q, %d chart files, keys %v", p.isolation.Plan.Name, len(p.release.Chart), p.secretKeys())
	}
}

// The page of a suspended store comes up while the shop's pods, which may fill the plan, are still on their way out.
func TestASuspendedStoreHasRoomForItsPage(t *testing.T) {
	spec := store.Spec{Name: "Mine", Engine: "sample", Version: "1.0.0", Plan: "small"}
	for _, running := range []bool{true, false} {
		p, err := hand(t).plan(store.State{ID: "saaaaaaaaaaa", Spec: spec}, spec, running)
		if err != nil || p.isolation.Suspended == running {
			t.Errorf("running %t: %+v, %v", running, p.isolation, err)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	for name, spec := range map[string]store.Spec{
		"plan":   {Engine: "sample", Version: "1.0.0", Plan: "none"},
		"option": {Engine: "sample", Version: "1.0.0", Plan: "small", Options: map[string]any{"none": 1}},
	} {
		_, err := hand(t).plan(store.State{ID: "saaaaaaaaaaa"}, spec, true)
		var permanent *work.Permanent
		if !errors.As(err, &permanent) || permanent.Reason != "SpecInvalid" {
			t.Errorf("unknown %s: %v", name, err)
		}
	}
	for name, spec := range map[string]store.Spec{
		"engine":  {Engine: "none", Version: "1.0.0", Plan: "small"},
		"version": {Engine: "sample", Version: "0.9.0", Plan: "small"},
	} {
		_, err := hand(t).plan(store.State{ID: "saaaaaaaaaaa"}, spec, true)
		var waiting *work.Waiting
		if !errors.As(err, &waiting) || waiting.Reason != "EngineNotCarried" {
			t.Errorf("unknown %s: %v", name, err)
		}
	}
}
