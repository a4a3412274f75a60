package sweep

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

func TestANamespaceThatTheLogDoesNotKnowIsLeftAlone(t *testing.T) {
	b := setup(t)
	live := b.store(true, ready...)
	unknown := b.api.NewID(t)
	b.place(unknown)
	b.claim(time.Now().Add(-claim.Grace), unknown)
	report := b.sweep()
	wantFindings(t, report, "unknown 1")
	wantSubmitted(t, report, 0)
	wantAlarm(t, report, "UnknownNamespaces", "1 of stores that the log doesn't know", "emptied or restored")
	if ids := report.Findings[0].IDs; len(ids) != 1 || ids[0] != string(unknown) {
		t.Errorf("it names %v, not %s", ids, unknown)
	}
	b.wantAlone(live, unknown)
	b.wantHeld(live, unknown)
}

func TestAnEmptiedLogTouchesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stores int
		alarm  string
	}{"of few stores": {2, "UnknownNamespaces"}, "of many stores": {6, "TooManyFindings"}} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			var live []store.ID
			for range c.stores {
				id := b.api.NewID(t)
				b.place(id)
				live = append(live, id)
			}
			b.claim(time.Now().Add(-2*claim.Grace), live...)
			report := b.sweep()
			wantSubmitted(t, report, 0)
			wantAlarm(t, report, c.alarm, "emptied")
			b.wantAlone(live...)
			b.wantHeld(live...)
		})
	}
}

// The log lacks the newest stores and the newest deletes, and still knows the old ones.
func TestALogFromAnHourAgoTouchesNothingThatLives(t *testing.T) {
	b := setup(t)
	old := b.store(true, ready...)
	gone := b.store(false, deleted...)
	deletedSince := b.store(false, ready...)
	madeSince := b.api.NewID(t)
	b.place(madeSince)
	stray := b.store(true, deleted...) // that was deleted is true for ever
	if err := b.log.PauseSweeps(t.Context(), "restored from a backup"); err != nil {
		t.Fatal(err)
	}
	report := b.sweep()
	wantFindings(t, report, "stray 1", "unknown 1", "missing 1")
	wantSubmitted(t, report, 0)
	wantAlarm(t, report, "UnknownNamespaces", "restored from before")
	if report.Paused != "restored from a backup" {
		t.Errorf("paused because %q", report.Paused)
	}

	if err := b.log.ResumeSweeps(t.Context()); err != nil {
		t.Fatal(err)
	}
	report = b.sweep()
	wantSubmitted(t, report, 1)
	wantAlarm(t, report, "UnknownNamespaces", "restored from before")
	b.wantCommand(stray, store.DeleteCommand, "StrayNamespace")
	b.wantAlone(old, madeSince)
	for _, id := range []store.ID{gone, deletedSince} {
		if said := b.swept(id); len(said) != 0 {
			t.Errorf("sweeps said %+v", said)
		}
	}
}

// What a lost command has made of a store may have been to let it live.
func TestAStoreOfWhichTheClusterKnowsMoreOutlivesItsTime(t *testing.T) {
	b := setup(t)
	id := b.api.NewID(t)
	b.claim(time.Now(), id)
	b.create(id, time.Now().Add(-time.Second))
	s := b.say(id, store.BecameReady)
	b.place(id)
	for _, c := range []struct {
		generation uint64
		submitted  int
	}{{s.Generation + 1, 0}, {s.Generation, 1}} {
		patch := fmt.Appendf(nil, `{"metadata":{"annotations":{"store-platform.io/generation":"%d","store-platform.io/epoch":%q}}}`, c.generation, b.log.Epoch())
		_, err := b.api.Admin.CoreV1().Namespaces().Patch(t.Context(), id.Namespace(), types.MergePatchType, patch, metav1.PatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		report := b.sweep()
		wantFindings(t, report, "expired 1")
		wantSubmitted(t, report, c.submitted)
	}
}

func TestALogThatIsNotThisInstallationsIsNoReasonForAnything(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ owner, alarm, says string }{
		"another's": {"another", "ForeignLog", "another"},
		"anybody's": {"", "UnknownLog", "doesn't say whose it is"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setupWith(t, func(string) string { return c.owner })
			stray := b.store(true, deleted...)
			expired := b.api.NewID(t)
			b.create(expired, time.Now().Add(-time.Hour))
			b.place(expired)
			leaked := b.api.NewID(t)
			b.claim(time.Now().Add(-claim.Grace), leaked)
			report := b.sweep()
			wantFindings(t, report)
			wantSubmitted(t, report, 0)
			wantAlarm(t, report, c.alarm, c.says, b.installation, "Nothing is swept")
			b.wantAlone(stray, expired)
			b.wantHeld(leaked)
		})
	}
}

