// Package credentials answers the one request that may see a store's passwords. They go from the store's Secret into
// the reply and nowhere else: not on the log, not into a trace, not into a log line.
package credentials

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
	// CodeNotReady: the store isn't Ready, so its passwords may not open anything.
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

// Service answers what is asked for a cluster's stores (query.CredentialsOf).
type Service struct {
	States  States
	Secrets Secrets
	Packs   *packs.Set
}

// unreadable is said where the cause is nothing for the asker.
const unreadable = "The store's passwords can't be read at the moment."

// refusal is a failed request: a code for the asker's program and a sentence for people.
type refusal struct{ code, message string }

func (r *refusal) Error() string { return r.message }

// Serve answers until the returned service is stopped. All provisioners of a cluster share the work.
func (s *Service) Serve(nc *nats.Conn, cluster string) (micro.Service, error) {
	service, err := micro.AddService(nc, micro.Config{
		Name: "provisioner", Version: "1.0.0", Description: "Shows the generated passwords of a Ready store",
	})
	if err != nil {
		return nil, fmt.Errorf("serve credentials: %w", err)
	}
	// Each in its own goroutine: one that waits for the cluster mustn't hold up the next.
	handler := micro.HandlerFunc(func(r micro.Request) { go s.handle(r) })
	if err := service.AddEndpoint("credentials", handler, micro.WithEndpointSubject(query.CredentialsOf(cluster))); err != nil {
		return nil, errors.Join(fmt.Errorf("serve credentials: %w", err), service.Stop())
	}
	return service, nil
}

func (s *Service) handle(r micro.Request) {
	ctx, cancel := context.WithTimeout(telemetry.Extract(context.Background(), nats.Header(r.Headers())), patience)
	defer cancel()
	reply, err := s.answer(ctx, r.Data())
	var refused *refusal
	switch {
	case err == nil:
		if err = r.RespondJSON(reply); err != nil {
			// What the broker doesn't carry would leave the asker waiting.
			err = errors.Join(err, r.Error(CodeUnavailable, unreadable, nil))
		}
	case errors.As(err, &refused):
		err = r.Error(refused.code, refused.message, nil)
	default:
		slog.WarnContext(ctx, "answer a request for credentials", "error", err)
		err = r.Error(CodeUnavailable, unreadable, nil)
	}
	if err != nil {
		slog.WarnContext(ctx, "reply to a request for credentials", "error", err)
	}
}

func (s *Service) answer(ctx context.Context, data []byte) (query.CredentialsReply, error) {
	var none query.CredentialsReply
	var request query.CredentialsRequest
	if err := json.Unmarshal(data, &request); err != nil {
		return none, &refusal{CodeInvalid, "The request can't be read."}
	}
	id, err := store.ParseID(string(request.Store))
	if err != nil {
		return none, &refusal{CodeInvalid, err.Error()}
	}
	state, err := s.States.Last(ctx, id)
	if err != nil {
		return none, err
	}
	switch {
	case !state.Exists():
		return none, &refusal{CodeNotFound, "There is no such store."}
	case !state.Stands():
		return none, &refusal{CodeNotReady, "The store isn't Ready."}
	}
	engine, ok := s.Packs.Find(state.Spec.Engine, state.Spec.Version)
	if !ok {
		return none, &refusal{CodeUnavailable, "The platform doesn't carry this version of the store's engine at the moment."}
	}
	secret, err := s.Secrets.ReadSecret(ctx, id)
	if err != nil {
		return none, fmt.Errorf("store %s: %w", id, err)
	}
	return shown(engine, secret), nil
}

// shown leaves out what is nobody's to see, and what a later version of the pack has added and the store hasn't got.
func shown(engine packs.Engine, secret map[string][]byte) query.CredentialsReply {
	reply := query.CredentialsReply{Credentials: []query.Credential{}}
	for _, c := range engine.Credentials {
		value, ok := secret[c.SecretKey]
		if c.Internal || !ok {
			continue
		}
		reply.Credentials = append(reply.Credentials, query.Credential{
			Name: c.Name, Title: c.Title, Username: c.Username, Password: string(value),
		})
	}
	return reply
}
