package engine

import (
	"slices"

	"github.com/store-platform/store-platform/pkg/reason"
)

// Whose is who is to do something about a reason of a store made of the pack: whoever explains, shows or sums up a store asks here, so that
// all say the same. What the pack says of its shop is the merchant's, for whom its sentences are written. A word that neither knows is the
// cluster's own, or another release's: whoever looks after the cluster understands it. Of a pack that isn't at hand the zero one is asked.
func (p Pack) Whose(name string) reason.Whom {
	if known, ok := reason.Of(name); ok {
		return known.For
	}
	fails := slices.ContainsFunc(p.Failures, func(f Failure) bool { return f.Reason == name })
	if fails || p.Check != nil && slices.ContainsFunc(p.Check.Causes, func(c Cause) bool { return c.Reason == name }) {
		return reason.Merchant
	}
	return reason.Operator
}