// What is kept of a tenant that was deleted, so that nobody makes a store for it, goes when nobody can be about to.
func TestASweepForgetsWhichTenantsWereClosed(t *testing.T) {
	b := setup(t)
	id := b.api.NewID(t)
	if err := b.claims.Close(t.Context(), "t-gone"); err != nil {
		t.Fatal(err)
	}
	b.sweep()
	if _, err := b.claims.Claim(t.Context(), "t-gone", id, 9, time.Now()); !errors.Is(err, claim.ErrClosed) {
		t.Errorf("soon behind its end: %v", err)
	}
	b.ahead.Store(int64(claim.Remembered + time.Hour))
	b.sweep()
	if _, err := b.claims.Claim(t.Context(), "t-gone", id, 9, time.Now()); err != nil {
		t.Errorf("it is remembered for ever: %v", err)
	}
}

// A place that somebody waits for is given back before it is tidied up behind those who are gone.
func TestClaimsAreMendedBeforeClosedTenantsAreForgotten(t *testing.T) {
	b := setup(t)
	leaked := b.api.NewID(t)
	b.claim(time.Now(), leaked)
	if err := b.claims.Close(t.Context(), "t-gone"); err != nil {
		t.Fatal(err)
	}
	b.ahead.Store(int64(claim.Remembered + time.Hour))
	written := bustest.Listen(t, b.nc, "$KV."+storelog.BucketClaims+".>")
	b.sweep()
	var order []string
	for range 2 {
		m, err := written.NextMsg(patience)
		if err != nil {
			t.Fatalf("behind %v: %v", order, err)
		}
		order = append(order, m.Header.Get("KV-Operation"))
	}
	if want := []string{"", "PURGE"}; !slices.Equal(order, want) {
		t.Errorf("a claim was given back and a tenant forgotten by %q, want %q", order, want)
	}
	b.wantHeld()
}

func TestPausedSweepsLookAndMendClaimsOnly(t *testing.T) {
	b := setup(t)
	stray, expired := b.store(true, deleted...), b.api.NewID(t)
	b.create(expired, time.Now().Add(-time.Hour))
	b.place(expired)
	b.claim(time.Now().Add(-claim.Grace), stray)
	if err := b.log.PauseSweeps(t.Context(), "a test"); err != nil {
		t.Fatal(err)
	}
	report := b.sweep()
	wantFindings(t, report, "stray 1", "expired 1", "claim_leaked 1", "claim_missing 1")
	wantSubmitted(t, report, 0)
	if report.Paused != "a test" || report.Alarm != nil {
		t.Errorf("the report is %+v", report)
	}
	b.wantAlone(stray, expired)
	b.wantHeld(expired)

	if err := b.log.ResumeSweeps(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantSubmitted(t, b.sweep(), 2)
	b.wantCommand(stray, store.DeleteCommand, "StrayNamespace")
	b.wantCommand(expired, store.DeleteCommand, "Expired")
}

// A newer version of the platform has written it, say: this one doesn't know what it means.
func TestAStoreThatCannotBeReadIsLeftAlone(t *testing.T) {
	b := setup(t)
	id, stray := b.store(true, deleted...), b.store(true, deleted...)
	b.claim(time.Now().Add(-claim.Grace), id)
	b.scribble(id, fmt.Sprintf(`{"state":{"schema":%d}}`, store.Schema+1))
	report := b.sweep()
	wantFindings(t, report, "stray 1", "unreadable 1")
	b.wantCommand(stray, store.DeleteCommand, "StrayNamespace")
	b.wantNamespace(id)
	b.wantHeld(id)
	if _, err := b.log.Last(t.Context(), id); !errors.Is(err, storelog.ErrNewerSchema) {
		t.Errorf("its last message says %v", err)
	}
}

// scribble appends an event that storelog would not.
func (b *bundle) scribble(id store.ID, body string) {
	b.t.Helper()
	msg := nats.NewMsg(strings.Replace(storelog.AllSubjects, ">", string(id)+".event", 1))
	msg.Data = []byte(body)
	if _, err := b.nc.RequestMsg(msg, patience); err != nil {
		b.t.Fatal(err)
	}
}
