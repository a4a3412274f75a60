package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/chaos/link"
	"github.com/store-platform/store-platform/test/internal/chaos/trouble"
	"github.com/store-platform/store-platform/test/internal/monitoring"
	"github.com/store-platform/store-platform/test/internal/parts"
)

const (
	// watchedStores are made, squattedCreates fail for good: more than an alert wants. One store in illOf is ill.
	watchedStores, squattedCreates, illOf = 3, 5, 4
	// aging is by how many seconds what ages is to have aged between two scrapes: sweeps say it in whole ones.
	aging = 4
	// failedLists are asked for while there is no Postgres.
	failedLists = 20
)

// inTrouble are panels that show nothing while nothing is wrong: no keeper says anything, and no attempt fails.
var inTrouble = []string{"What keepers said, a minute", "Attempts that failed, a minute"}

// notInLab are those that have nothing to show in a lab, each with its reason.
var notInLab = map[string]string{
	"Alerts":                        "none is to fire while nothing is wrong, and Fires sees those that do",
	"Volumes of the bundled broker": "the kubelet's word",
	"Age of the newest backup":      "kube-state-metrics's word",
}

// watcher is a Prometheus in a few words.
type watcher struct {
	*turn
	client *client
	names  monitoring.Names
}

// Watched holds alerts and boards against what the services say: at rest every panel has something to show and no alert fires; in
// each of some faults those of its kind do, if it goes on as it does between two scrapes.
func (l *Lab) Watched(ctx context.Context) error {
	t, err := l.begin(ctx, "watched", suiteSeed)
	if err != nil {
		return err
	}
	c, err := t.newClient(0)
	if err != nil {
		return err
	}
	w := &watcher{turn: t, client: c, names: monitoring.Names{}}
	for _, step := range []struct {
		name string
		take func(context.Context) error
	}{
		{"at rest", w.rest}, {"Postgres away", w.withoutPostgres}, {"the cluster away", w.withoutCluster},
		{"provisioners gone", w.withoutProvisioners}, {"the broker away", w.withoutBroker}, {"shops ill and creates failing", w.ill},
	} {
		began := time.Now()
		if err := step.take(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Fprintf(l.out, "%s: %s, seen after %s\n", t.name, step.name, brief(time.Since(began)))
	}
	if unsaid, err := w.unsaid(); err != nil || len(unsaid) > 0 {
		return errors.Join(err, fmt.Errorf("rules and boards ask for %v, which no service has said", unsaid))
	}
	return errors.Join(c.records.Close(), t.kept())
}

// rest is a platform on which stores are made, and nothing is wrong.
func (w *watcher) rest(ctx context.Context) error {
	earlier := w.scrape(ctx)
	looks, _ := earlier.Value("keeper_looks_total")
	for range watchedStores {
		w.client.create(ctx, false, false)
	}
	if err := w.atRest(ctx); err != nil {
		return err
	}
	// A sweep that met another turn's trouble says so until the next.
	later, err := w.until(ctx, func(s *monitoring.Scrape) error {
		return errors.Join(least(s, looks+1, "keeper_looks_total"), most(s, 0, "sweep_alarm"))
	})
	if err != nil {
		return err
	}
	going := monitoring.Steady(earlier, later)
	queries, err := w.panels(func(title string) bool { return notInLab[title] == "" && !slices.Contains(inTrouble, title) })
	if err != nil {
		return err
	}
	return errors.Join(going.Answered(ctx, w.repo, queries), going.Fires(ctx, w.repo))
}

func (w *watcher) withoutPostgres(ctx context.Context) error {
	ways := w.ways(trouble.ToPostgres)
	defer heal(ways)
	for _, way := range ways {
		way.Refuse()
	}
	w.client.create(ctx, false, false)
	earlier, err := w.until(ctx, func(s *monitoring.Scrape) error {
		return errors.Join(most(s, 0, "readmodel_answers"), least(s, 1, "projection_lag"))
	})
	if err != nil {
		return err
	}
	for range failedLists {
		if _, err := parts.Page(ctx, "http://"+w.gateways[0]+"/stores"); err == nil {
			return errors.New("a list could be had")
		}
	}
	err = monitoring.Growing(earlier, w.scrape(ctx)).Fires(ctx, w.repo, "StorePlatformPostgresAway", "StorePlatformProjectionBehind", "StorePlatformErrors")
	heal(ways)
	return errors.Join(err, w.atRest(ctx))
}

func (w *watcher) withoutCluster(ctx context.Context) error {
	ways := w.ways(trouble.ToAPI)
	defer heal(ways)
	for _, way := range ways {
		way.Refuse()
	}
	w.client.create(ctx, false, false)
	earlier, err := w.until(ctx, func(s *monitoring.Scrape) error {
		return least(s, 1, "work_backlog_age_seconds", `"store-provisioner"`)
	})
	if err != nil {
		return err
	}
	age, _ := earlier.Value("sweep_age_seconds")
	later, err := w.until(ctx, func(s *monitoring.Scrape) error {
		return least(s, age+float64(aging*len(w.of("janitor"))), "sweep_age_seconds")
	})
	if err != nil {
		return err
	}
	err = monitoring.Growing(earlier, later).Fires(ctx, w.repo, "StorePlatformCommandsWait", "StorePlatformNotSwept")
	heal(ways)
	return errors.Join(err, w.atRest(ctx))
}

func (w *watcher) withoutProvisioners(ctx context.Context) error {
	return w.without(ctx, w.of("provisioner"), "StorePlatformServiceGone", "StorePlatformKeeperSilent")
}

func (w *watcher) withoutBroker(ctx context.Context) error {
	return w.without(ctx, []*Replica{w.Broker}, "StorePlatformBrokerAway")
}

// without ends some, and starts them again behind the scrapes.
func (w *watcher) without(ctx context.Context, gone []*Replica, alerts ...string) error {
	var errs []error
	for _, r := range gone {
		_, err := r.halt(ctx)
		errs = append(errs, err)
		defer r.release()
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return monitoring.Steady(w.scrape(ctx), w.scrape(ctx)).Fires(ctx, w.repo, alerts...)
}

// ill has shops not sell, and creates fail for good.
func (w *watcher) ill(ctx context.Context) error {
	if err := errors.Join(w.isWhole(ctx), w.atRest(ctx)); err != nil {
		return err
	}
	earlier := w.scrape(ctx)
	standing := w.follower.standing()
	shops := standing[:len(standing)/illOf+1]
	defer w.fall(shops, false)
	w.fall(shops, true)
	for range squattedCreates {
		w.client.create(ctx, false, true)
	}
	later, err := w.until(ctx, func(s *monitoring.Scrape) error {
		return errors.Join(least(s, float64(len(shops)*len(w.of("events"))), "readmodel_stores", `"Degraded"`), least(s, float64(squattedCreates*len(w.of("events"))), "readmodel_stores", `"Failed"`))
	})
	if err != nil {
		return err
	}
	queries, err := w.panels(func(title string) bool { return slices.Contains(inTrouble, title) })
	if err != nil {
		return err
	}
	going := monitoring.Growing(earlier, later)
	return errors.Join(
		going.Answered(ctx, w.repo, queries),
		going.Fires(ctx, w.repo, "StorePlatformStoresDegraded", "StorePlatformAttemptsFail", "StorePlatformDeadLetters"),
		w.clear(ctx, shops),
	)
}

func (w *watcher) fall(shops []store.ID, ill bool) {
	for _, id := range shops {
		w.cluster.fall(id, ill)
	}
}

// clear mends the shops, and deletes all that the turn has asked for.
func (w *watcher) clear(ctx context.Context, shops []store.ID) error {
	w.fall(shops, false)
	for i := range w.client.stores {
		s := &w.client.stores[i]
		w.client.unsquat(ctx, s)
		w.client.command(ctx, s, string(store.Delete), nil, false)
	}
	return w.atRest(ctx)
}

// scrape asks every replica of a service for its page. What can't be reached says nothing.
func (w *watcher) scrape(ctx context.Context) *monitoring.Scrape {
	s := monitoring.NewScrape()
	for _, r := range w.Replicas {
		page, err := r.metrics(ctx)
		if err != nil {
			continue
		}
		if err := s.Add(r.Name, page); err != nil {
			w.complain("%v", err)
		}
	}
	w.names.Note(s)
	return s
}

// until scrapes until what is said is so.
func (w *watcher) until(ctx context.Context, so func(*monitoring.Scrape) error) (s *monitoring.Scrape, err error) {
	err = waittest.Until(ctx, func() error {
		s = w.scrape(ctx)
		return so(s)
	})
	return s, err
}

func least(s *monitoring.Scrape, enough float64, metric string, labels ...string) error {
	if value, _ := s.Value(metric, labels...); value < enough {
		return fmt.Errorf("%s %v is %s, and is to be %v at least", metric, labels, strconv.FormatFloat(value, 'f', 0, 64), enough)
	}
	return nil
}

func most(s *monitoring.Scrape, enough float64, metric string, labels ...string) error {
	if value, found := s.Value(metric, labels...); !found || value > enough {
		return fmt.Errorf("%s %v is %v, and is to be %v at most", metric, labels, value, enough)
	}
	return nil
}

func (w *watcher) of(service string) (replicas []*Replica) {
	for _, r := range w.Replicas {
		if r.Service == service {
			replicas = append(replicas, r)
		}
	}
	return replicas
}

// ways are every replica's of a kind.
func (w *watcher) ways(to string) (ways []*link.Link) {
	for _, r := range w.Replicas {
		if way := r.links[to]; way != nil {
			ways = append(ways, way)
		}
	}
	return ways
}

func heal(ways []*link.Link) {
	for _, way := range ways {
		way.Heal(true)
	}
}

// panels are the queries of those whose title is wanted.
func (w *watcher) panels(wanted func(title string) bool) (queries []string, err error) {
	boards, err := monitoring.Boards(w.repo)
	for _, board := range boards {
		for _, panel := range board.Panels {
			if wanted(panel.Title) {
				queries = append(queries, panel.Queries()...)
			}
		}
	}
	return queries, err
}

func (w *watcher) unsaid() ([]string, error) {
	queries, err := w.panels(func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	rules, err := monitoring.Rules(w.repo)
	for _, rule := range rules {
		queries = append(queries, rule.Expr)
	}
	return w.names.Unsaid(queries), err
}
