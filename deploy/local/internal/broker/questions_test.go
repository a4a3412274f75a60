package broker_test

import (
	"context"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/deploy/local/internal/broker"
	"github.com/store-platform/store-platform/pkg/query"
)

// answering is whose the answers of a service are.
var answering = map[query.Service]string{query.Remembering: broker.Events, query.Provisioning: broker.Provisioner}

// Whatever package query says may be asked: its service may answer, and who asks may ask.
func TestEveryQuestionMayBePutAndAnswered(t *testing.T) {
	b := setup(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for by, user := range answering {
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

// Who else could answer would be believed, and who else could ask would be told of every tenant's stores: their passwords, and what they
// write.
func TestNobodyElseAsksOrAnswers(t *testing.T) {
	b := setup(t)
	for by, owner := range answering {
		for _, subject := range query.Subjects(by) {
			// A provisioner that reads logs is asked by its name.
			asked := strings.ReplaceAll(subject, "*", "one")
			for _, user := range broker.Users {
				if user != broker.Gateway && !(user == broker.Janitor && subject == query.Live.Subject) {
					b.attempt(t, user, asked)
				}
				if user != owner {
					b.listen(t, user, subject)
				}
			}
		}
	}
	for _, user := range broker.Users {
		b.listen(t, user, query.AllSubjects)
	}
}
