package readmodel

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/store-platform/store-platform/pkg/storelog"
)

var errNoText = errors.New("it holds text that is none")

// Decode reads a message of the log for the read model and the feed, so that both leave out the same: what can't be
// understood, and what Postgres couldn't hold.
func Decode(raw storelog.Raw) (storelog.Entry, error) {
	e, err := raw.Entry()
	if err != nil {
		return e, err
	}
	for _, text := range []string{e.Message.Tenant, e.Message.Actor, string(e.Message.Type),
		e.State.Tenant, e.State.Spec.Name, e.State.Spec.Engine, string(e.State.Status)} {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return e, fmt.Errorf("message %d of store %s: %w", raw.Seq, e.Message.Store, errNoText)
		}
	}
	return e, nil
}
