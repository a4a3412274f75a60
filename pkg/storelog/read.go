package storelog

import (
	"encoding/json"
	"time"

	once "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/store-platform/store-platform/pkg/store"
)

// plainly takes what the platform writes, and no more: every name known, in its own letters and once, and text that is text.
var plainly = once.JoinOptions(once.RejectUnknownMembers(true), once.WithUnmarshalers(once.JoinUnmarshalers(
	once.UnmarshalFromFunc(func(from *jsontext.Decoder, s *store.State) error {
		read := (*store.Written)(s)
		if err := once.UnmarshalDecode(from, read); err != nil {
			return err
		}
		*s = read.State()
		return nil
	}),
	// By itself it takes escaped times, and encoding/json doesn't.
	once.UnmarshalFromFunc(func(from *jsontext.Decoder, t *time.Time) error {
		text, err := from.ReadValue()
		if err != nil {
			return err
		}
		return t.UnmarshalJSON(text)
	}),
)))

// Read makes of JSON that holds a state, or another part of a message, what encoding/json makes of it for a zero value. What
// is plainly written it goes through once, in half the time; all else, as what a later release adds, it leaves to
// encoding/json.
func Read[T any](data []byte, into *T) error {
	if once.Unmarshal(data, into, plainly) == nil {
		return nil
	}
	*into = *new(T)
	return json.Unmarshal(data, into)
}
