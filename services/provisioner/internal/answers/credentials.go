package answers

import (
	"context"
	"fmt"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/services/provisioner/internal/packs"
)

// credentials shows the generated passwords of a store that stands.
func (s *Service) credentials(ctx context.Context, request query.CredentialsRequest) (reply query.CredentialsReply, err error) {
	state, err := s.state(ctx, request.Store)
	switch {
	case err != nil:
		return reply, err
	case !state.Stands():
		return reply, &question.Refusal{Code: question.NotReady, Message: "The store isn't Ready."}
	}
	engine, ok := s.Packs.Find(state.Spec.Engine, state.Spec.Version)
	if !ok {
		return reply, &question.Refusal{Code: question.Unavailable, Message: "The platform doesn't carry this version of the store's engine at the moment."}
	}
	secret, err := s.Secrets.ReadSecret(ctx, state.ID)
	if why := cluster.Classify(err); why != nil && why.Reason == cluster.ReasonDataMissing {
		return reply, &question.Refusal{Code: question.Gone, Message: why.Sentence}
	}
	if err != nil {
		return reply, fmt.Errorf("store %s: %w", state.ID, err)
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
