package chaos

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
)

const (
	// rolled is how many stores are asked for while every process is ended and started again.
	rolled = 50
	// rollListeners hear of them meanwhile.
	rollListeners = 6
)

// Roll asks for stores while each process of each service in its turn is asked to end, waited for, and started again. It
// fails unless every process ended properly, every store became Ready in its first attempt by one Helm run, or as many as a
// busy machine has cost it, and no client was told anything that it couldn't get over by asking again; and unless the checker
// agrees. Some of the pods take longer to run than a worker waits that is asked to end, so that operations are handed over.
func (l *Lab) Roll(ctx context.Context) error {
	t, err := l.begin(ctx, "roll", suiteSeed)
	if err != nil {
		return err
	}
	hush, err := t.hear(ctx, rollListeners, rollListeners)
	if err != nil {
		return err
	}
	defer func() { _ = hush() }()
	var asking sync.WaitGroup
	var tally rollTally
	began, asked := time.Now(), 0
	for i, r := range l.Replicas {
		for ; asked < (i+1)*rolled/len(l.Replicas); asked++ {
			c, err := t.newClient(asked)
			if err != nil {
				return err
			}
			asking.Go(func() { tally.ask(ctx, c) })
		}
		if err := r.Roll(ctx); err != nil {
			l.complain("%v", err)
		}
	}
	asking.Wait()
	rolledFor := time.Since(began)
	if err := l.atRest(ctx); err != nil {
		l.complain("the platform didn't come to rest: %v", err)
	}
	if err := hush(); err != nil {
		return err
	}
	t.verifyMade(ctx, rolled)
	fmt.Fprintf(l.out, "roll: %d processes rolled in %s, at rest after %s; %d stores asked for, %d requests asked again, %d attempts handed over\n",
		len(l.Replicas), rolledFor.Round(time.Second), time.Since(began).Round(time.Second), rolled, tally.again.Load(), t.logged()[store.AttemptYielded])
	for _, told := range tally.refused() {
		l.complain("a client was told %s", told)
	}
	return t.judge(ctx)
}

// rollTally is what the clients met.
type rollTally struct {
	again atomic.Int64
	mu    sync.Mutex
	told  []string
}

// ask asks for one store, until the answer is final.
func (t *rollTally) ask(ctx context.Context, c *client) {
	defer func() { _ = c.records.Close() }()
	defer c.http.CloseIdleConnections()
	tries := int64(0)
	answer := c.insistWith(ctx, func() record.Request {
		tries++
		return c.make(ctx)
	})
	t.again.Add(tries - 1)
	if answer.HTTP != http.StatusAccepted {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.told = append(t.told, fmt.Sprintf("%d %s %s", answer.HTTP, answer.Code, answer.Error))
	}
}

func (t *rollTally) refused() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.told
}

// busy are the reasons for which an attempt may fail while processes are rolled: they are the machine's, not the roll's.
var busy = []string{"TimedOut", "ClusterBusy"}

// verifyMade looks at every store that was asked for, one by each of so many clients. Each attempt but the last has said why it
// failed, and no attempt has had more than one Helm run.
func (t *turn) verifyMade(ctx context.Context, clients int) {
	for n := range clients {
		id := store.DeriveID(t.tenant(n), t.clientName("client", n))
		state, retries := t.follower.state(id)
		if state.Status != store.Ready || state.Attempt != 1+len(retries) {
			t.complain("store %s is %s after %d attempts, of which %v failed: %s %s", id, state.Status, state.Attempt, retries, state.Reason, state.Detail)
		}
		for _, reason := range retries {
			if !slices.Contains(busy, reason) {
				t.complain("an attempt of store %s failed: %s", id, reason)
			}
		}
		revisions, err := t.revisions(ctx, id)
		if err != nil || len(revisions) == 0 || len(revisions) > state.Attempt {
			t.complain("store %s has the Helm revisions %v after %d attempts (%v)", id, revisions, state.Attempt, err)
		}
	}
	if made := t.logged()[store.CreateCommand]; made != clients {
		t.complain("%d stores were made, want %d", made, clients)
	}
}

func (l *Lab) revisions(ctx context.Context, id store.ID) ([]string, error) {
	var list struct {
		Items []object `json:"items"`
	}
	_, err := l.api.Do(ctx, http.MethodGet, "/api/v1/namespaces/"+id.Namespace()+"/secrets?labelSelector=owner%3Dhelm", nil, &list)
	names := make([]string, len(list.Items))
	for i, o := range list.Items {
		names[i] = o.Metadata.Labels["version"] + " " + o.Metadata.Labels["status"]
	}
	return names, err
}
