package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/store-platform/store-platform/services/gateway/internal/guesses"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// How much may be tried, over all gateways. All of it comes back within an hour, which is the longest that is remembered.
var (
	// perAccount is of one address wherever it is tried from, or of one device that is known there: what a person needs who has forgotten
	// which password it was, and less than two hundred and fifty a day for who guesses.
	perAccount = guesses.Limit{Guesses: 10, Within: time.Hour}
	// perNetwork is of one client, which may be an office: each guess may be at another account.
	perNetwork = guesses.Limit{Guesses: 100, Within: time.Hour}
	// perSite is of all networks that one customer may have (principal.Site), or a provider's customers who share them: more than one office's, and
	// not 65,536 times as much.
	perSite = guesses.Limit{Guesses: 1000, Within: time.Hour}
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
	if err := p.take(ctx, p.fromKey(principal.Network(from.Address)), perNetwork); err != nil {
		return err
	}
	if site := principal.Site(from.Address); site != "" {
		return p.take(ctx, p.fromKey(site), perSite)
	}
	return nil
}

func (p Parts) fromKey(network string) string { return "from." + p.Directory.NetworkKey(network) }
