package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/store-platform/store-platform/services/gateway/internal/guesses"
)

// How much may be tried, over all gateways. All of it comes back within an hour, which is the longest that is remembered.
var (
	// perAccount is of one address wherever it is tried from, or of one device that is known there: what a person needs who has forgotten
	// which password it was, and less than two hundred and fifty a day for who guesses.
	perAccount = guesses.Limit{Guesses: 10, Within: time.Hour}
	// perNetwork is of one client, which may be an office: each guess may be at another account.
	perNetwork = guesses.Limit{Guesses: 100, Within: time.Hour}
	// perReader is of letters to one address, which somebody has to read.
	perReader = guesses.Limit{Guesses: 5, Within: time.Hour}
)

// GuessesError: too much was tried. After is when there is another try.
type GuessesError struct{ After time.Duration }

func (e *GuessesError) Error() string { return fmt.Sprintf("too many tries; another in %s", e.After) }

// take counts a try, and fails with a *GuessesError where there is none left.
func (p Parts) take(ctx context.Context, key string, limit guesses.Limit) error {
	ok, after, err := p.Guesses.Take(ctx, key, limit)
	if err != nil {
		return err
	}
	if !ok {
		return &GuessesError{After: after}
	}
	return nil
}

// takeFrom counts a try from a network. All who have no address share one.
func (p Parts) takeFrom(ctx context.Context, from From) error {
	return p.take(ctx, p.fromKey(from), perNetwork)
}

func (p Parts) fromKey(from From) string { return "from." + p.Directory.NetworkKey(from.network()) }
