// Package logtest writes histories for tests: real messages, appended through the fence to a real log, in an order
// that gateway and workers could have written them in.
package logtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// Author appends to one log. It isn't safe for concurrent use.
type Author struct {
	tb  testing.TB
	Log *storelog.Log
	rnd *rand.Rand
	// Transfers is among how many tenants stores are given away, besides what else may come next; zero keeps each with its own.
	Transfers int
}

// New opens the log for writing. The same seed writes the same history.
func New(tb testing.TB, nc *nats.Conn, seed uint64) *Author {
	tb.Helper()
	log, err := storelog.Open(tb.Context(), nc)
	if err != nil {
		tb.Fatalf("open the log: %v", err)
	}
	return &Author{tb: tb, Log: log, rnd: rand.New(rand.NewPCG(seed, 1))}
}

// Store names the n-th store of a tenant.
func Store(tenant string, n int) store.ID { return store.DeriveID(tenant, fmt.Sprint(n)) }

// Cluster is the one that a store is made in: some are in another than the default one, so that everybody who reads what
// is written here meets both forms of subjects.
// Empty is the default one, as in states.
func Cluster(id store.ID) string {
	if id[1]%2 == 0 {
		return ""
	}
	return "eu"
}

// EventSubject is where the log has a store's events, for who writes there what no writer would.
func EventSubject(id store.ID) string {
	subject := strings.Replace(storelog.AllSubjects, ">", string(id)+".event", 1)
	if cluster := Cluster(id); cluster != "" {
		subject += "." + cluster
	}
	return subject
}

// Tenant names the n-th tenant.
func Tenant(n int) string { return fmt.Sprintf("tenant-%d", n) }

// Write appends count messages to the histories of the first stores of the first tenants.
func (a *Author) Write(ctx context.Context, count, tenants, stores int) {
	a.tb.Helper()
	for range count {
		tenant := Tenant(a.rnd.IntN(tenants))
		a.Append(ctx, tenant, Store(tenant, a.rnd.IntN(stores)))
	}
}

// WriteFor appends count messages to the histories of one tenant's first stores.
func (a *Author) WriteFor(ctx context.Context, count int, tenant string, stores int) {
	a.tb.Helper()
	for range count {
		a.Append(ctx, tenant, Store(tenant, a.rnd.IntN(stores)))
	}
}

// Append writes whatever may come next in the store's history and returns the state after it.
func (a *Author) Append(ctx context.Context, tenant string, id store.ID) store.State {
	a.tb.Helper()
	after, err := a.Log.Update(ctx, id, func(s store.State) (*store.Message, error) {
		m := a.next(s)
		if m.Type == store.CreateCommand {
			m.Facts.Cluster = Cluster(id)
		}
		m.Time = time.Now()
		if m.Type == store.CreateCommand {
			m.Tenant = tenant
		}
		if m.Type.IsCommand() {
			m.Actor = tenant
		} else {
			m.Actor, m.Generation = "provisioner", s.Generation
		}
		return &m, nil
	})
	if err != nil && ctx.Err() == nil {
		a.tb.Errorf("append to store %s: %v", id, err)
	}
	return after
}

// Create appends the command that begins a store's history.
func (a *Author) Create(ctx context.Context, tenant string, id store.ID, name string) store.State {
	a.tb.Helper()
	after, err := a.Log.Update(ctx, id, func(store.State) (*store.Message, error) {
		return &store.Message{
			Type: store.CreateCommand, Tenant: tenant, Actor: tenant, Time: time.Now(),
			Facts: store.Facts{Spec: &store.Spec{Name: name, Engine: "sample", Version: "1", Plan: "small"}, Request: "digest", Cluster: Cluster(id)},
		}, nil
	})
	if err != nil {
		a.tb.Fatalf("create store %s: %v", id, err)
	}
	return after
}

func (a *Author) next(s store.State) store.Message {
	if a.Transfers > 0 && store.AdmitChange(s) == nil && a.rnd.IntN(16) == 0 {
		if to := Tenant(a.rnd.IntN(a.Transfers)); to != s.Tenant {
			return store.Message{Type: store.Transferred, Tenant: to, Facts: store.Facts{From: s.Tenant}}
		}
	}
	switch {
	case !s.Exists():
		return store.Message{Type: store.CreateCommand, Facts: store.Facts{Request: "digest", Spec: &store.Spec{
			Name: fmt.Sprintf("Blumen & Söhne %d", a.rnd.IntN(1000)), Engine: "sample", Version: "1", Plan: "small",
			Options: map[string]any{"currency": "EUR", "products": 12.0},
		}}}
	case s.Status == store.Deleted:
		return store.Message{Type: store.CredentialsViewed}
	case s.InFlight() && s.Verb == store.Delete:
		return a.pick(store.AttemptStarted, store.StepCompleted, store.BecameDeleted)
	case s.InFlight():
		return a.pick(store.AttemptStarted, store.StepCompleted, store.StepCompleted, store.RetryScheduled, store.AttemptYielded,
			store.BecameReady, store.BecameFailed, store.Waited, store.DeleteCommand)
	case s.Status == store.Failed:
		return a.pick(store.RetryCommand, store.DeleteCommand)
	case s.Status == store.Degraded:
		return a.pick(store.Recovered, store.BecameDegraded, store.MendCommand, store.CredentialsViewed)
	default:
		return a.pick(store.CredentialsViewed, store.CredentialsViewed, store.BecameDegraded, store.DeleteCommand)
	}
}

func (a *Author) pick(types ...store.Type) store.Message {
	m := store.Message{Type: types[a.rnd.IntN(len(types))]}
	switch m.Type {
	case store.StepCompleted:
		steps := []string{"namespace", "isolation", "credentials", "release", "workloads", "http"}
		m.Facts.Step = steps[a.rnd.IntN(len(steps))]
	case store.RetryScheduled:
		due := time.Now().Add(time.Minute)
		m.Facts = store.Facts{Reason: "ImagePullBackOff", Message: "An image can't be fetched.", NotBefore: &due}
	case store.BecameDegraded, store.MendCommand:
		m.Facts = store.Facts{Reason: "DriftFound", Message: "Service store is missing.", Detail: "service/store: not found"}
	case store.BecameFailed, store.Waited:
		m.Facts = store.Facts{Reason: "ClusterNotReady", Message: "The cluster isn't there.", Detail: "connection refused"}
	case store.BecameReady:
		m.Facts.URL = "http://store.localhost"
	}
	return m
}

// All reads the log from its beginning to its end.
func (a *Author) All(ctx context.Context) []storelog.Entry {
	a.tb.Helper()
	head, err := a.Log.Head(ctx)
	if err != nil {
		a.tb.Fatal(err)
	}
	var all []storelog.Entry
	if head == 0 {
		return nil
	}
	ctx, done := context.WithCancel(ctx)
	defer done()
	_ = a.Log.Tail(ctx, 0, func(raw storelog.Raw) error {
		if e, err := raw.Entry(); err == nil {
			all = append(all, e)
		}
		if raw.Seq >= head {
			done()
		}
		return nil
	})
	return all
}

// Fold is what the stores of these entries are, worked out from their messages alone, in the order they were opened.
func Fold(entries []storelog.Entry) []store.State {
	var order []store.ID
	states := map[store.ID]store.State{}
	for _, e := range entries {
		before, known := states[e.Message.Store]
		if !known {
			order = append(order, e.Message.Store)
		}
		states[e.Message.Store] = store.Evolve(before, e.Message)
	}
	folded := make([]store.State, len(order))
	for i, id := range order {
		folded[i] = states[id]
	}
	return folded
}
