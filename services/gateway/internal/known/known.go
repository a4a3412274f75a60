// Package known is the one place where an error of the inner packages becomes the problem that a client is told of: by type,
// never by text.
package known

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/accounts"
	"github.com/store-platform/store-platform/services/gateway/internal/admission"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/guesses"
	"github.com/store-platform/store-platform/services/gateway/internal/limits"
	"github.com/store-platform/store-platform/services/gateway/internal/logs"
	"github.com/store-platform/store-platform/services/gateway/internal/password"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// table turns each error of the inner packages into what clients are told, by type.
var table = []struct {
	err    error
	code   problem.Code
	detail string
}{
	{principal.ErrNobody, problem.Unauthenticated, "This is for somebody whom the gateway knows, and it can't tell who you are."},
	{directory.ErrUnconfirmed, problem.AccountsUnconfirmed, "The accounts were restored from a backup. An operator, who comes by a link of store-gateway operator-link, has to look at them and " +
		"confirm them first: POST /accounts/restored/confirm."},
	{store.ErrNotFound, problem.NotFound, "There is no such store."},
	{store.ErrDeleted, problem.StoreDeleted, "The store has been deleted, and stays so. Its history can still be read."},
	{store.ErrNothingToRetry, problem.NothingToRetry, "No operation on the store has failed, and it isn't Degraded: there is nothing to try again or to mend."},
	{store.ErrNothingToCancel, problem.NothingToCancel, "Nothing is being done about the store that could be called off."},
	{store.ErrTooLate, problem.TooLateToCancel, "The operation is past its point of no return: it ends by itself, or can be retried."},
	{admission.ErrCannotSuspend, problem.CannotSuspend, "Stores of this engine can't be suspended."},
	{admission.ErrEngineUnknown, problem.EngineUnknown, "Nobody says at the moment what the store's engine offers."},
	{storelog.ErrUpgrading, problem.Upgrading, "The platform is being upgraded, and a release that doesn't know this may still run. " +
		"It can be had as soon as the operator has raised the log's write level."},
	{store.ErrNoDeadLetter, problem.NoDeadLetter, "There is no such dead letter, or somebody has dealt with it already."},
	{admission.ErrKeyReused, problem.IdempotencyKeyReused, "This Idempotency-Key made a store before, from another request or one " +
		"that isn't yours any more. Use a new key, or send the same request."},
	{admission.ErrCatalogEmpty, problem.CatalogEmpty, "No engine has been published yet. The provisioner does so when it starts."},
	{storelog.ErrLogFull, problem.LogFull, "The log has no room for another message. Stores go on running and can be read."},
	{storelog.ErrAuditFull, problem.AuditFull, "The audit has no room for another entry, and nobody is shown passwords or is given a store without one. " +
		"The operator can make room on the broker's disk."},
	{storelog.ErrContended, problem.ConflictChanged, "Others changed the same thing at every try. Try again."},
	{storelog.ErrConflict, problem.ConflictChanged, "The store changed at every try. Try again."},
	{storelog.ErrNewerSchema, problem.NewerSchema, "A newer version of the platform wrote this store. Another gateway can serve it."},
	{storelog.ErrUnreadable, problem.StoreUnreadable, "What was written last of this store can't be read. It is among the dead " +
		"letters; an operator can redrive or discard it there."},
	{bus.ErrUnavailable, problem.BrokerUnavailable, "The gateway can't reach its broker." + untouched},
	{directory.ErrNoTenant, problem.NotFound, "There is no such tenant."},
	{directory.ErrLastOwner, problem.LastOwner, "A tenant would have no owner. Make somebody else one first, or delete the tenant."},
	{directory.ErrMember, problem.AlreadyMember, "Your account belongs to the tenant already. The invite is left for somebody else."},
	{directory.ErrOthersInvite, problem.Forbidden, "The invite is for another e-mail address than your account has."},
	{directory.ErrNotOwner, problem.Forbidden, "This is for owners of the tenant, and you aren't one any more."},
	{directory.ErrNotOperator, problem.Forbidden, "This is for operators of the platform."},
	{claim.ErrClosed, problem.NotFound, "The tenant is being deleted, and takes no more stores."},
	{reader.ErrOtherLog, problem.ProjectionUnavailable, "Lists and histories can't be read: what they are read from was made of another log " +
		"than this one. The operator can have it made anew (store-events rebuild). Single stores can be read, and creating and deleting works."},
	{reader.ErrProjection, problem.ProjectionUnavailable, "Lists and histories can't be read right now. Single stores can, " +
		"and creating and deleting works."},
	{reader.ErrQuestion, problem.InvalidRequest, "Whoever was asked can't make anything of the request."},
	{admission.ErrCredentialsGone, problem.CredentialsGone, "The store's passwords were removed from the cluster, and nobody can make them anew."},
	{admission.ErrCredentials, problem.CredentialsMissing, "No provisioner can read the store's passwords right now."},
	{reader.ErrProvisioner, problem.ClusterUnavailable, "No provisioner of the store's cluster answers right now. The store itself and its history can be read."},
	{logs.ErrFull, problem.LogsFull, "This gateway reads as many logs as it may at once."},
	{reader.ErrFull, problem.LogsFull, "The provisioner that was asked reads as many logs as it may at once."},
	{logs.ErrTooMany, problem.TooManyLogs, "As many logs are being read for the tenant as may be at once. End another."},
	{accounts.ErrRefused, problem.SignInRefused, "The address or the password is wrong. Who has forgotten it can ask for a link."},
	{accounts.ErrOff, problem.AccountsOff, "This gateway has no accounts (AUTH=open): a client is its address."},
	{accounts.ErrSignUpOff, problem.SignUpOff, "Nobody signs up here. Ask an operator."},
	{accounts.ErrInviteNeeded, problem.InviteNeeded, "It takes an invite to sign up here. Ask an owner of the tenant that you belong to, or an operator."},
	{accounts.ErrNotListed, problem.NotListed, "Operators are made of those only whose address is in ADMIN_EMAILS."},
	{directory.ErrTaken, problem.AccountExists, "Somebody has the address already. Sign in, or ask for a link if you have forgotten the password."},
	{directory.ErrElsewhere, problem.InvalidRequest, "The account has no password: who has it signs in at a provider."},
	{directory.ErrLastOperator, problem.LastOperator, "There is no other operator: make one first."},
	{directory.ErrUnverified, problem.Unverified, "It isn't proved that whoever has the account reads the mail at its address."},
	{password.ErrBusy, problem.Busy, "As many passwords are being compared as may be at once." + untouched},
	{guesses.ErrContended, problem.Busy, "Others tried the same at every moment." + untouched},
	{nats.ErrConnectionClosed, problem.BrokerUnavailable, lostBroker},
}

