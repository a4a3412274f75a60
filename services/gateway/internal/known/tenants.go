package known

import (
	"errors"
	"fmt"

	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// ofTenants is what clients are told of errors about tenants, their members, invites and tokens that say more than that they are there;
// nil of all others.
func ofTenants(err error) *problem.Problem {
	var (
		changed *directory.ChangedError
		full    *directory.FullError
		held    *claim.HeldError
	)
	switch {
	case errors.As(err, &changed):
		p := problem.New(problem.TenantChanged, "The tenant has changed since you read it. Read it again: the ETag is what it has now.").At("If-Match")
		p.ETag = changed.Is.ETag()
		return p
	case errors.As(err, &full):
		code := problem.LimitReached
		if full.Of == directory.OfTokens {
			code = problem.TooManyTokens
		}
		return problem.New(code, fmt.Sprintf("There are %d %s already, which is as many as there may be.", full.Most, full.Of))
	case errors.As(err, &held):
		return problem.New(problem.TenantHasStores, fmt.Sprintf("The tenant has stores: %d, those included that are being deleted. Delete them, or "+
			"wait until they are gone; a create that has failed counts for ten minutes.", held.Claims))
	}
	return nil
}
