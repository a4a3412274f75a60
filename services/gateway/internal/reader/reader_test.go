package reader

import (
	"errors"
	"fmt"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
)

// Who has sent no cursor looks for it in vain.
func TestACursorIsWrongOnlyWhereThereIsOne(t *testing.T) {
	for _, c := range []struct {
		request any
		want    error
	}{
		{query.StoresRequest{After: "x"}, ErrCursor},
		{query.StoresRequest{}, ErrQuestion},
		{query.UsageRequest{After: "x"}, ErrCursor},
		{query.UsageRequest{}, ErrQuestion},
		{query.EventsRequest{After: 1 << 63}, ErrCursor},
		{query.EventsRequest{}, ErrQuestion},
		{query.DeadLettersRequest{After: 1 << 63}, ErrCursor},
		{query.DeadLettersRequest{}, ErrQuestion},
		{query.CredentialsRequest{Store: "none"}, ErrQuestion},
	} {
		refusal := fmt.Errorf("ask: %w", &question.Refusal{Code: question.Invalid, Message: "no"})
		if err := told(query.Remembering, c.request, refusal); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c.request, err)
		}
	}
}
