package admission

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/limits"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

var here = netip.MustParseAddr("203.0.113.7")

// setup connects an admission to a log of its own in which somebody's store has failed.
func setup(t *testing.T) (*Admission, *storelog.Log, store.State) {
	t.Helper()
	t.Parallel()
	conn := bustest.Start(t)
	b := bus.New(storelog.Settings{Replicas: 1}, func() {})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- b.Run(ctx, func(context.Context, func(error)) (*nats.Conn, error) { return conn, nil })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	var parts *bus.Parts
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(time.Millisecond) {
		var err error
		if parts, err = b.Parts(); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	id := store.DeriveID("ip:a", "k")
	s, err := parts.Log.Append(t.Context(), store.State{}, store.Message{
		Type: store.CreateCommand, Store: id, Tenant: "ip:a", Actor: "ip:a", Time: time.Now(),
		Facts: store.Facts{Spec: &store.Spec{Name: "Tea", Engine: "sample"}, Request: "digest"},
	})
	if err == nil {
		s, err = parts.Log.Append(t.Context(), s, store.Message{
			Type: store.BecameFailed, Store: id, Actor: "worker", Generation: s.Generation, Time: time.Now(),
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return New(b, reader.New(b), 20, limits.New(limits.Commands, limits.Rate{}, nil, time.Now), time.Now, rand.Reader), parts.Log, s
}

// Every method that is told who asks is called, so that a new one is here by itself.
func TestNobodyGetsAnythingDone(t *testing.T) {
	a, log, s := setup(t)
	arguments := map[reflect.Type]reflect.Value{
		reflect.TypeFor[context.Context]():     reflect.ValueOf(t.Context()),
		reflect.TypeFor[principal.Principal](): reflect.ValueOf(principal.Principal{}),
		reflect.TypeFor[store.ID]():            reflect.ValueOf(s.ID),
		reflect.TypeFor[rights.Action]():       reflect.ValueOf(rights.ReadStores),
		reflect.TypeFor[uint64]():              reflect.ValueOf(s.Generation),
		reflect.TypeFor[string]():              reflect.ValueOf("k"),
		reflect.TypeFor[Wish]():                reflect.ValueOf(Wish{}),
		reflect.TypeFor[Change]():              reflect.ValueOf(Change{}),
		reflect.TypeFor[storelog.Point]():      reflect.ValueOf(storelog.Point{Seq: s.Version}),
	}
	v, called := reflect.ValueOf(a), 0
	for i := range v.NumMethod() {
		method, asks := v.Method(i), false
		in := make([]reflect.Value, method.Type().NumIn())
		for j := range in {
			kind := method.Type().In(j)
			argument, known := arguments[kind]
			if !known {
				t.Fatalf("%s takes a %s: say here what stands in for it", v.Type().Method(i).Name, kind)
			}
			in[j], asks = argument, asks || kind == reflect.TypeFor[principal.Principal]()
		}
		if !asks {
			continue
		}
		called++
		out := method.Call(in)
		if err, _ := out[len(out)-1].Interface().(error); err == nil {
			t.Errorf("%s: nobody is answered %v", v.Type().Method(i).Name, out)
		}
		if len(out) == 1 {
			continue
		}
		if after, is := out[0].Interface().(store.State); is && after.Exists() {
			t.Errorf("%s: nobody is shown %+v", v.Type().Method(i).Name, after)
		}
	}
	if called == 0 {
		t.Error("no method is told who asks")
	}
	if after, err := log.Last(t.Context(), s.ID); err != nil || after.Version != s.Version {
		t.Errorf("nobody has changed the store: %+v (%v)", after, err)
	}
	if head, err := log.Head(t.Context()); err != nil || head != s.Version {
		t.Errorf("nobody has written: the log ends at %d (%v)", head, err)
	}
}

// Two tenants whose keys derived one id is what no hash rules out.
func TestAKeyNeverAnswersAnothersStore(t *testing.T) {
	s := store.State{ID: "sabcdefghijk", Tenant: "ip:a", Request: "digest", Status: store.Ready}
	own, other := principal.Client(here, "ip:a", true), principal.Client(here, "ip:b", true)
	if got, err := repeated(s, own, "digest", nil); err != nil || got.ID != s.ID {
		t.Errorf("its owner is answered %+v (%v)", got, err)
	}
	for name, who := range map[string]principal.Principal{
		"another tenant": other, "an operator of another tenant": principal.KeyHolder(here, "ip:b"), "nobody": {},
	} {
		if got, err := repeated(s, who, "digest", nil); !errors.Is(err, ErrKeyReused) || got.Exists() {
			t.Errorf("%s is answered %+v (%v)", name, got, err)
		}
	}
}
