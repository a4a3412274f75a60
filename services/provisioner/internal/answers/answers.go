// Package answers replies to the questions that only a provisioner can answer: what passwords a store has, whether its
// volumes can grow, how what runs of it is and what it writes. Passwords go from the store's Secret into the reply and nowhere else: not on the log, not into a trace,
// not into a log line.
package answers

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/provisioner/internal/logs"
	"github.com/store-platform/store-platform/services/provisioner/internal/packs"
)

// States reads a store's state (storelog.Log).
type States interface {
	Last(context.Context, store.ID) (store.State, error)
}

// Secrets reads a store's Secret (cluster.Cluster).
type Secrets interface {
	ReadSecret(context.Context, store.ID) (map[string][]byte, error)
}

// Leases says who is at a store (lease.Bucket).
type Leases interface {
	Held(ctx context.Context, pattern string) ([]lease.Holding, error)
}

// Service answers what is asked for a cluster's stores.
type Service struct {
	States  States
	Secrets Secrets
	Packs   *packs.Set
	// Grow says why the volumes of a store can't become as large as a plan wants them, and changes nothing: of
	// cluster.ReasonVolumeCannotGrow where their class lets none grow.
	Grow func(ctx context.Context, s store.State, plan string) error
	// Cluster is looked at for how what runs of a store is.
	Cluster Cluster
	Leases  Leases
	Logs    *logs.Sessions
}

// Start answers until it is stopped. All provisioners of a cluster share the work.
func (s *Service) Start(nc *nats.Conn, cluster string) (*question.Answering, error) {
	return question.Service{
		Name: query.Provisioning, Group: micro.DefaultQueueGroup, Refuse: refuse,
		Description: "Shows a store's generated passwords and its logs, and says whether its volumes can grow and how what runs of it is",
	}.Start(nc,
		question.Answer(query.Credentials.In(cluster), s.credentials), question.Answer(query.Growth.In(cluster), s.growth),
		question.Answer(query.Monitoring.In(cluster), newMonitor(s, nc.MaxPayload).answer),
		question.Answer(query.Logs.In(cluster), s.logs), question.Answer(query.LogsRead.At(s.Logs.Name()).In(cluster), s.Logs.Read),
	)
}

// refuse: of the cause nothing is for the asker.
func refuse(error) *question.Refusal {
	return &question.Refusal{Code: question.Unavailable, Message: "That can't be told of the store at the moment."}
}

// state is that of a store that somebody has asked for.
func (s *Service) state(ctx context.Context, named store.ID) (store.State, error) {
	id, err := store.ParseID(string(named))
	if err != nil {
		return store.State{}, &question.Refusal{Code: question.Invalid, Message: err.Error()}
	}
	state, err := s.States.Last(ctx, id)
	if err == nil && !state.Exists() {
		err = &question.Refusal{Code: question.NotFound, Message: "There is no such store."}
	}
	return state, err
}
