package chaos

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/chaos/trouble"
	"github.com/store-platform/store-platform/test/internal/keda"
	"github.com/store-platform/store-platform/test/internal/monitoring"
)

const (
	// left is how many rounds of all slots are still to be worked on when provisioners are taken away.
	left = 2
	// clusterless is how many stores are asked for while there is no cluster.
	clusterless = 10
)

// scaling is a turn in which provisioners come and go as an autoscaler would have them, and what it would see meanwhile.
type scaling struct {
	*turn
	workers []*Replica
	// running says that the first so many of them do.
	running int
	scaler  keda.Scaler
	// asked counts the stores that were asked for.
	asked int
	tally rollTally
}

// Scale has stores asked for where one provisioner with few slots runs, starts the others, and asks all but one to end while
// every slot of theirs is in use. It fails unless each of them has worked and ended properly, every store became Ready as
// verifyMade has it, so that what was handed over has cost nothing, and what KEDA's scaler sees has risen and fallen with what
// there was to do; and unless the checker agrees.
//
// First of all there is no cluster. That scaler takes what rests for work; who takes away from it what the provisioners say
// that rests sees none.
func (l *Lab) Scale(ctx context.Context, stores int) error {
	t, err := l.begin(ctx, "scale", suiteSeed)
	if err != nil {
		return err
	}
	s := &scaling{turn: t, scaler: keda.Scaler{
		Endpoint: l.broker.Monitor, Stream: storelog.Stream, Consumer: storelog.Durable("provisioner", ""),
	}}
	for _, r := range l.Replicas {
		if r.Service == "provisioner" {
			s.workers = append(s.workers, r)
		}
	}
	s.running = len(s.workers)
	if err := s.upAndDown(ctx, stores); err != nil {
		return err
	}
	if err := l.atRest(ctx); err != nil {
		l.complain("the platform didn't come to rest: %v", err)
	}
	t.verifyMade(ctx, stores)
	yielded := t.logged()[store.AttemptYielded]
	if yielded == 0 {
		l.complain("nothing was handed over")
	}
	for _, told := range s.tally.refused() {
		l.complain("a client was told %s", told)
	}
	fmt.Fprintf(l.out, "scale: %d attempts handed over\n", yielded)
	return t.judge(ctx)
}

// upAndDown waits for each thing to be seen before the next is done. The pods wait where slots are to stay in use.
func (s *scaling) upAndDown(ctx context.Context, stores int) error {
	open := s.cluster.shut()
	defer func() { open() }()
	all := func(v view) bool { return v.lag == stores && s.full(v) }
	steps := []struct {
		name string
		do   func() error
		so   func(view) bool
	}{
		{"resting", func() error { return s.withoutCluster(ctx) },
			func(v view) bool { return v.lag == clusterless && v.resting == v.lag && v.idle() }},
		{"asked for", func() error { return s.withCluster(ctx, stores) }, all},
		{"told of", func() error { return s.alarms(ctx, "StorePlatformSlotsBusy") }, all},
		{"shared", func() error { return s.to(ctx, len(s.workers)) }, all},
		{"made", func() error { open(); return nil }, func(v view) bool { return v.lag <= left*s.slots*len(s.workers) }},
		{"held up", func() error { open = s.cluster.shut(); return nil }, s.full},
		{"handed over", func() error { return s.to(ctx, 1) }, s.full},
		{"Ready", func() error { open(); return nil }, func(v view) bool { return v.lag == 0 && v.idle() }},
	}
	began := time.Now()
	for _, step := range steps {
		if err := step.do(); err != nil {
			return err
		}
		seen, err := s.await(ctx, step.so)
		if err != nil {
			return fmt.Errorf("stores are to be %s: %w", step.name, err)
		}
		fmt.Fprintf(s.out, "scale: %s after %s, with %d provisioners of %d slots: the scaler sees %d\n",
			step.name, brief(time.Since(began)), s.running, s.slots, seen.lag)
	}
	return nil
}

// view is what an autoscaler could see.
type view struct {
	lag int
	// resting is what the provisioners that run have told to come again, busy the slots in use of each.
	resting int
	busy    []int
}

func (v view) idle() bool {
	return !slices.ContainsFunc(v.busy, func(slots int) bool { return slots > 0 })
}

// full says that every slot of those that run is in use, or everything that is left is worked on.
func (s *scaling) full(v view) bool {
	inUse := 0
	for _, slots := range v.busy {
		inUse += slots
	}
	return inUse == min(len(v.busy)*s.slots, v.lag)
}

func (s *scaling) await(ctx context.Context, so func(view) bool) (v view, err error) {
	err = waittest.Until(ctx, func() (err error) {
		if v, err = s.look(ctx); err == nil && !so(v) {
			return fmt.Errorf("the scaler sees %d, %d rest and the slots in use are %v", v.lag, v.resting, v.busy)
		}
		return err
	})
	return v, err
}

func (s *scaling) look(ctx context.Context) (v view, err error) {
	if v.lag, err = s.scaler.Lag(ctx); err != nil {
		return v, err
	}
	running := s.workers[:s.running]
	said := s.scrapeOf(ctx, running)
	for _, r := range running {
		pod := fmt.Sprintf("pod=%q", r.Name)
		busy, found := said.Value("work_busy", pod, `lane="all"`)
		if !found {
			return v, fmt.Errorf("%s doesn't say how many slots are in use", r.Name)
		}
		resting, _ := said.Value("work_resting", pod)
		v.resting, v.busy = v.resting+int(resting), append(v.busy, int(busy))
	}
	return v, nil
}

// alarms waits until somebody would be told, if it went on as it is: how much there is to do a worker asks for now and then.
func (s *scaling) alarms(ctx context.Context, alert string) error {
	return waittest.Until(ctx, func() error {
		now := s.scrapeOf(ctx, s.Replicas)
		return monitoring.Steady(now, now).Fires(ctx, s.repo, alert)
	})
}

// withoutCluster leaves one provisioner, which can't reach the cluster from its start on: it spends no attempt to find out.
func (s *scaling) withoutCluster(ctx context.Context) error {
	if err := s.to(ctx, 0); err != nil {
		return err
	}
	s.workers[0].links[trouble.ToAPI].Refuse()
	if err := s.to(ctx, 1); err != nil {
		return err
	}
	return s.ask(ctx, clusterless)
}

// withCluster lets it go on, and has the other stores asked for.
func (s *scaling) withCluster(ctx context.Context, stores int) error {
	s.workers[0].links[trouble.ToAPI].Heal(false)
	return s.ask(ctx, stores)
}

// ask has so many stores been asked for, all in all, one by each client.
func (s *scaling) ask(ctx context.Context, stores int) error {
	var asking sync.WaitGroup
	defer asking.Wait()
	for ; s.asked < stores; s.asked++ {
		c, err := s.newClient(s.asked)
		if err != nil {
			return err
		}
		asking.Go(func() { s.tally.ask(ctx, c) })
	}
	return nil
}

// to has so many provisioners run: it starts some, or asks some to end, all at once, and waits for them.
func (s *scaling) to(ctx context.Context, count int) error {
	ending, starting := s.workers[min(count, s.running):s.running], s.workers[s.running:max(count, s.running)]
	s.running = count
	var group errgroup.Group
	for _, r := range ending {
		group.Go(func() error { _, err := r.halt(ctx); return err })
	}
	for _, r := range starting {
		r.release()
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return s.areReady(ctx, starting)
}
