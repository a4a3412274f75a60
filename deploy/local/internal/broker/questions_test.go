package broker_test

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/deploy/local/internal/broker"
	"github.com/store-platform/store-platform/pkg/query"
)

// Whatever package query says may be asked: its service may answer, and who asks may ask.
func TestEveryQuestionMayBePutAndAnswered(t *testing.T) {
	b := setup(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for by, user := range map[query.Service]string{query.Remembering: broker.Events, query.Provisioning: broker.Provisioner} {
		for _, subject := range query.Subjects(by) {
			if _, err := b.conns[user].Subscribe(subject, func(m *nats.Msg) { _ = m.Respond([]byte("{}")) }); err != nil {
				t.Fatal(err)
			}
		}
		b.allowed(t)
		for _, subject := range query.Subjects(by) {
			if _, err := b.conns[broker.Gateway].RequestWithContext(ctx, subject, nil); err != nil {
				t.Errorf("the gateway asks %s: %v", subject, err)
			}
		}
	}
	if _, err := b.conns[broker.Janitor].RequestWithContext(ctx, query.Live.Subject, nil); err != nil {
		t.Errorf("the janitor asks what lives: %v", err)
	}
}
