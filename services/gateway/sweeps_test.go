package gateway

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

type sweeps struct {
	Paused string
	Last   *platform.Sweep
}

func TestSweepsAreShownAndLetGoOn(t *testing.T) {
	b := setup(t)
	if got := decoded[sweeps](t, b.get("/sweeps")); got.Paused != "" || got.Last != nil {
		t.Errorf("before the first sweep: %+v", got)
	}
	kv, err := b.log.Bucket(t.Context(), storelog.BucketPlatform)
	if err != nil {
		t.Fatal(err)
	}
	if err := platform.PublishSweep(t.Context(), kv, store.DefaultCluster, platform.Sweep{At: time.Unix(1, 0), By: "janitor-1"}); err != nil {
		t.Fatal(err)
	}
	if got := decoded[sweeps](t, b.get("/sweeps")); got.Last == nil || got.Last.Findings == nil {
		t.Errorf("where nothing was ever swept: %+v", got)
	}
	report := platform.Sweep{
		At: time.Unix(1, 0).UTC(), By: "janitor-1", Namespaces: 3, Stores: 2, Paused: "restored",
		Findings: []platform.Finding{{Kind: platform.Stray, Count: 1, IDs: []string{"sabcdefghijk"}}},
		Alarm:    &platform.Alarm{Reason: "ManyStrays", Message: "The log looks older than the cluster."},
	}
	if err := platform.PublishSweep(t.Context(), kv, store.DefaultCluster, report); err != nil {
		t.Fatal(err)
	}
	if err := b.log.PauseSweeps(t.Context(), "restored"); err != nil {
		t.Fatal(err)
	}
	if got := decoded[sweeps](t, b.get("/sweeps")); got.Paused != "restored" || !reflect.DeepEqual(got.Last, &report) {
		t.Errorf("sweeps %+v, want %+v", got, report)
	}
	for range 2 {
		a := b.do(http.MethodPost, "/sweeps/resume", "")
		if got := decoded[sweeps](t, a); a.status != http.StatusOK || got.Paused != "" || got.Last == nil {
			t.Errorf("resume answers %d %s", a.status, a.body)
		}
	}
	if reason, err := b.log.SweepsPaused(t.Context()); err != nil || reason != "" {
		t.Errorf("still paused: %q (%v)", reason, err)
	}
}

func TestSweepsAreTheOperators(t *testing.T) {
	for name, c := range map[string]struct {
		key     string
		header  []string
		allowed bool
	}{
		"with a key, none sent":      {"sesame", nil, false},
		"with a key, sent":           {"sesame", []string{"X-Api-Key", "sesame", "X-Forwarded-For", "203.0.113.7"}, true},
		"without a key, from here":   {"", nil, true},
		"without a key, from afield": {"", []string{"X-Forwarded-For", "203.0.113.7"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t, func(cfg *Config) { cfg.TrustProxy, cfg.AdminKey = []string{"127.0.0.0/8"}, c.key })
			if err := b.log.PauseSweeps(t.Context(), "restored"); err != nil {
				t.Fatal(err)
			}
			for _, a := range []answer{b.get("/sweeps", c.header...), b.do(http.MethodPost, "/sweeps/resume", "", c.header...)} {
				if c.allowed && a.status != http.StatusOK {
					t.Errorf("answered %d %s", a.status, a.body)
				}
				if !c.allowed {
					wantProblem(t, a, http.StatusUnauthorized, problem.AdminKeyRequired)
				}
			}
			if reason, err := b.log.SweepsPaused(t.Context()); err != nil || (reason == "") != c.allowed {
				t.Errorf("paused: %q (%v)", reason, err)
			}
		})
	}
}
