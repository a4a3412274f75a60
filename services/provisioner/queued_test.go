package provisioner_test

import (
	"context"
	"testing"

	"github.com/store-platform/store-platform/pkg/cluster/clustertest"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/reason"
	"github.com/store-platform/store-platform/pkg/store"
)

// A command that isn't begun since another process is at its store is told by that one's name, and begins when it has let go.
func TestWhoIsStillAtAStoreIsTold(t *testing.T) {
	b := setup(t).serving().fronts()
	b.start("provisioner")
	id := b.ready()
	leases, err := lease.Open(t.Context(), b.log)
	if err != nil {
		t.Fatal(err)
	}
	var held *lease.Lease
	clustertest.Eventually(t, "the provisioner has given the store back", func(ctx context.Context) (bool, error) {
		held, err = leases.Take(ctx, string(id), "another")
		return err == nil, nil
	})
	_, release := held.Hold(t.Context())
	defer release()
	b.command(id, store.SuspendCommand, nil)
	reply, _ := b.awaitMonitored(id, "who is at the store is told", func(r query.MonitoringReply) bool { return r.Wrong != nil })
	want := query.Wrong{
		Reason: "LeaseHeld", Message: "Another worker is still at the store.", Object: "lease/" + string(id),
		Detail: "lease/" + string(id) + ": held by another", For: reason.Nobody,
	}
	if *reply.Wrong != want {
		t.Errorf("wrong is %+v, want %+v", *reply.Wrong, want)
	}
	release()
	b.awaitType(id, store.BecameSuspended)
	b.awaitMonitored(id, "nobody is at the store any more", func(r query.MonitoringReply) bool { return r.Wrong == nil })
}
