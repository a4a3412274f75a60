package provisioner_test

import (
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Stores that no node has room for keep their slots for minutes. Whoever has a shop that sells doesn't wait for theirs.
func TestAMendIsDoneWhileNoStoreCanBeMade(t *testing.T) {
	b := setup(t).serving()
	const slots = 4
	b.run("provisioner", b.kubeconfigs["provisioner"], slots)
	id := b.ready()
	var roomless []store.ID
	for range 2 * slots {
		other := b.api.NewID(t)
		b.unscheduled.Store(other.Namespace(), true)
		b.createAs(other, "sample")
		roomless = append(roomless, other)
	}
	for _, other := range roomless[:slots] {
		b.awaitStep(other, "release")
	}
	if err := tamperings["a network policy removed"].tamper(b, id); err != nil {
		t.Fatal(err)
	}
	mend := b.awaitType(id, store.MendCommand)
	b.await(id, "end of the mend", func(e storelog.Entry) bool {
		return e.Message.Type == store.BecameReady && e.Message.Generation == mend.Message.Seq
	})
	for i, other := range roomless {
		if s := b.state(other); s.Working != (i < slots) {
			t.Errorf("store %d of those without room is %+v: were all slots taken?", i, s)
		}
	}
}
