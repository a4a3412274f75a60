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
	"github.com/store-platform/store-platform/test/internal/chaos/record"
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

// mixtures are as many as it takes for any two services to meet in each of the four ways that two releases have. On the way
// from one to the next each replica is replaced while the others of its service go on, so that it meets its own other release
// too.
var mixtures = []mixture{
	{false, false, false, false},
	{false, true, true, true},
	{true, false, true, true},
	{true, true, false, true},
	{true, true, true, false},
}

const (
	mixClients = 4
	// mixedFor is how long clients work when everybody is of the release that a mixture says.
	mixedFor = 3 * time.Second
)

// Upgrade takes a lab that began with the release before through the mixtures, and back to that release, while clients ask,
// remove, list and listen. Each mixture is judged when it has come to rest, and everything before it with it. The log keeps
// the level that it has.
func (l *Lab) Upgrade(ctx context.Context) error {
	for _, m := range append(mixtures, mixture{}) {
		if err := l.mix(ctx, m); err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
	}
	return nil
}

func (l *Lab) mix(ctx context.Context, m mixture) error {
	t, err := l.begin(ctx, fmt.Sprintf("%s-%d", m, l.turns+1), suiteSeed)
	if err != nil {
		return err
	}
	began := time.Now()
	listening, quiet := context.WithCancel(ctx)
	var hearing sync.WaitGroup
	defer func() {
		quiet()
		hearing.Wait()
	}()
	var closers []io.Closer
	for n := range mixClients {
		f, err := t.newListener(n, n/2)
		if err != nil {
			return err
		}
		closers = append(closers, f.records)
		hearing.Go(func() { f.run(listening, ctx) })
	}
	working, err := t.asking(ctx, func() error { return l.become(ctx, m) })
	closers = append(closers, working...)
	if err != nil {
		return err
	}
	mixed := time.Since(began)
	if err := t.mend(ctx); err != nil {
		return err
	}
	if err := l.atRest(ctx); err != nil {
		l.complain("the platform didn't come to rest: %v", err)
	}
	t.lists(ctx)
	quiet()
	hearing.Wait()
	for _, c := range closers {
		err = errors.Join(err, c.Close())
	}
	fmt.Fprintf(l.out, "%s: mixed after %s, at rest and listed after %s\n", t.name, mixed.Round(100*time.Millisecond), time.Since(began).Round(100*time.Millisecond))
	writeCounts(l.out, "logged: ", t.logged())
	return errors.Join(err, t.judge(ctx))
}

// asking lets clients work while the replicas change, and for a while after it.
func (t *turn) asking(ctx context.Context, change func() error) (closers []io.Closer, err error) {
	asking, calm := context.WithCancel(ctx)
	defer calm()
	var working sync.WaitGroup
	for n := range mixClients {
		c, err := t.newClient(n)
		if err != nil {
			return closers, err
		}
		closers = append(closers, c.records)
		working.Go(func() { c.run(asking) })
	}
	err = change()
	select {
	case <-ctx.Done():
	case <-time.After(mixedFor):
	}
	calm()
	working.Wait()
	return closers, errors.Join(err, ctx.Err())
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
func (t *turn) mend(ctx context.Context) error {
	c, err := t.newClient(mixClients)
	if err != nil {
		return err
	}
	defer func() { _ = c.records.Close() }()
	made := c.insist(ctx, record.Request{Verb: string(store.Create), Key: c.name}, http.MethodPost, "/stores",
		map[string]any{"name": "Shop " + c.name, "engine": "sample"})
	if made.HTTP != http.StatusAccepted {
		return fmt.Errorf("make a store to be mended: %d %s %s", made.HTTP, made.Code, made.Error)
	}
	err = waittest.Until(ctx, func() error { return t.is(made.Store, store.Create, store.Ready) })
	if err != nil {
		return err
	}
	path := "/apis/apps/v1/namespaces/" + made.Store.Namespace() + "/deployments"
	var list struct {
		Items []object `json:"items"`
	}
	if _, err := t.api.Do(ctx, http.MethodGet, path, nil, &list); err != nil || len(list.Items) == 0 {
		return fmt.Errorf("find what store %s runs: %d deployments: %w", made.Store, len(list.Items), err)
	}
	if _, err := t.api.Do(ctx, http.MethodDelete, path+"/"+list.Items[0].Metadata.Name, nil, nil); err != nil {
		return err
	}
	return waittest.Until(ctx, func() error { return t.is(made.Store, store.Mend, store.Ready) })
}

// is fails unless a store's newest command is done and has left it so.
func (t *turn) is(id store.ID, verb store.Verb, status store.Status) error {
	s, _ := t.follower.state(id)
	if s.Verb == verb && s.Status == status && !s.InFlight() {
		return nil
	}
	return fmt.Errorf("store %s is %s after %s, attempt %d: %s %s", id, s.Status, s.Verb, s.Attempt, s.Reason, s.Message)
}
