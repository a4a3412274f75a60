package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestClassify(t *testing.T) {
	secrets := schema.GroupResource{Resource: "secrets"}
	refusedConnection := &url.Error{Op: "Get", URL: "https://127.0.0.1:1", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}
	terminating := apierrors.NewForbidden(secrets, "x", errors.New("the namespace is being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	for name, test := range map[string]struct {
		err    error
		kind   Kind
		reason string
	}{
		"forbidden":         {apierrors.NewForbidden(secrets, "x", nil), Forbidden, "Forbidden"},
		"going namespace":   {terminating, Transient, "NamespaceTerminating"},
		"invalid":           {apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, "x", nil), Permanent, "Invalid"},
		"conflict":          {apierrors.NewConflict(secrets, "x", nil), Transient, "Conflict"},
		"not found":         {apierrors.NewNotFound(secrets, "x"), Transient, "NotFound"},
		"too many":          {apierrors.NewTooManyRequests("slow down", 1), Transient, "ClusterBusy"},
		"refused by a rule": {objecting(http.StatusForbidden, metav1.StatusReasonForbidden), Permanent, "WebhookRefused"},
		"refused for now":   {objecting(http.StatusInternalServerError, ""), Transient, "WebhookRefused"},
		"refused as busy":   {objecting(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests), Transient, "WebhookRefused"},
		"internal":          {apierrors.NewInternalError(errors.New("etcd")), Transient, "ClusterError"},
		"unauthorized":      {apierrors.NewUnauthorized("who?"), Unreachable, "Unauthorized"},
		"connection":        {refusedConnection, Unreachable, "ClusterUnreachable"},
		"cancelled request": {&url.Error{Op: "Get", Err: context.Canceled}, Transient, "Interrupted"},
		"slow request":      {&url.Error{Op: "Get", Err: context.DeadlineExceeded}, Transient, "TimedOut"},
		"refused":           {&url.Error{Op: "Get", Err: &RefusedError{Err: errors.New("newer command")}}, Refused, "TrustEnded"},
		"unknown kind":      {&meta.NoKindMatchError{GroupKind: schema.GroupKind{Kind: "Widget"}}, Permanent, "KindUnknown"},
		"anything":          {errors.New("boom"), Transient, ReasonUnexpected},
	} {
		t.Run(name, func(t *testing.T) {
			e := Classify(fmt.Errorf("do it: %w", test.err))
			if e.Kind != test.kind || e.Reason != test.reason {
				t.Errorf("got %s %s, want %s %s", e.Kind, e.Reason, test.kind, test.reason)
			}
			if e.Sentence == "" || e.Detail == "" || !errors.Is(e, test.err) {
				t.Errorf("sentence %q, detail %q, or the cause is missing", e.Sentence, e.Detail)
			}
			if again := Classify(fmt.Errorf("and more: %w", e)); again != e {
				t.Errorf("classified twice: %v", again)
			}
		})
	}
	if e := Classify(nil); e != nil {
		t.Errorf("got %v of nil", e)
	}
}

func TestForbiddenJustAfterTheBindingIsTransient(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", nil)
	for age, want := range map[time.Duration]Kind{time.Second: Transient, ForbiddenGrace + time.Second: Forbidden} {
		op := &Operation{guard: &guard{}, bound: new(atomic.Int64)}
		op.bound.Store(time.Now().Add(-age).UnixNano())
		if e := op.Classify(forbidden); e.Kind != want {
			t.Errorf("%s after the binding: got %s, want %s", age, e.Kind, want)
		}
	}
	if e := (&Operation{guard: &guard{}, bound: new(atomic.Int64)}).Classify(forbidden); e.Kind != Forbidden {
		t.Errorf("without a binding: got %s", e.Kind)
	}
}

// Helm makes text of some errors. What an operation met before and went on after isn't what it fails for.
func TestAnOperationKnowsWhoseTextAnErrorIs(t *testing.T) {
	resource := schema.GroupResource{Resource: "services"}
	superseded := errors.New("newer command")
	for name, c := range map[string]struct {
		met    []error
		kind   Kind
		reason string
	}{
		"nothing":                {kind: Transient, reason: ReasonUnexpected},
		"no answer":              {met: []error{&url.Error{Op: "GET", Err: io.ErrUnexpectedEOF}}, kind: Unreachable, reason: "ClusterUnreachable"},
		"not sent":               {met: []error{&url.Error{Op: "GET", Err: &RefusedError{Method: "GET", Path: "/x", Err: superseded}}}, kind: Refused, reason: "TrustEnded"},
		"forbidden":              {met: []error{apierrors.NewForbidden(resource, "shop", errors.New("exceeded quota"))}, kind: Forbidden, reason: "Forbidden"},
		"refused for what it is": {met: []error{apierrors.NewInvalid(schema.GroupKind{Kind: "Service"}, "shop", nil)}, kind: Permanent, reason: "Invalid"},
		"busy, then refused":     {met: []error{apierrors.NewTooManyRequests("slow down", 1), apierrors.NewForbidden(resource, "shop", nil)}, kind: Forbidden, reason: "Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			op := &Operation{guard: &guard{}, bound: new(atomic.Int64)}
			words := "something"
			for _, err := range c.met {
				op.guard.met.add(err)
				words = err.Error()
			}
			text := errors.New("failed to replace object: " + words + " && another")
			if e := op.Classify(text); e.Kind != c.kind || e.Reason != c.reason || e.Detail != text.Error() || !errors.Is(e, text) {
				t.Errorf("%s %s of %v", e.Kind, e.Reason, e.Err)
			}
			if other := op.Classify(errors.New("the chart has no such file")); other.Reason != ReasonUnexpected {
				t.Errorf("what came later is told as %s", other.Reason)
			}
			if busy := op.Classify(apierrors.NewTooManyRequests("come back later", 1)); busy.Reason != "ClusterBusy" {
				t.Errorf("what has a type of its own is %s", busy.Reason)
			}
		})
	}
}

// objecting is an admission webhook's refusal, with a code of its own choice.
func objecting(code int32, reason metav1.StatusReason) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: code, Reason: reason, Message: `admission webhook "rules.example" denied the request: no`,
	}}
}
