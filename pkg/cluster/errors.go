package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
)

// Kind says what an error asks of the worker.
type Kind int

const (
	// Transient: the same attempt may well succeed later.
	Transient Kind = iota
	// Permanent: it fails again until somebody changes the command, the pack or the cluster.
	Permanent
	// Forbidden: the cluster refuses by policy, quota or missing rights. Permanent, except just after the rights were
	// given: within ForbiddenGrace of it an Operation answers Transient instead.
	Forbidden
	// Unreachable: nothing was asked of Kubernetes that it could have answered. A reason to wait, not to fail.
	Unreachable
	// Refused: the operation isn't trusted any more and wrote nothing. errors.Is finds what Trust.Err said.
	Refused
)

// ReasonUnexpected is the reason of an error that nobody could put a name to.
const ReasonUnexpected = "Unexpected"

func (k Kind) String() string {
	return [...]string{"transient", "permanent", "forbidden", "unreachable", "refused"}[k]
}

// Error is what every method of this package returns when it fails.
type Error struct {
	Kind Kind
	// Reason is CamelCase, Sentence is for the merchant, Detail is the cluster's own words.
	Reason, Sentence, Detail string
	Err                      error
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%s: %s", e.Reason, e.Detail)
	}
	return fmt.Sprintf("%s: %v", e.Reason, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Words is the same error in the cluster's own words alone, which is what an event's detail is for.
func (e *Error) Words() error { return words{e} }

type words struct{ said *Error }

func (w words) Error() string { return w.said.Detail }
func (w words) Unwrap() error { return w.said }

// Classify turns any error of a conversation with Kubernetes into an *Error; one that is in the chain already stays
// what it is. It answers nil to nil.
func Classify(err error) *Error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	var refused *RefusedError
	if errors.As(err, &refused) {
		return wrap(err, Refused, "TrustEnded", "Another worker takes over.")
	}
	if e := classifyStatus(err); e != nil {
		return e
	}
	if e := classifyTransport(err); e != nil {
		return e
	}
	if meta.IsNoMatchError(err) {
		return wrap(err, Permanent, "KindUnknown", "The engine needs something that this Kubernetes doesn't have.")
	}
	return wrap(err, Transient, ReasonUnexpected, "Something unexpected went wrong; it is tried again.")
}

func wrap(err error, kind Kind, reason, sentence string) *Error {
	return &Error{Kind: kind, Reason: reason, Sentence: sentence, Detail: err.Error(), Err: err}
}

// classifyStatus knows the errors that the API server sent.
func classifyStatus(err error) *Error {
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return wrap(err, Transient, "NamespaceTerminating", "The store is being removed.")
	case objected(err) && passes(err):
		return wrap(err, Transient, reasonWebhookRefused, "A rule of the cluster refuses a part of the store for now; it is tried again.")
	case objected(err):
		return wrap(err, Permanent, reasonWebhookRefused, "A rule of the cluster refuses a part of the store.")
	case apierrors.IsForbidden(err):
		return wrap(err, Forbidden, "Forbidden", "The cluster doesn't allow what the store needs.")
	case apierrors.IsUnauthorized(err):
		return wrap(err, Unreachable, "Unauthorized", "The cluster doesn't accept the platform's credentials.")
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsMethodNotSupported(err),
		apierrors.IsNotAcceptable(err), apierrors.IsUnsupportedMediaType(err), apierrors.IsRequestEntityTooLargeError(err):
		return notAccepted(err)
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return wrap(err, Transient, "Conflict", "Something changed in between; it is tried again.")
	case apierrors.IsNotFound(err), apierrors.IsGone(err):
		return wrap(err, Transient, "NotFound", "A part of the store isn't there; it is tried again.")
	case apierrors.IsInternalError(err):
		// An admission webhook that doesn't answer is one, and only the text says so.
		return wrap(err, Transient, "ClusterError", "A part of the cluster doesn't work; it is tried again.")
	case apierrors.IsTooManyRequests(err), apierrors.IsServerTimeout(err), apierrors.IsTimeout(err),
		apierrors.IsServiceUnavailable(err):
		return wrap(err, Transient, "ClusterBusy", "The cluster is busy; it is tried again.")
	}
	return nil
}

// objected says whether an admission webhook has refused the request. It may do so with any code, and only the words that the API
// server puts before the webhook's own say who it was.
func objected(err error) bool {
	var said apierrors.APIStatus
	return errors.As(err, &said) && strings.HasPrefix(said.Status().Message, objection)
}

// passes says whether who refuses says that it is for now: a rule engine that starts, or can't look something up.
func passes(err error) bool {
	return apierrors.IsInternalError(err) || apierrors.IsTooManyRequests(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsConflict(err)
}

const objection = "admission webhook "

const reasonWebhookRefused = "WebhookRefused"

func notAccepted(err error) *Error {
	return wrap(err, Permanent, "Invalid", "The cluster doesn't accept what the engine asks for.")
}

// classifyTransport knows the errors of a request that got no answer. A context's comes first: http wraps it into a
// url.Error, which would look like a cluster that is away.
func classifyTransport(err error) *Error {
	var netErr net.Error
	var urlErr *url.Error
	switch {
	case errors.Is(err, context.Canceled):
		return wrap(err, Transient, "Interrupted", "The work was interrupted; it is tried again.")
	case errors.Is(err, context.DeadlineExceeded):
		return wrap(err, Transient, "TimedOut", "It took too long; it is tried again.")
	case errors.As(err, &urlErr), errors.As(err, &netErr), errors.Is(err, io.ErrUnexpectedEOF):
		return wrap(err, Unreachable, "ClusterUnreachable", "The cluster doesn't answer at the moment.")
	}
	return nil
}
