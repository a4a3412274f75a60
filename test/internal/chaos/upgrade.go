package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// mixture says which services are the clone's, in the order of upgraded; the others are of the release before.
type mixture [4]bool

var upgraded = [4]string{"gateway", "provisioner", "janitor", "events"}

func (m mixture) String() string {
	name := "mix-"
	for _, ours := range m {
		if ours {
			name += "n"
		} else {
			name += "o"
		}
	}
	return name
}

// mixtures are as many as it takes for any two services to meet in each of the four ways that two releases have, from a lab of
// the release before on; the last is the way back. On the way from one to the next each replica is replaced while the others of
// its service go on, so that it meets its own other release too.
var mixtures = []mixture{
	{false, true, true, true},
	{true, false, true, true},
	{true, true, false, true},
	{true, true, true, false},
	{false, false, false, false},
}

const (
	mixClients = 4
	// mixStores is how many stores each of them wants at once: each mixture waits until all is done.
	mixStores = 3
)

// Upgrade takes a lab that began with the release before through the mixtures, and back to that release, while clients ask,
// remove, list and listen; the log keeps the level that it has. Then nobody is of that release any more and the level is raised,
// and then somebody is, against the rules.
func (l *Lab) Upgrade(ctx context.Context) error {
	var last *turn
	for _, m := range mixtures {
		t, err := l.mix(ctx, m)
		if err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
		last = t
	}
	if err := last.judge(ctx); err != nil {
		return err
	}
	if err := l.raise(ctx, last.mended); err != nil {
		return fmt.Errorf("with the level raised: %w", err)
	}
	return nil
}

// mix doesn't judge: a judge looks at all that earlier turns have left, too, and what nobody would find later is looked for here.
func (l *Lab) mix(ctx context.Context, m mixture) (*turn, error) {
	t, err := l.begin(ctx, fmt.Sprintf("%s-%d", m, l.turns+1), suiteSeed)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	hush, err := t.hear(ctx, mixClients, mixClients/2)
	if err != nil {
		return nil, err
	}
	defer func() { _ = hush() }()
	var mixed time.Duration
	var mending errgroup.Group
	err = t.asking(ctx, func() error {
		if m == mixtures[0] {
			// What the release before has made is there to be met by this one.
			if err := t.atWork(ctx); err != nil {
				return err
			}
		}
		if err := l.become(ctx, m); err != nil {
			return err
		}
		mixed = time.Since(began)
		mending.Go(func() error { return t.mend(ctx) })
		return t.atWork(ctx)
	})
	if err := errors.Join(err, mending.Wait()); err != nil {
		return nil, err
	}
	mended := time.Since(began)
	if err := l.atRest(ctx); err != nil {
		return nil, fmt.Errorf("the platform didn't come to rest: %w", err)
	}
	t.lists(ctx, l.gateways, t.tenants(mixClients+1))
	if err := hush(); err != nil {
		return nil, err
	}
	fmt.Fprintf(l.out, "%s: mixed after %s, a store mended after %s, at rest and listed after %s\n",
		t.name, brief(mixed), brief(mended), brief(time.Since(began)))
	writeCounts(l.out, "logged: ", t.logged())
	return t, t.kept()
}

func brief(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }

// atWork waits until more stores have become Ready.
func (t *turn) atWork(ctx context.Context) error {
	before := t.logged()[store.BecameReady]
	return waittest.Until(ctx, func() error {
		if made := t.logged()[store.BecameReady] - before; made < mixClients {
			return fmt.Errorf("%d more stores are Ready", made)
		}
		return nil
	})
}

// asking lets clients work while something changes.
func (t *turn) asking(ctx context.Context, change func() error) (err error) {
	asking, calm := context.WithCancel(ctx)
	var working sync.WaitGroup
	var records []io.Closer
	defer func() {
		calm()
		working.Wait()
		err = errors.Join(err, closeAll(records))
	}()
	for n := range mixClients {
		c, err := t.newClient(n)
		if err != nil {
			return err
		}
		records = append(records, c.records)
		working.Go(func() { c.run(asking) })
	}
	return change()
}

// become replaces the replicas that are of another release than the mixture says: services side by side, the replicas of one
// service one after the other.
func (l *Lab) become(ctx context.Context, m mixture) error {
	group, ctx := errgroup.WithContext(ctx)
	for i, service := range upgraded {
		group.Go(func() error {
			for _, r := range l.Replicas {
				if r.Service != service || !r.become(!m[i]) {
					continue
				}
				if err := r.Roll(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// mend takes something away from a store that stands, and waits for it to be brought back.
func (t *turn) mend(ctx context.Context) (err error) {
	if t.mended, err = t.stand(ctx, mixClients); err != nil {
		return err
	}
	path := "/apis/apps/v1/namespaces/" + t.mended.Namespace() + "/deployments"
	var list struct {
		Items []object `json:"items"`
	}
	if _, err := t.api.Do(ctx, http.MethodGet, path, nil, &list); err != nil || len(list.Items) == 0 {
		return fmt.Errorf("find what store %s runs: %d deployments: %w", t.mended, len(list.Items), err)
	}
	if _, err := t.api.Do(ctx, http.MethodDelete, path+"/"+list.Items[0].Metadata.Name, nil, nil); err != nil {
		return err
	}
	return waittest.Until(ctx, func() error { return t.is(t.mended, store.Mend, store.Ready) })
}

// is fails unless a store's newest command is done and has left it so.
func (t *turn) is(id store.ID, verb store.Verb, status store.Status) error {
	s, _ := t.follower.state(id)
	if s.Verb == verb && s.Status == status && !s.InFlight() {
		return nil
	}
	return fmt.Errorf("store %s is %s after %s, attempt %d: %s %s", id, s.Status, s.Verb, s.Attempt, s.Reason, s.Message)
}
