package provision

import (
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/work"
)

// outcome is the one place where what the cluster said becomes what the worker loop does about it.
func outcome(err error) error {
	e := cluster.Classify(err)
	if e == nil {
		return nil
	}
	switch e.Kind {
	case cluster.Permanent, cluster.Forbidden:
		return &work.Permanent{Reason: e.Reason, Message: e.Sentence, Err: e.Words()}
	case cluster.Refused:
		// The loop finds in it whether the lease was lost or a newer command came.
		return err
	default:
		return &work.Transient{Reason: e.Reason, Message: e.Sentence, Err: e.Words()}
	}
}

// unusable is for a spec that the pack doesn't accept, which the gateway should have refused.
func unusable(err error) error {
	return &work.Permanent{Reason: "SpecInvalid", Message: "The engine doesn't accept what was asked for.", Err: err}
}
