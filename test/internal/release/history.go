package release

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// The two tenants, by their addresses.
const (
	alice = "10.0.0.1"
	bob   = "10.0.0.2"
)

// author lets an installation live through everything that can happen to a store.
type author struct {
	*Installation
	log     *storelog.Log
	answers Answers
	// stores by name.
	stores map[string]store.ID
}

// write makes the history and leaves stores in every status behind, with nobody at work.
func (a *author) write(ctx context.Context) error {
	nc, err := a.broker.Dial("provisioner")
	if err != nil {
		return err
	}
	defer nc.Close()
	if err := a.Offer(ctx); err != nil {
		return err
	}
	if err := a.create(ctx, alice, "Was early", nil); err != nil {
		return err
	}
	if err := a.say(ctx, nc, platform.Cluster{Ready: true, Since: time.Now().UTC()}); err != nil {
		return err
	}
	workers, err := a.work(ctx, true)
	if err != nil {
		return err
	}
	err = a.live(ctx, workers, nc)
	workers.Stop()
	if err != nil {
		return err
	}
	if err := a.leave(ctx); err != nil {
		return err
	}
	if err := a.say(ctx, nc, platform.Cluster{Message: "building containerd (3 of 8)", Part: "containerd", Done: 3, Total: 8, Since: time.Now().UTC()}); err != nil {
		return err
	}
	// Nobody works on this one.
	return a.create(ctx, bob, "Waits for a worker", nil)
}

func (a *author) live(ctx context.Context, workers *Workers, provisioner *nats.Conn) error {
	workers.waiting.Store(true)
	if err := a.create(ctx, alice, "Has waited", nil); err != nil {
		return err
	}
	if err := a.until(ctx, "Has waited", func(s store.State) bool { return s.Reason != "" }); err != nil {
		return err
	}
	workers.waiting.Store(false)
	for _, name := range []string{
		"Stays ready", staysFailed, failsOnce, triesAgain, isYielded, isOvertaken, isHalfGone, "Is gone for good", isPutAway, isDegraded, hasRecovered, isStuck,
	} {
		if err := a.create(ctx, alice, name, nil); err != nil {
			return err
		}
	}
	for name, more := range map[string]map[string]any{
		"Blumen & Söhne": {"options": map[string]any{"currency": "EUR"}}, "Lives for a year": {"ttl": "8760h"}, wasMended: nil, isMended: nil, mendFails: nil,
	} {
		if err := a.create(ctx, bob, name, more); err != nil {
			return err
		}
	}
	for name, there := range map[string]func(store.State) bool{
		"Was early": isReady, "Has waited": isReady, "Stays ready": isReady, isHalfGone: isReady, "Is gone for good": isReady,
		"Blumen & Söhne": isReady, "Lives for a year": isReady, staysFailed: isFailed, failsOnce: isFailed,
		isPutAway: isFailed, isDegraded: isReady, hasRecovered: isReady, wasMended: isReady, isMended: isReady, mendFails: isReady, isStuck: isReady,
		triesAgain:  func(s store.State) bool { return s.NotBefore != nil },
		isYielded:   hasDone("credentials"),
		isOvertaken: hasDone("credentials"),
	} {
		if err := a.until(ctx, name, there); err != nil {
			return err
		}
	}
	if err := a.repeat(ctx); err != nil {
		return err
	}
	if err := a.look(ctx, provisioner, "Stays ready"); err != nil {
		return err
	}
	if err := a.change(ctx); err != nil {
		return err
	}
	if err := a.ail(ctx, provisioner); err != nil {
		return err
	}
	workers.waiting.Store(true)
	if err := a.create(ctx, bob, "Waits for the cluster", nil); err != nil {
		return err
	}
	return a.until(ctx, "Waits for the cluster", func(s store.State) bool { return s.Reason != "" })
}

// change retries and deletes what is there.
func (a *author) change(ctx context.Context) error {
	for _, wish := range []struct {
		name, method, suffix string
		there                func(store.State) bool
	}{
		{failsOnce, http.MethodPost, "/retry", isReady},
		{isOvertaken, http.MethodDelete, "", func(s store.State) bool { return s.Status == store.Deleted && len(s.Open) == 0 }},
		{"Is gone for good", http.MethodDelete, "", func(s store.State) bool { return s.Status == store.Deleted }},
		{isHalfGone, http.MethodDelete, "", hasDone("namespace")},
	} {
		status, answer, err := a.Call(ctx, alice, wish.method, "/stores/"+string(a.stores[wish.name])+wish.suffix, nil, "")
		if err != nil || status != http.StatusAccepted {
			return fmt.Errorf("%s store %q: %d %v: %w", wish.method, wish.name, status, answer, err)
		}
		if err := a.until(ctx, wish.name, wish.there); err != nil {
			return err
		}
	}
	return nil
}

