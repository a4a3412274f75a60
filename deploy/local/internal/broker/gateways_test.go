package broker_test

import (
	"errors"
	"testing"

	"github.com/store-platform/store-platform/deploy/local/internal/broker"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// What gateways tell each other is for no other service: who could say that there are many would slow every client, and
// who could write guesses would let or lock somebody in.
func TestGatewaysCountEachOtherAndGuesses(t *testing.T) {
	b, ctx := setup(t), t.Context()
	gateway := b.conns[broker.Gateway]
	heard, err := gateway.SubscribeSync(platform.GatewaysSubject())
	if err == nil {
		err = gateway.Publish(platform.GatewaysSubject(), []byte("id"))
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := heard.NextMsg(patience); err != nil {
		t.Errorf("a gateway hears of gateways: %v", err)
	}
	log := b.log(t, broker.Gateway)
	if err := log.EnsureGuesses(ctx, storelog.Settings{Replicas: 1}); err != nil {
		t.Fatalf("the gateway makes the bucket of guesses: %v", err)
	}
	guesses, err := log.Bucket(ctx, storelog.BucketGuesses)
	if err != nil {
		t.Fatal(err)
	}
	revision, err := guesses.Update(ctx, "k", []byte("1"), 0)
	if _, failed := guesses.Update(ctx, "k", []byte("2"), revision); errors.Join(err, failed) != nil {
		t.Errorf("the gateway counts guesses: %v", errors.Join(err, failed))
	}
	if _, err := guesses.Get(ctx, "k"); err != nil {
		t.Errorf("the gateway reads guesses: %v", err)
	}
	b.allowed(t)
	for _, user := range broker.Users {
		if user == broker.Gateway {
			continue
		}
		b.listen(t, user, platform.GatewaysSubject())
		for _, subject := range []string{platform.GatewaysSubject(), "$KV.guesses.k", "$JS.API.STREAM.MSG.GET.KV_guesses"} {
			b.attempt(t, user, subject)
		}
	}
}
