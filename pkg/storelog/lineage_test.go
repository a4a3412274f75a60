package storelog_test

import (
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// A sequence is one message's only together with an epoch: what was appended behind a backup is lost with the log, and its
// sequences come again.
func TestALogKnowsWhatItHasOfThoseBefore(t *testing.T) {
	t.Parallel()
	nc := bustest.Start(t)
	log := open(t, nc)
	lineage := func() storelog.Lineage {
		l, err := log.Lineage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	restore := func(last uint64) {
		back := config(t, log)
		back.Metadata = storelog.Restored(back.Metadata, last, time.Now(), "restored from a backup")
		reshape(t, log, back)
	}
	first := lineage()
	restore(400)
	second := lineage()
	restore(700)
	third := lineage()
	if first.Epoch == second.Epoch || second.Epoch == third.Epoch {
		t.Fatalf("epochs %s, %s, %s", first.Epoch, second.Epoch, third.Epoch)
	}
	for _, c := range []struct {
		by    storelog.Lineage
		epoch string
		seq   uint64
		known bool
	}{
		{first, first.Epoch, 9999, true},
		{first, second.Epoch, 1, false},
		{second, first.Epoch, 400, true},
		{second, first.Epoch, 401, false},
		{third, first.Epoch, 400, true},
		{third, first.Epoch, 500, false},
		{third, second.Epoch, 700, true},
		{third, second.Epoch, 701, false},
		{third, "another", 1, false},
	} {
		if known := c.by.Knows(c.epoch, c.seq); known != c.known {
			t.Errorf("%+v knows %d of %s: %t", c.by, c.seq, c.epoch, known)
		}
	}
}

// Zero is what somebody has on record who has nothing on record.
func TestALogLacksWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	log, err := open(t, bustest.Start(t)).Lineage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for command, lacks := range map[uint64]bool{0: false, 7: false, 9: false, 10: true} {
		if got := log.Lacks(log.Epoch, command, 9); got != lacks {
			t.Errorf("lacks command %d: %t", command, got)
		}
	}
	if log.Lacks("", 0, 9) || !log.Lacks("another", 7, 9) {
		t.Error("what was done by words of another log is known to this one, or nothing isn't")
	}
}

// A restore that was itself lost, and made again of an older backup.
func TestAnOlderBackupIsAllThatCounts(t *testing.T) {
	t.Parallel()
	nc := bustest.Start(t)
	log := open(t, nc)
	first, kept := log.Epoch(), config(t, log)
	kept.Metadata = storelog.Restored(storelog.Restored(kept.Metadata, 700, time.Now(), "x"), 300, time.Now(), "x")
	reshape(t, log, kept)
	lineage, err := log.Lineage(t.Context())
	if err != nil || !lineage.Knows(first, 300) || lineage.Knows(first, 301) {
		t.Errorf("%+v, %v", lineage, err)
	}
}
