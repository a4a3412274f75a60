// Package answers replies to the questions that only a provisioner can answer: what passwords a store has, and whether its
// volumes can grow. Passwords go from the store's Secret into the reply and nowhere else: not on the log, not into a trace,
// not into a log line.
package answers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/services/provisioner/internal/packs"
)

// Codes of a failed request, in query.ErrorHeader.
const (
	// CodeInvalid: the request can't be read.
	CodeInvalid = "400"
	// CodeNotFound: nobody ever asked for this store.
	CodeNotFound = "404"
	// CodeNotReady: the store doesn't stand, so there is nothing of it to be asked about.
	CodeNotReady = "409"
	// CodeUnavailable: the log, the cluster or the engine's pack isn't there at the moment; worth asking again.
	CodeUnavailable = "503"
)

// patience bounds one request, below what its asker waits.
const patience = 8 * time.Second

// States reads a store's state (storelog.Log).
type States interface {
	Last(context.Context, store.ID) (store.State, error)
}

// Secrets reads a store's Secret (cluster.Cluster).
type Secrets interface {
	ReadSecret(context.Context, store.ID) (map[string][]byte, error)
}

// Service answers what is asked for a cluster's stores.
type Service struct {
	States  States
	Secrets Secrets
	Packs   *packs.Set
	// Grow says why the volumes of a store can't become as large as a plan wants them, and changes nothing: of
	// cluster.ReasonVolumeCannotGrow where their class lets none grow.
	Grow func(ctx context.Context, s store.State, plan string) error
}

// refusal is a failed request: a code for the asker's program and a sentence for people.
type refusal struct{ code, message string }

func (r *refusal) Error() string { return r.message }

// Serve answers until the returned service is stopped. All provisioners of a cluster share the work.
func (s *Service) Serve(nc *nats.Conn, cluster string) (micro.Service, error) {
	service, err := micro.AddService(nc, micro.Config{
		Name: "provisioner", Version: "1.0.0", Description: "Shows a store's generated passwords, and says whether its volumes can grow",
	})
	if err != nil {
		return nil, fmt.Errorf("serve questions: %w", err)
	}
	for _, endpoint := range []struct {
		name, subject string
		answer        func(context.Context, []byte) (any, error)
	}{
		{"credentials", query.CredentialsOf(cluster), s.credentials},
		{"growth", query.GrowthOf(cluster), s.growth},
	} {
		// Each in its own goroutine: one that waits for the cluster mustn't hold up the next.
		handler := micro.HandlerFunc(func(r micro.Request) { go handle(r, endpoint.name, endpoint.answer) })
		if err := service.AddEndpoint(endpoint.name, handler, micro.WithEndpointSubject(endpoint.subject)); err != nil {
			return nil, errors.Join(fmt.Errorf("serve questions about %s: %w", endpoint.name, err), service.Stop())
		}
	}
	return service, nil
}

func handle(r micro.Request, about string, answer func(context.Context, []byte) (any, error)) {
	ctx, cancel := context.WithTimeout(telemetry.Extract(context.Background(), nats.Header(r.Headers())), patience)
	defer cancel()
	// Where the cause is nothing for the asker, this is said.
	unavailable := "The store's " + about + " can't be told at the moment."
	reply, err := answer(ctx, r.Data())
	var refused *refusal
	switch {
	case err == nil:
		if err = r.RespondJSON(reply); err != nil {
			// What the broker doesn't carry would leave the asker waiting.
			err = errors.Join(err, r.Error(CodeUnavailable, unavailable, nil))
		}
	case errors.As(err, &refused):
		err = r.Error(refused.code, refused.message, nil)
	default:
		slog.WarnContext(ctx, "answer a question about a store", "about", about, "error", err)
		err = r.Error(CodeUnavailable, unavailable, nil)
	}
	if err != nil {
		slog.WarnContext(ctx, "reply to a question about a store", "about", about, "error", err)
	}
}

func decode[T any](data []byte) (request T, err error) {
	if json.Unmarshal(data, &request) != nil {
		return request, &refusal{CodeInvalid, "The request can't be read."}
	}
	return request, nil
}

// state is that of a store that somebody has asked for.
func (s *Service) state(ctx context.Context, named store.ID) (store.State, error) {
	id, err := store.ParseID(string(named))
	if err != nil {
		return store.State{}, &refusal{CodeInvalid, err.Error()}
	}
	state, err := s.States.Last(ctx, id)
	if err == nil && !state.Exists() {
		err = &refusal{CodeNotFound, "There is no such store."}
	}
	return state, err
}
