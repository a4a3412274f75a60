package work

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

func TestACommandIsWorkedOnStepByStep(t *testing.T) {
	b := setup(t)
	b.provision(provisioner(step("namespace", succeed), step("http", succeed)))
	b.command(store.Create)
	history := b.awaitType(store.BecameReady)
	want := []store.Type{store.CreateCommand, store.AttemptStarted, store.StepCompleted, store.StepCompleted, store.BecameReady}
	if diff := cmp.Diff(want, typesOf(history)); diff != "" {
		t.Fatal(diff)
	}
	last := history[len(history)-1].State
	if last.Status != store.Ready || last.Attempt != 1 || last.URL != "http://shop" || last.InFlight() {
		t.Fatalf("%+v", last)
	}
}

func TestWhatIsDoneIsNotAppliedAgain(t *testing.T) {
	b := setup(t)
	b.provision(provisioner(Step{
		Name: "namespace", Done: func(context.Context) (bool, error) { return true, nil },
		Apply: func(context.Context, Tell) error { t.Error("applied"); return nil },
	}))
	b.command(store.Create)
	b.awaitType(store.BecameReady)
}

func TestADeleteCancelsTheStepThatRuns(t *testing.T) {
	b := setup(t)
	entered := make(chan struct{})
	h := provisioner(step("workloads", func(ctx context.Context) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	}))
	h.trusts = make(chan *Trust, 1)
	b.provision(h)
	b.start(&hand{steps: []Step{step("namespace", succeed)}, terminal: store.BecameDeleted},
		Config{Name: "janitor", Commands: storelog.DeleteCommands})
	b.command(store.Create)
	<-entered
	trust := <-h.trusts
	if err := trust.Err(); err != nil {
		t.Fatalf("while it runs: %v", err)
	}
	b.command(store.Delete)
	history := b.await(func(e storelog.Entry) bool { return e.State.Status == store.Deleted && len(e.State.Open) == 0 })
	count := map[store.Type]int{}
	for _, e := range history {
		count[e.Message.Type]++
	}
	if count[store.Superseded] != 1 || count[store.BecameDeleted] != 1 || count[store.BecameReady] != 0 {
		t.Fatal(typesOf(history))
	}
	if err := trust.Err(); !errors.Is(err, ErrSuperseded) {
		t.Fatalf("a superseded operation may still write: %v", err)
	}
}

func TestTransientErrorsAreTriedFiveTimes(t *testing.T) {
	b := setup(t)
	var attempts atomic.Int32
	b.provision(provisioner(step("release", func(context.Context) error {
		attempts.Add(1)
		return &Transient{Reason: "ClusterUnreachable", Message: "The cluster didn't answer.", Err: errors.New("dial tcp")}
	})))
	b.command(store.Create)
	history := b.awaitType(store.BecameFailed)
	last := history[len(history)-1]
	if attempts.Load() != store.MaxAttempts || last.Message.Facts.Step != "release" || last.State.Reason != "ClusterUnreachable" || last.State.Detail != "dial tcp" {
		t.Fatalf("%d attempts, %+v", attempts.Load(), last)
	}
	retries := 0
	for _, e := range history {
		if e.Message.Type == store.RetryScheduled {
			retries++
			if e.State.NotBefore == nil {
				t.Error("a retry is scheduled for no time")
			}
		}
	}
	if retries != store.MaxAttempts-1 {
		t.Fatalf("%d retries", retries)
	}
}

func TestAPermanentErrorFailsAtOnceAndRetryBeginsAnew(t *testing.T) {
	b := setup(t)
	var mended atomic.Bool
	b.provision(provisioner(step("workloads", func(context.Context) error {
		if mended.Load() {
			return nil
		}
		return &Permanent{Reason: "QuotaExceeded", Message: "The plan is too small."}
	})))
	b.command(store.Create)
	history := b.awaitType(store.BecameFailed)
	if s := history[len(history)-1].State; s.Attempt != 1 || s.Status != store.Failed {
		t.Fatalf("%+v", s)
	}
	mended.Store(true)
	b.command(store.Retry)
	b.awaitType(store.BecameReady)
}

func TestAStepTellsWhatItIsAt(t *testing.T) {
	b := setup(t)
	b.provision(provisioner(Step{
		Name: "workloads", Done: func(context.Context) (bool, error) { return false, nil },
		Apply: func(_ context.Context, tell Tell) error {
			tell("Starting the database")
			tell("Installing the shop")
			return nil
		},
	}))
	b.command(store.Create)
	var phrases []string
	for _, e := range b.awaitType(store.BecameReady) {
		if e.Message.Type == store.Progressed {
			phrases = append(phrases, e.Message.Facts.Step+": "+e.State.Progress)
		} else if e.State.Progress != "" {
			t.Errorf("%s says %q", e.Message.Type, e.State.Progress)
		}
	}
	if want := []string{"workloads: Starting the database", "workloads: Installing the shop"}; !slices.Equal(phrases, want) {
		t.Fatal(phrases)
	}
}

