package answers

import (
	"context"
	"errors"
	"testing"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/provisioner/engines"
	"github.com/store-platform/store-platform/services/provisioner/internal/packs"
)

// standing is a store whose Secret can't be read.
type standing struct{ why error }

func (standing) Last(_ context.Context, id store.ID) (store.State, error) {
	up := store.Condition{Standing: store.Up}
	return store.State{ID: id, Version: 1, Spec: store.Spec{Engine: "sample"}, Condition: up}, nil
}

func (s standing) ReadSecret(context.Context, store.ID) (map[string][]byte, error) { return nil, s.why }

func TestOnlyLostPasswordsAreSaidToBeGone(t *testing.T) {
	set, err := packs.Load(engines.Packs)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		why  error
		gone bool
	}{
		"removed":         {&cluster.Error{Reason: cluster.ReasonDataMissing}, true},
		"not to be seen":  {&cluster.Error{Reason: "Forbidden"}, false},
		"nobody answered": {errors.New("connection refused"), false},
	} {
		s := Service{States: standing{}, Secrets: standing{c.why}, Packs: set}
		_, err := s.credentials(t.Context(), query.CredentialsRequest{Store: store.DeriveID("a", "1")})
		var refusal *question.Refusal
		if gone := errors.As(err, &refusal) && refusal.Code == question.Gone; gone != c.gone || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
