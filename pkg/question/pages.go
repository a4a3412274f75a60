package question

import (
	"context"

	json "github.com/go-json-experiment/json/v1"

	"github.com/store-platform/store-platform/pkg/query"
)

// Pages is an answer that may hold fewer items than were found: as many as the broker carries.
type Pages[A any] struct {
	// Items is how many there are, Upto the answer with the first so many of them, at least one unless there is none.
	Items int
	Upto  func(items int) A
}

// AnswerInPages is Answer for a question that is answered with a list and where it goes on. A single item that the broker wouldn't
// carry fails like any other answer.
func AnswerInPages[Q, A any](q query.Question[Q, A], answer func(context.Context, Q) (Pages[A], error)) Endpoint {
	return endpoint(q, func(ctx context.Context, request Q) (sized, error) { return answer(ctx, request) })
}

// sized is an answer that can be made to fit.
type sized interface {
	// within encodes it in no more than so many bytes, where it can.
	within(room int64) ([]byte, error)
}

// whole is an answer that fits or doesn't.
type whole struct{ answer any }

func (w whole) within(int64) ([]byte, error) { return json.Marshal(w.answer) }

// within encodes once what fits at once, as nearly every page does.
func (p Pages[A]) within(room int64) ([]byte, error) {
	for items := p.Items; ; {
		data, err := json.Marshal(p.Upto(items))
		if err != nil || int64(len(data)) <= room || items <= 1 {
			return data, err
		}
		// As if all were of one size; where the first are larger than the others it is tried again.
		items = max(1, int(int64(items)*room/int64(len(data))))
	}
}