// What a wait is at is told whenever it changes, and only then, without an attempt and without a lease.
func TestAWaitTellsHowFarItIs(t *testing.T) {
	b := setup(t)
	messages := []string{"step 1", "step 1", "step 2", "step 2", "step 2", ""}
	var asked atomic.Int64
	h := provisioner(step("namespace", succeed))
	h.available = func() error {
		message := messages[min(int(asked.Add(1)), len(messages))-1]
		if message == "" {
			return nil
		}
		return &Waiting{Step: "images", Reason: "ImagesBuilding", Message: message}
	}
	b.provision(h)
	b.command(store.Create)
	var told []string
	for _, e := range b.awaitType(store.BecameReady) {
		if e.Message.Type == store.Waited {
			told = append(told, e.Message.Facts.Step+" "+e.State.Reason+" "+e.State.Message)
			if e.State.Attempt != 0 || e.State.Status != store.Queued {
				t.Errorf("it waits as %+v", e.State)
			}
		}
	}
	if want := []string{"images ImagesBuilding step 1", "images ImagesBuilding step 2"}; !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
}

// A worker that was frozen on its way to say that it waits must not say so of a store that another has made.
func TestALateWaitIsNotToldOfWhatIsSettled(t *testing.T) {
	b := setup(t)
	h := provisioner(step("namespace", succeed))
	h.available = func() error {
		state, err := b.log.Last(t.Context(), id)
		if err == nil {
			_, err = b.log.Append(t.Context(), state, store.Message{
				Type: store.BecameReady, Store: id, Tenant: state.Tenant, Actor: "another", Generation: state.Generation, Time: time.Now(),
				Facts: store.Facts{URL: "http://shop"},
			})
		}
		if err != nil {
			t.Error(err)
		}
		return &Waiting{Reason: "ClusterNotReady", Message: "The cluster is being built."}
	}
	b.provision(h)
	b.awaitAcknowledged(b.command(store.Create).Generation)
	if s, err := b.log.Last(t.Context(), id); err != nil || s.Status != store.Ready || s.Reason != "" {
		t.Fatalf("%+v, %v", s, err)
	}
}

func TestNoClusterCostsNoAttempt(t *testing.T) {
	b := setup(t)
	var ready atomic.Bool
	asked := make(chan struct{}, 1000)
	h := provisioner(step("namespace", succeed))
	h.available = func() error {
		asked <- struct{}{}
		if ready.Load() {
			return nil
		}
		return &Waiting{Reason: "ClusterNotReady", Message: "The cluster is being built."}
	}
	b.provision(h)
	b.command(store.Create)
	for range 3 {
		<-asked
	}
	ready.Store(true)
	history := b.awaitType(store.BecameReady)
	want := []store.Type{store.CreateCommand, store.Waited, store.AttemptStarted, store.StepCompleted, store.BecameReady}
	if diff := cmp.Diff(want, typesOf(history)); diff != "" {
		t.Fatal(diff)
	}
	if s := history[1].State; s.Status != store.Queued || s.Reason != "ClusterNotReady" || s.Attempt != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestAShutdownYieldsAndAnotherFinishes(t *testing.T) {
	b := setup(t)
	entered := make(chan struct{})
	stop := b.provision(provisioner(step("workloads", func(ctx context.Context) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	})))
	b.command(store.Create)
	<-entered
	stop()
	history := b.awaitType(store.AttemptYielded)
	if s := history[len(history)-1].State; s.Attempt != 0 {
		t.Fatalf("the shutdown cost an attempt: %+v", s)
	}
	b.provision(provisioner(step("workloads", succeed)))
	history = b.awaitType(store.BecameReady)
	if s := history[len(history)-1].State; s.Attempt != 1 {
		t.Fatalf("%+v", s)
	}
}

// Helm can't be cancelled: refused in the middle, its run would have to be made again by another. However long it takes, the
// lease is renewed under it.
func TestAShutdownLetsAStepFinishWhatItHasBegunToWrite(t *testing.T) {
	b := setup(t)
	entered, refusal := make(chan struct{}), make(chan error, 1)
	h := provisioner()
	h.trusts = make(chan *Trust, 1)
	h.steps = []Step{step("release", func(ctx context.Context) error {
		trust := <-h.trusts
		close(entered)
		<-ctx.Done()
		for was := trust.Remaining(); trust.Remaining() <= was; {
			time.Sleep(time.Millisecond)
			if err := trust.Err(); err != nil {
				refusal <- err
				return nil
			}
		}
		refusal <- nil
		return nil
	})}
	stop := b.provision(h)
	b.command(store.Create)
	<-entered
	stop()
	if err := <-refusal; err != nil {
		t.Fatalf("it was refused: %v", err)
	}
	b.awaitType(store.AttemptYielded)
}

