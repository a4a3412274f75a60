package provision

import (
	"errors"
	"fmt"
	"testing"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/lease"
	"github.com/store-platform/store-platform/pkg/work"
)

func TestOutcome(t *testing.T) {
	said := func(kind cluster.Kind) error {
		return fmt.Errorf("do a thing: %w", &cluster.Error{
			Kind: kind, Reason: "Reason", Sentence: "A sentence.", Detail: "the cluster's words", Err: errors.New("inner"),
		})
	}
	for kind, permanent := range map[cluster.Kind]bool{
		cluster.Permanent: true, cluster.Forbidden: true,
		cluster.Transient: false, cluster.Unreachable: false,
	} {
		err := outcome(said(kind))
		var p *work.Permanent
		var tr *work.Transient
		switch {
		case permanent && errors.As(err, &p):
			if p.Reason != "Reason" || p.Message != "A sentence." || p.Err.Error() != "the cluster's words" {
				t.Errorf("%s: %+v", kind, p)
			}
		case !permanent && errors.As(err, &tr):
			if tr.Reason != "Reason" || tr.Message != "A sentence." || tr.Err.Error() != "the cluster's words" {
				t.Errorf("%s: %+v", kind, tr)
			}
		default:
			t.Errorf("%s became %T", kind, err)
		}
	}
	if err := outcome(nil); err != nil {
		t.Errorf("nothing wrong became %v", err)
	}
}

// Helm answers to a lost lease with errors of its own; the loop must still find the loss in them.
func TestOutcomeKeepsALostLease(t *testing.T) {
	refused := &cluster.RefusedError{Method: "POST", Path: "/", Err: lease.ErrLost}
	if err := outcome(fmt.Errorf("install release: %w", refused)); !errors.Is(err, lease.ErrLost) {
		t.Errorf("a lost lease became %v", err)
	}
}