func isReady(s store.State) bool  { return s.Status == store.Ready }
func isFailed(s store.State) bool { return s.Status == store.Failed }

// hasDone is said of the newest command only: a step that the create did isn't one that the delete did.
func hasDone(step string) func(store.State) bool {
	return func(s store.State) bool {
		return slices.Contains(s.Steps, step) && (s.Verb == store.Delete) == !slices.Contains(s.Steps, "credentials")
	}
}

// Offer publishes the packs of the clone as the provisioner does, and waits for the gateway to have them.
func (in *Installation) Offer(ctx context.Context) error {
	if err := in.broker.Offer(ctx, in.repo); err != nil {
		return err
	}
	return waittest.Until(ctx, func() error {
		_, answer, err := in.Call(ctx, alice, http.MethodGet, "/engines", nil, "")
		if engines, _ := answer.(map[string]any)["engines"].([]any); err == nil && len(engines) == 0 {
			return fmt.Errorf("no engine is on offer")
		}
		return err
	})
}

// say tells how the cluster is, and waits for the gateway to know: it says so in the answer for a waiting store.
func (a *author) say(ctx context.Context, provisioner *nats.Conn, c platform.Cluster) error {
	log, err := storelog.Open(ctx, provisioner)
	if err != nil {
		return err
	}
	bucket, err := log.Bucket(ctx, storelog.BucketPlatform)
	if err != nil {
		return err
	}
	if err := platform.Publish(ctx, bucket, store.DefaultCluster, c); err != nil || !c.Ready {
		return err
	}
	return waittest.Until(ctx, func() error {
		_, answer, err := a.Call(ctx, alice, http.MethodGet, "/stores/"+string(a.stores["Was early"]), nil, "")
		if shown, _ := answer.(map[string]any); err == nil && shown["reason"] != nil {
			return fmt.Errorf("the gateway says %v", shown["reason"])
		}
		return err
	})
}

// create asks for a store; more is what its request says beyond name and engine.
func (a *author) create(ctx context.Context, address, name string, more map[string]any) error {
	wish := map[string]any{"name": name, "engine": "sample"}
	maps.Copy(wish, more)
	body, err := json.Marshal(wish)
	if err != nil {
		return err
	}
	c := Create{Address: address, Key: "key of " + name, Body: body}
	status, answer, err := a.Call(ctx, address, http.MethodPost, "/stores", body, c.Key)
	if err != nil || status != http.StatusAccepted {
		return fmt.Errorf("create %q: %d %v: %w", name, status, answer, err)
	}
	id, _ := answer.(map[string]any)["id"].(string)
	c.Store = store.ID(id)
	a.stores[name] = c.Store
	a.answers.Creates = append(a.answers.Creates, c)
	return nil
}

// repeat sends every create once more.
func (a *author) repeat(ctx context.Context) error {
	for _, c := range a.answers.Creates {
		_, answer, err := a.Call(ctx, c.Address, http.MethodPost, "/stores", c.Body, c.Key)
		if again, _ := answer.(map[string]any); err != nil || again["id"] != string(c.Store) {
			return fmt.Errorf("repeat the create of %s: %v: %w", c.Store, answer, err)
		}
	}
	return nil
}

// look has a store's passwords shown, which the provisioner would read in the cluster.
func (a *author) look(ctx context.Context, provisioner *nats.Conn, name string) error {
	reply, err := json.Marshal(query.CredentialsReply{Credentials: []query.Credential{{Name: "admin", Title: "Orders", Password: "of nothing"}}})
	if err != nil {
		return err
	}
	answering, err := provisioner.Subscribe(query.Credentials.Subject, func(m *nats.Msg) { _ = m.Respond(reply) })
	if err != nil {
		return err
	}
	defer func() { _ = answering.Unsubscribe() }()
	if err := provisioner.Flush(); err != nil {
		return err
	}
	status, answer, err := a.Call(ctx, Admin, http.MethodGet, "/stores/"+string(a.stores[name])+"/credentials", nil, "")
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("look at passwords: %d %v: %w", status, answer, err)
	}
	return nil
}

func (a *author) until(ctx context.Context, name string, there func(store.State) bool) error {
	id := a.stores[name]
	err := waittest.Until(ctx, func() error {
		s, err := a.log.Last(ctx, id)
		if err == nil && !there(s) {
			err = fmt.Errorf("it is %s, %s, %v", s.Status, s.Reason, s.Steps)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("wait for store %q: %w", name, err)
	}
	return nil
}
