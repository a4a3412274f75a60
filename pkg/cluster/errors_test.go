package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
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
	"k8s.io/client-go/rest"
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

func TestOperationRemembersWhatBecameTextElsewhere(t *testing.T) {
	op := &Operation{guard: &guard{}, config: &rest.Config{Host: "https://cluster.example"}}
	text := errors.New("unable to get data: something")
	if e := op.Classify(text); e.Reason != ReasonUnexpected {
		t.Fatalf("got %s", e.Reason)
	}
	var refused error = &RefusedError{Err: errors.New("newer command")}
	op.guard.failed.Store(&refused)
	if e := op.Classify(text); e.Kind != Refused || !errors.Is(e, text) {
		t.Errorf("got %s of %v", e.Kind, e.Err)
	}
	op.guard.failed.Store(nil)
	op.guard.invalid.Store(true)
	if e := op.Classify(text); e.Kind != Permanent || e.Reason != "Invalid" || e.Detail != text.Error() || !errors.Is(e, text) {
		t.Errorf("got %s %s of %v", e.Kind, e.Reason, e.Err)
	}
	busy := apierrors.NewTooManyRequests("slow down", 1)
	if e := op.Classify(busy); e.Reason != "ClusterBusy" {
		t.Errorf("what has a type of its own is %s", e.Reason)
	}
}