// lostBroker is for what went wrong in the middle. Whether a command was stored isn't known; an Idempotency-Key makes asking
// again safe, and so does the fence.
const lostBroker = "The broker did not answer in time. Read the store, or send the request again with the same Idempotency-Key."

// untouched ends what is said of a request that came to nothing.
const untouched = " Nothing was changed."

// parts are a change's, as clients know them.
var parts = map[store.Type]string{store.Renamed: "the new name", store.LifetimeChanged: "the new lifetime"}

// Problem finds the problem for any error. What it doesn't know is internal and says nothing of its cause: that is for the
// log.
func Problem(err error) *problem.Problem {
	p := problemOf(err)
	var partly *admission.PartlyError
	if errors.As(err, &partly) {
		done := make([]string, len(partly.Said))
		for i, said := range partly.Said {
			done[i] = parts[said]
		}
		p.Detail = strings.TrimSuffix(p.Detail, untouched) + " Of this request stands already: " + strings.Join(done, ", ") + "."
		// The same request would be held against an ETag that its own first half has replaced.
		p.Retryable = p.Retryable && !partly.Matched
	}
	return p
}

func problemOf(err error) *problem.Problem {
	if p := cmp.Or(ofTenants(err), ofWhoAsks(err)); p != nil {
		return p
	}
	var (
		field    *engine.FieldError
		inFlight *store.InFlightError
		quota    *admission.QuotaError
		standing *store.StandingError
		changed  *admission.ChangedError
		notReady *admission.NotReadyError
		future   *storelog.FutureError
	)
	switch {
	case errors.Is(err, storelog.ErrFar):
		return problem.AtField("at", "is too long ago for a store of which so much has been said since; its events say what happened")
	case errors.As(err, &field):
		return problem.AtField(field.Field, field.Message)
	case errors.As(err, &inFlight):
		way := "Wait for it, or delete the store."
		if inFlight.Verb == store.Delete {
			way = "Nothing else can be asked of the store any more."
		}
		p := problem.New(problem.ConflictInFlight, fmt.Sprintf(
			"The store's %s (generation %d) is still running. %s", inFlight.Verb, inFlight.Generation, way))
		p.Operation, p.Generation = string(inFlight.Verb), inFlight.Generation
		p.Retryable = inFlight.Verb != store.Delete
		return p
	case errors.As(err, &notReady):
		p := problem.New(problem.NotReady, "The store is not Ready, so nothing of it can be opened yet.")
		if !notReady.Coming {
			p = problem.New(problem.NotReady, "The store is not Ready, and nothing is under way that would make it so. Its status says why.")
			p.Retryable = false
		}
		return p
	case errors.As(err, &standing):
		return problem.New(problem.WrongStatus, fmt.Sprintf("The store is %s: %s isn't to be had of it then.", standing.Status, standing.Verb))
	case errors.As(err, &changed):
		p := problem.New(problem.Changed, "The store has changed since you read it. What it is now stands in current.").At("If-Match")
		p.Current, p.ETag = query.View(changed.Is), admission.ETag(changed.Is)
		return p
	case errors.As(err, &future):
		return problem.AtField("at", fmt.Sprintf("is yet to come: the log ends at %d, and it is %s", future.Present.Head, future.Present.Time.UTC().Format(time.RFC3339Nano)))
	case errors.As(err, &quota) && quota.Others:
		return problem.New(problem.QuotaExceeded, fmt.Sprintf("The tenant has %d stores, which is as many as one may have.", quota.Limit))
	case errors.As(err, &quota):
		return problem.New(problem.QuotaExceeded, fmt.Sprintf(
			"You have %d stores, which is as many as one tenant may have. Delete one first.", quota.Limit))
	case errors.Is(err, reader.ErrCursor):
		return problem.New(problem.InvalidCursor, "The cursor is not one of ours, or of a list of other filters or another order. Begin with the first page.").At("cursor")
	}
	for _, k := range table {
		if errors.Is(err, k.err) {
			return problem.New(k.code, k.detail)
		}
	}
	if storelog.Unanswered(err) {
		return problem.New(problem.BrokerUnavailable, lostBroker)
	}
	return problem.Of(err)
}

// ofWhoAsks is what lies with who asks, and how often, and not with what for.
func ofWhoAsks(err error) *problem.Problem {
	var (
		refusal *rights.Refusal
		guessed *accounts.GuessesError
		empty   *limits.EmptyError
	)
	switch {
	case errors.As(err, &empty):
		p := problem.New(problem.TooManyCommands, "You have sent more commands than one tenant may in so short a time."+untouched)
		if empty.Bucket == limits.Requests {
			p = problem.New(problem.TooManyRequests, "You have sent more requests than one tenant may in so short a time."+untouched)
		}
		p.RetryAfter = empty.After
		return p
	case errors.As(err, &guessed):
		p := problem.New(problem.TooManyGuesses, "Too much was tried in too short a time. Where you have signed in before, others' tries don't count; "+
			"a link that sets another password lets you in as well.")
		p.RetryAfter = guessed.After
		return p
	case errors.As(err, &refusal):
		code := problem.Forbidden
		if refusal.TakesKey() {
			code = problem.AdminKeyRequired
		}
		return problem.New(code, refusal.Missing())
	}
	return nil
}
