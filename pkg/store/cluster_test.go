package store_test

import (
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
)

func TestParseCluster(t *testing.T) {
	t.Parallel()
	for name, good := range map[string]bool{
		"default": true, "eu": true, "eu-west-1": true, "e": true, strings.Repeat("a", 32): true,
		"": false, strings.Repeat("a", 33): false, "1eu": false, "-eu": false, "eu-": false, "EU": false,
		"eu.west": false, "*": false, ">": false, "e u": false, "event": false, "apply": false, "keeper": false,
	} {
		if got, err := store.ParseCluster(name); (err == nil) != good || good && got != name {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}

func TestAStoreKeepsTheClusterOfItsCreate(t *testing.T) {
	t.Parallel()
	create := store.Message{Type: store.CreateCommand, Store: "sabcdefghijk", Tenant: "t", Seq: 1}
	if s := store.Evolve(store.State{}, create); s.Cluster != "" || s.ClusterName() != store.DefaultCluster {
		t.Errorf("without one: %q, %q", s.Cluster, s.ClusterName())
	}
	create.Facts.Cluster = "eu"
	s := store.Evolve(store.State{}, create)
	for seq, verb := range []store.Type{store.AttemptStarted, store.RetryCommand, store.DeleteCommand} {
		m := store.Message{Type: verb, Store: s.ID, Generation: 1, Seq: uint64(seq + 2), Facts: store.Facts{Cluster: "us"}}
		if s = store.Evolve(s, m); s.ClusterName() != "eu" {
			t.Errorf("after %s it is in %q", verb, s.ClusterName())
		}
	}
}
