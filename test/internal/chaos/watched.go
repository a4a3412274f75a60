package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/fasthttp/websocket"
	"golang.org/x/sync/errgroup"

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

// inTrouble are panels that show nothing while nothing is wrong: no keeper says anything, and no attempt fails. Of ofBackups
// nobody says anything while there is no nightly job.
var (
	inTrouble = []string{"What keepers said, a minute", "Attempts that failed, a minute"}
	ofBackups = []string{"Age of the newest backup"}
)

// notInLab are those that have nothing to show in a lab, each with its reason.
var notInLab = map[string]string{
	"Alerts":                        "none is to fire while nothing is wrong, and Fires sees those that do",
	"Volumes of the bundled broker": "the kubelet's word",
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
		{"provisioners gone", w.withoutProvisioners}, {"the broker away", w.withoutBroker}, {"all of it gone", w.withoutAll},
		{"shops ill and creates failing", w.ill}, {"the feed full", w.crowded}, {"no backup taken", w.withoutBackups},
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
	queries, err := monitoring.Queries(w.repo, func(title string) bool {
		return notInLab[title] == "" && !slices.Contains(inTrouble, title) && !slices.Contains(ofBackups, title)
	})
	if err != nil {
		return err
	}
	return errors.Join(going.Answered(ctx, w.repo, queries), going.Fires(ctx, w.repo))
}

func (w *watcher) withoutPostgres(ctx context.Context) error {
	return w.cutFrom(ctx, trouble.ToPostgres, func() (going monitoring.Going, err error) {
		earlier, err := w.until(ctx, func(s *monitoring.Scrape) error {
			return errors.Join(most(s, 0, "readmodel_answers"), least(s, 1, "projection_lag"))
		})
		if err != nil {
			return going, err
		}
		for range failedLists {
			if _, err := parts.Page(ctx, "http://"+w.gateways[0]+"/stores"); err == nil {
				return going, errors.New("a list could be had")
			}
		}
		return monitoring.Growing(earlier, w.scrape(ctx)), nil
	}, "StorePlatformPostgresAway", "StorePlatformProjectionBehind", "StorePlatformErrors")
}

func (w *watcher) withoutCluster(ctx context.Context) error {
	return w.cutFrom(ctx, trouble.ToAPI, func() (going monitoring.Going, err error) {
		earlier, err := w.until(ctx, func(s *monitoring.Scrape) error {
			return least(s, 1, "work_backlog_age_seconds", `"store-provisioner"`)
		})
		if err != nil {
			return going, err
		}
		age, _ := earlier.Value("sweep_age_seconds")
		later, err := w.until(ctx, func(s *monitoring.Scrape) error {
			return least(s, age+float64(aging*len(w.of("janitor"))), "sweep_age_seconds")
		})
		return monitoring.Growing(earlier, later), err
	}, "StorePlatformCommandsWait", "StorePlatformNotSwept")
}

// cutFrom refuses every way of a kind, and mends them behind a look at what goes on while a store is asked for.
func (w *watcher) cutFrom(ctx context.Context, what string, look func() (monitoring.Going, error), alerts ...string) error {
	ways := w.ways(what)
	for _, way := range ways {
		way.Refuse()
	}
	w.client.create(ctx, false, false)
	going, err := look()
	if err == nil {
		err = going.Fires(ctx, w.repo, alerts...)
	}
	for _, way := range ways {
		way.Heal(true)
	}
	if err != nil {
		return err
	}
	return w.atRest(ctx)
}

func (w *watcher) withoutProvisioners(ctx context.Context) error {
	return w.without(ctx, w.of("provisioner"), "StorePlatformServiceGone", "StorePlatformKeeperSilent")
}

func (w *watcher) withoutBroker(ctx context.Context) error {
	return w.without(ctx, []*Replica{w.Broker}, "StorePlatformBrokerAway")
}

func (w *watcher) withoutAll(ctx context.Context) error {
	if err := w.isWhole(ctx); err != nil {
		return err
	}
	return w.without(ctx, w.Replicas, "StorePlatformUnseen")
}

// without ends some, and starts them again behind the scrape.
func (w *watcher) without(ctx context.Context, gone []*Replica, alerts ...string) error {
	var ending errgroup.Group
	for _, r := range gone {
		ending.Go(func() error { _, err := r.halt(ctx); return err })
		defer r.release()
	}
	if err := ending.Wait(); err != nil {
		return err
	}
	now := w.scrape(ctx)
	return monitoring.Steady(now, now).Fires(ctx, w.repo, alerts...)
}

// crowded has clients listen until no replica of events takes another one.
func (w *watcher) crowded(ctx context.Context) error {
	earlier := w.scrape(ctx)
	var refused error
	for listening := 0; refused == nil; listening++ {
		if most := seats * len(w.of("events")); listening > most {
			return fmt.Errorf("%d clients listen, and %d may", listening, most)
		}
		var conn *websocket.Conn
		if conn, refused = dial(ctx, w.gateways[0], w.client.address, nil); refused == nil {
			defer conn.NetConn().Close()
		}
	}
	if err := monitoring.Steady(earlier, w.scrape(ctx)).Fires(ctx, w.repo, "StorePlatformFeedFull"); err != nil {
		return fmt.Errorf("a client was told %w: %w", refused, err)
	}
	return nil
}

// ill has shops not sell, creates fail for good, and a namespace be there that nobody knows.
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
	stray := w.cluster.stray(ctx)
	replicas := float64(len(w.of("events")))
	later, err := w.until(ctx, func(s *monitoring.Scrape) error {
		return errors.Join(
			least(s, replicas*float64(len(shops)), "readmodel_stores", `"Degraded"`), least(s, replicas*squattedCreates, "readmodel_stores", `"Failed"`),
			least(s, 1, "sweep_alarm"),
		)
	})
	if err != nil {
		return err
	}
	return errors.Join(
		monitoring.Growing(earlier, later).Shows(ctx, w.repo, inTrouble,
			"StorePlatformStoresDegraded", "StorePlatformAttemptsFail", "StorePlatformDeadLetters", "StorePlatformSweepAlarm"),
		w.clear(ctx, shops, stray),
	)
}

func (w *watcher) fall(shops []store.ID, ill bool) {
	for _, id := range shops {
		w.cluster.fall(id, ill)
	}
}

// clear mends the shops, removes what is others', and deletes all that the turn has asked for.
func (w *watcher) clear(ctx context.Context, shops []store.ID, stray string) error {
	w.fall(shops, false)
	// At once, since each namespace takes seconds to go.
	var leaving errgroup.Group
	leaving.Go(func() error { return w.cluster.removeSpace(ctx, stray) })
	for i := range w.client.stores {
		leaving.Go(func() error { w.client.unsquat(ctx, &w.client.stores[i]); return nil })
	}
	if err := leaving.Wait(); err != nil {
		return err
	}
	for i := range w.client.stores {
		s := &w.client.stores[i]
		w.client.command(ctx, s, string(store.Delete), nil, false)
	}
	return w.atRest(ctx)
}

// scrape is of all, whose names are noted.
func (w *watcher) scrape(ctx context.Context) *monitoring.Scrape {
	s := w.scrapeOf(ctx, w.Replicas)
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

func (w *watcher) unsaid() ([]string, error) {
	queries, err := monitoring.Queries(w.repo, func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	rules, err := monitoring.Rules(w.repo)
	for _, rule := range rules {
		queries = append(queries, rule.Expr)
	}
	return w.names.Unsaid(queries), err
}
