package installed_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/store-platform/store-platform/pkg/programtest"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/chaos/record"
)

const (
	// creates come one by one while everything is rolled, createsBack while it is rolled back, and so many clients listen to the feed.
	creates     = 50
	createsBack = 10
	listeners   = 200
	every       = time.Second
)

// An upgrade that makes every pod anew, brokers included, while stores are asked for and clients listen, and the way back from it; then
// the judge of the chaos runs says what came of it. It is one of values.
func TestAnUpgradeAndTheWayBackLoseNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("sixty stores on one node: run by make test-long")
	}
	i := prepare(t, "upgraded")
	i.Install(t, i.values(), roomy)
	i.AwaitReady(t)
	l := i.begin(t)
	made := l.during(t, "upgrade", creates, func() {
		i.isMadeAnew(t, func() { i.Upgrade(t, i.values(), roomy, otherwise) })
	})
	i.areReady(t, made...)
	made = l.during(t, "rollback", createsBack, func() {
		i.isMadeAnew(t, func() { i.Helm(t, "rollback", i.Name, "1") })
	})
	i.areReady(t, made...)
	i.end(t, l)
	i.buysIn(t, i.Get(t, made[0]))
}

// isMadeAnew holds that no pod but the database's outlives a change.
func (i *installation) isMadeAnew(t *testing.T, change func()) {
	t.Helper()
	before := map[string]bool{}
	for _, pod := range i.Pods(t, i.Namespace, ofTheChart) {
		before[pod.Metadata.UID] = pod.Metadata.Labels[component] != "postgres"
	}
	change()
	i.AwaitReady(t)
	waittest.Eventually(t, func() error {
		for _, pod := range i.Pods(t, i.Namespace, ofTheChart) {
			if before[pod.Metadata.UID] {
				return fmt.Errorf("%s is the one that was there before", pod.Metadata.Name)
			}
		}
		return nil
	})
}

// begin has the clients listen, on a platform that has a store.
func (i *installation) begin(t *testing.T) *load {
	t.Helper()
	l := newLoad(t, i.Platform)
	first, err := l.create(t.Context(), "before-the-upgrade")
	if err != nil {
		t.Fatal(err)
	}
	i.areReady(t, first)
	l.listen(t, listeners)
	return l
}

// end lets them go, and holds that nobody was turned away (see refused) and nothing lost.
func (i *installation) end(t *testing.T, l *load, abrupt ...string) {
	t.Helper()
	l.hush(t, i.newest(t))
	if turnedAway := l.refused(t, abrupt...); len(turnedAway) > 0 {
		t.Errorf("%d requests were turned away:\n%s", len(turnedAway), strings.Join(turnedAway, "\n"))
	}
	i.judge(t, l)
}

// roomy lets one tenant have all the clients of the load at one replica.
var roomy = object{"events": object{"feedMaxConnectionsPerTenant": 2 * listeners}}

// otherwise is a change of values that makes every pod anew, but for the database's, which is one and isn't meant to be.
var otherwise = object{"logLevel": "debug", "nats": object{"resources": object{"limits": object{"memory": "900Mi"}}}}

// during asks for so many stores while something happens, and answers them when that is over and all are accepted. Who has all of them
// goes on asking until it is over, by the same keys: pods change when they do, and each that answers has to know the stores of those before.
func (l *load) during(t *testing.T, what string, stores int, happens func()) []store.ID {
	t.Helper()
	var mu sync.Mutex
	made := map[store.ID]bool{}
	over := make(chan struct{})
	asking, ctx := errgroup.WithContext(t.Context())
	asking.Go(func() error {
		var each errgroup.Group
		for n := 0; ; n++ {
			each.Go(func() error {
				id, err := l.create(ctx, fmt.Sprintf("%s-%d", what, n%stores))
				mu.Lock()
				defer mu.Unlock()
				made[id] = true
				return err
			})
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(every):
			}
			if n+1 >= stores && isClosed(over) {
				return each.Wait()
			}
		}
	})
	happens()
	close(over)
	if err := asking.Wait(); err != nil {
		t.Fatal(err)
	}
	return slices.Collect(maps.Keys(made))
}

func isClosed(signal <-chan struct{}) bool {
	select {
	case <-signal:
		return true
	default:
		return false
	}
}

// areReady waits until all of them are.
func (i *installation) areReady(t *testing.T, ids ...store.ID) {
	t.Helper()
	for _, id := range ids {
		t.Cleanup(func() { i.removeNamespace(t, id) })
	}
	waittest.Eventually(t, func() error {
		waiting := 0
		for _, id := range ids {
			var s query.Store
			if _, err := i.Call(t.Context(), http.MethodGet, "/stores/"+string(id), nil, &s); err != nil {
				return err
			}
			if s.Status != store.Ready {
				waiting++
			}
		}
		if waiting > 0 {
			return fmt.Errorf("%d of %d stores aren't Ready", waiting, len(ids))
		}
		return nil
	})
}

// newest is the sequence of the log's last message: nothing is asked for any more, and all stores are as they are to be.
func (i *installation) newest(t *testing.T) (seq uint64) {
	t.Helper()
	var list struct {
		Stores []query.Store `json:"stores"`
	}
	if _, err := i.Call(t.Context(), http.MethodGet, "/stores?limit=200", nil, &list); err != nil {
		t.Fatal(err)
	}
	for _, s := range list.Stores {
		seq = max(seq, s.Version)
	}
	return seq
}

// judge has the chaos runs' judge look at log, read model and cluster from outside, and at what the clients wrote down.
func (i *installation) judge(t *testing.T, l *load) {
	t.Helper()
	node := i.Release.Node(t)
	database := strings.Replace(i.secret(t, "store-platform-postgres")["url"], "store-platform-postgres:5432", node.Relay(t, i.serviceIP(t, i.Namespace, "store-platform-postgres")+":5432"), 1)
	err := record.WriteRun(l.folder, record.Run{
		Installation: i.id, Broker: "nats://" + node.Relay(t, i.serviceIP(t, i.Namespace, "store-platform-nats")+":4222"),
		Passwords: i.secret(t, "store-platform-nats"), Database: database, Kubeconfig: i.Platform.Kubeconfig,
	})
	if err != nil {
		t.Fatal(err)
	}
	judge, err := programtest.Path(t.Context(), "chaoscheck")
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := exec.CommandContext(context.WithoutCancel(t.Context()), judge, l.folder).CombinedOutput()
	if err != nil {
		t.Errorf("%v", err)
	}
	t.Logf("%s", verdict)
}

// secret is one of the namespace's, as text.
func (i *installation) secret(t *testing.T, name string) map[string]string {
	t.Helper()
	var object struct {
		Data map[string]string `json:"data"`
	}
	if status, err := i.Do(t.Context(), http.MethodGet, i.Path("/api/v1", "secrets", name), nil, &object); err != nil || status != http.StatusOK {
		t.Fatalf("read the Secret %s: %d %v", name, status, err)
	}
	for key, value := range object.Data {
		text, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			t.Fatal(err)
		}
		object.Data[key] = string(text)
	}
	return object.Data
}
