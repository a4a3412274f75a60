package sweep

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/janitor/internal/livetest"
)

// load gives this many stores a history, each of a tenant with nine others.
func (b *bundle) load(key string, count int, history ...store.Type) []store.ID {
	b.t.Helper()
	ids := make([]store.ID, count)
	var all sync.WaitGroup
	slots := make(chan struct{}, 32)
	for n := range ids {
		ids[n] = store.DeriveID(key, fmt.Sprint(n))
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			var s store.State
			for _, next := range history {
				m := store.Message{
					Type: next, Store: ids[n], Tenant: fmt.Sprint(key, n/10), Actor: "test", Time: time.Now(), Generation: s.Generation,
				}
				var err error
				if s, err = b.log.Append(b.t.Context(), s, m); err != nil {
					b.t.Errorf("append %s: %v", next, err)
					return
				}
			}
		})
	}
	all.Wait()
	return ids
}

// cost is what a sweep asks the broker for, beside the one question of what lives, and how much it is told.
type cost struct{ requests, bytes uint64 }

func (b *bundle) costOf(where Cluster) (cost, platform.Sweep) {
	b.t.Helper()
	nc, err := nats.Connect(b.nc.ConnectedUrl(), bustest.Patient)
	if err != nil {
		b.t.Fatal(err)
	}
	defer nc.Close()
	s := b.sweeper(where)
	s.cfg.Open = func(ctx context.Context) (*storelog.Log, error) { return storelog.Open(ctx, nc) }
	// Reading all of the log, as the stand-in does, may take longer than a question.
	s.cfg.Live = func(ctx context.Context, r query.LiveRequest) (query.LiveReply, error) {
		return livetest.Living(ctx, b.nc, r)
	}
	if err := s.Sweep(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	stats := nc.Stats()
	return cost{stats.OutMsgs, stats.InBytes}, b.report()
}

func TestASweepCostsWhatLivesHoweverManyAreGone(t *testing.T) {
	t.Parallel()
	const live, gone = 100, 3000
	b := onBroker(t, "sweep", "sweep")
	where := here(b.load("live", live, ready...)...)
	b.costOf(where) // mends the claims
	before, _ := b.costOf(where)
	b.load("gone", gone, deleted...)
	after, report := b.costOf(where)
	if report.Stores != live || report.Alarm != nil {
		t.Errorf("the report is %+v", report)
	}
	t.Logf("%+v before, %+v with %d gone", before, after, gone)
	if before.requests < live || after.requests > before.requests+live/10 || after.bytes > before.bytes+before.bytes/4 {
		t.Errorf("a sweep cost %+v, and with %d gone stores %+v", before, gone, after)
	}
}

// lowerWriteLevel makes the log one that the release before may work on.
func (b *bundle) lowerWriteLevel() {
	b.t.Helper()
	js := b.log.JetStream()
	stream, err := js.Stream(b.t.Context(), storelog.Stream)
	if err != nil {
		b.t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	for key := range config.Metadata {
		if strings.HasSuffix(key, "/write-level") {
			delete(config.Metadata, key)
		}
	}
	if _, err := js.UpdateStream(b.t.Context(), config); err != nil {
		b.t.Fatal(err)
	}
}

type answerer = func(context.Context, query.LiveRequest) (query.LiveReply, error)

func nobody(context.Context, query.LiveRequest) (query.LiveReply, error) {
	return query.LiveReply{}, fmt.Errorf("ask: %w", nats.ErrNoResponders)
}

// sweepAsking sweeps once, with this answer to what lives.
func (b *bundle) sweepAsking(where Cluster, answer answerer) platform.Sweep {
	b.t.Helper()
	s := b.sweeper(where)
	s.cfg.Live = answer
	if err := s.Sweep(b.t.Context()); err != nil {
		b.t.Fatalf("sweep: %v", err)
	}
	return b.report()
}

func TestNoAnswerNoSweep(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(b *bundle) answerer
		says   string
	}{
		"nobody listens": {func(*bundle) answerer { return nobody }, "it doesn't answer"},
		"it says no": {func(*bundle) answerer {
			return func(context.Context, query.LiveRequest) (query.LiveReply, error) {
				return query.LiveReply{}, fmt.Errorf("ask: %w", &question.Refusal{Code: question.Unavailable, Message: "it is being made anew"})
			}
		}, "being made anew"},
		"it is of another log": {func(b *bundle) answerer {
			return func(ctx context.Context, r query.LiveRequest) (query.LiveReply, error) {
				reply, err := livetest.Living(ctx, b.nc, r)
				reply.Epoch += "x"
				return reply, err
			}
		}, "another log"},
	} {
		t.Run(name, func(t *testing.T) {
			b := onBroker(t, "sweep", "sweep")
			unknown, leaked := store.DeriveID(tenant, "unknown"), store.DeriveID(tenant, "leaked")
			first := b.sweepIn(here(unknown))
			wantFindings(t, first, "unknown 1")
			stray, expired := store.DeriveID(tenant, "stray"), store.DeriveID(tenant, "expired")
			b.say(stray, deleted...)
			b.create(expired, time.Now().Add(-time.Hour))
			b.claim(time.Now().Add(-2*claim.Grace), leaked)
			report := b.sweepAsking(here(stray), c.answer(b))
			wantAlarm(t, report, "NotSwept", "Nothing was swept since", c.says)
			wantFindings(t, report, "unknown 1")
			wantSubmitted(t, report, 0)
			if !report.At.Equal(first.At) {
				t.Errorf("it says to be of %s, the last sweep was at %s", report.At, first.At)
			}
			b.wantSilence(stray, expired)
			b.wantHeld(leaked)
			report = b.sweepIn(here(stray))
			wantFindings(t, report, "stray 1", "expired 1", "claim_leaked 1")
			wantSubmitted(t, report, 2)
		})
	}
}

func TestWhereNothingWasEverSweptTheReportSaysSo(t *testing.T) {
	t.Parallel()
	b := onBroker(t, "sweep", "sweep")
	report := b.sweepAsking(here(), nobody)
	wantAlarm(t, report, "NotSwept", "Nothing was swept yet")
	if report.At.IsZero() || report.Findings == nil {
		t.Errorf("the report is %+v", report)
	}
}

func TestAnAnswerFromFarBehindIsNone(t *testing.T) {
	for behind, old := range map[uint64]bool{0: false, mostBehind: false, mostBehind + 1: true} {
		r := &round{cfg: Config{Live: func(context.Context, query.LiveRequest) (query.LiveReply, error) {
			return query.LiveReply{Epoch: "e", Checkpoint: 5}, nil
		}}}
		_, _, err := r.remembered(t.Context(), storelog.Present{Head: 5 + behind, Lineage: storelog.Lineage{Epoch: "e"}})
		if errors.Is(err, errTooOld) != old {
			t.Errorf("%d messages behind: %v", behind, err)
		}
	}
}

// What is told while the projection lags, or while pages are turned, is read from the log.
func TestWhatCameBehindTheAnswerIsJudgedToo(t *testing.T) {
	t.Parallel()
	b := onBroker(t, "sweep", "sweep")
	known, late := store.DeriveID(tenant, "known"), store.DeriveID(tenant, "late")
	b.claim(time.Now(), known, late)
	b.create(known, time.Now().Add(-time.Second))
	old, err := livetest.Living(t.Context(), b.nc, query.LiveRequest{Cluster: query.AnyCluster})
	if err != nil {
		t.Fatal(err)
	}
	b.create(late, time.Now().Add(-time.Second))
	other := store.DeriveID(tenant, "other")
	asked := []query.LiveRequest{}
	report := b.sweepAsking(here(), func(_ context.Context, r query.LiveRequest) (query.LiveReply, error) {
		asked = append(asked, r)
		if r.After == "" {
			return query.LiveReply{Epoch: old.Epoch, Checkpoint: old.Checkpoint, Stores: old.Stores, Next: old.Stores[0]}, nil
		}
		// A page later, the checkpoint is behind the late one, whose place was in the page before.
		return query.LiveReply{Epoch: old.Epoch, Checkpoint: old.Checkpoint + 1, Stores: []store.ID{other}}, nil
	})
	wantFindings(t, report, "expired 2")
	wantSubmitted(t, report, 2)
	if len(asked) != 2 || asked[1].After != old.Stores[0] || asked[0].Seen != old.Checkpoint+1 || !asked[0].Scope.SeesAll() {
		t.Errorf("asked %+v", asked)
	}
}

// Every kind of finding, once by what lives and once by the whole log, as the release before lists it.
func TestWhatLivesFindsWhatTheWholeLogFinds(t *testing.T) {
	t.Parallel()
	b := onBroker(t, "sweep", "sweep")
	seen, past := shows{}, time.Now().Add(-time.Hour)
	stands := func(ids ...store.ID) { seen = append(seen, here(ids...)...) }
	name := func(key string) store.ID { return store.DeriveID(tenant, key) }
	for key, history := range map[string][]store.Type{
		"ready": ready, "stray": deleted, "asked again": append(slices.Clone(deleted), store.DeleteCommand),
		"failed": {store.CreateCommand, store.BecameFailed}, "stalled": {store.CreateCommand, store.AttemptStarted},
	} {
		b.say(name(key), history...)
		stands(name(key))
	}
	b.say(name("missing"), ready...)
	b.say(name("gone"), deleted...)
	b.say(name("overtaken"), store.CreateCommand, store.DeleteCommand, store.BecameDeleted)
	b.create(name("expired"), past)
	b.say(name("unreadable"), deleted...)
	b.scribble(name("unreadable"), fmt.Sprintf(`{"state":{"schema":%d}}`, store.Schema+1))
	stands(name("unknown"))
	b.clusterReady(true)
	b.handOut(store.Provisioner, storelog.ApplyCommands(store.DefaultCluster))
	b.handOut(store.Janitor, storelog.DeleteCommands(store.DefaultCluster))
	for range 70 {
		seen = append(seen, cluster.Sighting{Name: fmt.Sprint("store-", len(seen)), Store: name("ready"), UID: "ready"})
	}
	if err := b.log.PauseSweeps(t.Context(), "to look only"); err != nil {
		t.Fatal(err)
	}
	b.sweepIn(seen) // mends the claims
	b.ahead.Store(int64(2 * silence))
	lives := b.sweepIn(seen)
	wantFindings(t, lives, "stray 1", "unknown 1", "missing 1", "unreadable 1", "expired 1", "stalled 3")
	b.lowerWriteLevel()
	whole := b.sweepAsking(seen, nobody)
	if whole.Stores != lives.Stores+1 || whole.Alarm.Reason != lives.Alarm.Reason {
		t.Errorf("of %d stores and of %d, alarms %+v and %+v", whole.Stores, lives.Stores, whole.Alarm, lives.Alarm)
	}
	if !reflect.DeepEqual(whole.Findings, lives.Findings) {
		t.Errorf("the whole log has %+v\nwhat lives has %+v", whole.Findings, lives.Findings)
	}
}

// Whatever became of a store: where it is finished and nothing of it stands in the cluster, there is nothing to do about it,
// so a sweep needn't look. Where it isn't, it may have to.
func TestOfWhatIsFinishedNothingIsFound(t *testing.T) {
	types := slices.Concat([]store.Type{
		store.AttemptStarted, store.StepCompleted, store.RetryScheduled, store.Waited, store.BecameReady, store.BecameFailed,
		store.BecameDegraded, store.Recovered, store.BecameDeleted, store.Superseded, store.BecameSuspended, store.Renamed, store.Transferred,
	}, []store.Type{store.RetryCommand, store.DeleteCommand, store.DeleteCommand, store.SuspendCommand})
	random := rand.New(rand.NewPCG(1, 2))
	finished := 0
	for range 20_000 {
		past := time.Now().Add(-time.Hour)
		id := store.DeriveID(tenant, "any")
		s := store.Evolve(store.State{}, store.Message{
			Type: store.CreateCommand, Store: id, Tenant: tenant, Command: true, Time: past, Facts: store.Facts{ExpiresAt: &past},
		}).At(1, true)
		for seq := uint64(2); seq < 12 && !s.Finished(); seq++ {
			m := store.Message{Type: types[random.IntN(len(types))], Store: id, Tenant: tenant, Time: past, Generation: s.Generation}
			if len(s.Open) > 0 {
				m.Generation = s.Open[random.IntN(len(s.Open))]
			}
			m.Command = m.Type.IsCommand()
			s = store.Evolve(s, m).At(seq, m.Command)
		}
		if !s.Finished() {
			continue
		}
		finished++
		r := &round{now: time.Now().Add(2 * silence), found: findings{}, cfg: Config{ClusterName: store.DefaultCluster}}
		r.seen.clock, r.seen.live = r.now, map[string][]store.ID{}
		r.judge(id, s, past)
		seen := r.seen
		if len(seen.doubts)+len(seen.live)+len(seen.expired)+len(seen.idle)+len(seen.strays)+len(r.found) > 0 {
			t.Fatalf("of %+v was found %+v, %+v", s, r.found, seen)
		}
	}
	if finished < 100 {
		t.Errorf("%d of all histories ended: the test shows little", finished)
	}
}