func TestALostLeaseEndsTheOperationAndItIsTakenUpAgain(t *testing.T) {
	b := setup(t)
	kv, err := b.log.Bucket(t.Context(), storelog.BucketLeases)
	if err != nil {
		t.Fatal(err)
	}
	var tries atomic.Int32
	entered := make(chan struct{})
	h := provisioner(step("workloads", func(ctx context.Context) error {
		if tries.Add(1) > 1 {
			return nil
		}
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	}))
	h.trusts = make(chan *Trust, 8)
	b.provision(h)
	b.command(store.Create)
	<-entered
	trust := <-h.trusts
	// What the broker does when a frozen worker's term is over.
	err = kv.Purge(t.Context(), string(id))
	for tries := 1; storelog.Unanswered(err) && tries < 20; tries++ {
		err = kv.Purge(t.Context(), string(id))
	}
	if err != nil {
		t.Fatal(err)
	}
	b.awaitType(store.BecameReady)
	if err := trust.Err(); !errors.Is(err, lease.ErrLost) {
		t.Fatalf("the first operation may still write: %v", err)
	}
}

func TestAReplayOfTheWholeLogDoesNothing(t *testing.T) {
	b := setup(t)
	var applied atomic.Int32
	h := provisioner(step("namespace", func(context.Context) error { applied.Add(1); return nil }))
	stop := b.provision(h)
	b.command(store.Create)
	b.awaitType(store.BecameReady)
	stop()
	js := b.log.JetStream()
	if err := js.DeleteConsumer(t.Context(), storelog.Stream, "provisioner"); err != nil {
		t.Fatal(err)
	}
	b.provision(h)
	second := store.DeriveID("tenant", "second")
	if _, err := b.log.Append(t.Context(), store.State{}, store.Message{Type: store.CreateCommand, Store: second, Tenant: "tenant", Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	b.await(func(e storelog.Entry) bool { return e.Message.Store == second && e.Message.Type == store.BecameReady })
	if applied.Load() != 2 {
		t.Fatalf("applied %d times for two stores", applied.Load())
	}
}

func TestTheDurableConsumerComesBackWhenItIsDeleted(t *testing.T) {
	b := setup(t)
	b.provision(provisioner(step("namespace", succeed)))
	b.command(store.Create)
	b.awaitType(store.BecameReady)
	if err := b.log.JetStream().DeleteConsumer(t.Context(), storelog.Stream, "provisioner"); err != nil {
		t.Fatal(err)
	}
	second := store.DeriveID("tenant", "second")
	if _, err := b.log.Append(t.Context(), store.State{}, store.Message{Type: store.CreateCommand, Store: second, Tenant: "tenant", Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	b.await(func(e storelog.Entry) bool { return e.Message.Store == second && e.Message.Type == store.BecameReady })
}

func TestAnAttemptThatAnotherHasTakenOverTellsNothing(t *testing.T) {
	b := setup(t)
	var tries atomic.Int32
	b.provision(provisioner(step("workloads", func(ctx context.Context) error {
		if tries.Add(1) > 1 {
			return nil
		}
		// What another worker does once this one's lease has run out.
		_, err := b.log.Update(ctx, id, func(s store.State) (*store.Message, error) {
			return &store.Message{Type: store.AttemptStarted, Actor: "another", Generation: s.Generation}, nil
		})
		return errors.Join(err, errors.New("woken up"))
	})))
	b.command(store.Create)
	history := b.awaitType(store.BecameReady)
	for _, e := range history {
		if e.Message.Type == store.RetryScheduled {
			t.Fatalf("the first attempt told of its failure: %v", typesOf(history))
		}
	}
}

// A command that is delivered again while a slot works on it is turned away; that mustn't cut the slot off from hearing
// of a newer one.
func TestASecondDeliveryDoesNotHideANewerCommand(t *testing.T) {
	n := newNewerCommands(storelog.Commands(store.DefaultCluster), func(store.ID, uint64) {})
	working, cancel := context.WithCancelCause(t.Context())
	defer n.register(id, 5, cancel)()
	n.register(id, 5, func(error) {})()
	n.appended(id, 5)
	if cause := context.Cause(working); cause != nil {
		t.Fatalf("its own command ended it: %v", cause)
	}
	n.appended(id, 6)
	if cause := context.Cause(working); !errors.Is(cause, ErrSuperseded) {
		t.Fatalf("a newer command ended it with %v", cause)
	}
}
