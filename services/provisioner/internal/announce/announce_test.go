package announce_test

import (
	"errors"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/provisioner/internal/announce"
)

func TestChanged(t *testing.T) {
	log, err := storelog.Open(t.Context(), bustest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	kv, err := log.Bucket(t.Context(), storelog.BucketPlatform)
	if err != nil {
		t.Fatal(err)
	}
	read := func() platform.Cluster {
		said, err := platform.Read(t.Context(), kv, store.DefaultCluster)
		if err != nil {
			t.Fatal(err)
		}
		return said
	}
	board := announce.NewBoard(kv, store.DefaultCluster)
	down := errors.New("connection refused")

	if err := board.Changed(t.Context(), down); err != nil {
		t.Fatal(err)
	}
	if said := read(); said.Ready || said.Part != "cluster" {
		t.Errorf("nobody had said anything, and now it says %+v", said)
	}
	building := platform.Cluster{Part: "containerd", Message: "building containerd (3 of 8)", Since: time.Now().UTC()}
	if err := platform.Publish(t.Context(), kv, store.DefaultCluster, building); err != nil {
		t.Fatal(err)
	}
	if err := board.Changed(t.Context(), down); err != nil {
		t.Fatal(err)
	}
	if said := read(); said != building {
		t.Errorf("who builds the cluster knew more, and now it says %+v", said)
	}
	if err := board.Changed(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if said := read(); !said.Ready {
		t.Errorf("the cluster is up, and it says %+v", said)
	}
	if err := board.Changed(t.Context(), down); err != nil {
		t.Fatal(err)
	}
	if said := read(); said.Ready || said.Message == "" {
		t.Errorf("the cluster went away, and it says %+v", said)
	}
}
