package sweep

import (
	"context"
	"fmt"
	"time"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/store"
)

const (
	// believable is how much cluster and log may differ before neither is believed: this many namespaces, or this part
	// of all in percent, whichever is more.
	believable        = 3
	believablePercent = 5
	// slowRemoval is when a namespace that is being removed is worth a look.
	slowRemoval = 10 * time.Minute
)

// confirm looks at the cluster once more where it seems to differ from the log. What was there before the log was read
// may have been removed since, as the last step of a delete; what is there after it as well, and the same, is a finding.
func (r *round) confirm(ctx context.Context) error {
	if len(r.seen.doubts) == 0 {
		return nil
	}
	again, err := r.cfg.Cluster.Namespaces(ctx)
	if err != nil {
		return fmt.Errorf("look at the cluster once more: %w", err)
	}
	second := make(map[string]cluster.Sighting, len(again))
	for _, ns := range again {
		second[ns.Name] = ns
	}
	for _, d := range r.seen.doubts {
		ns, here := second[d.name]
		if d.kind == platform.Missing {
			if here {
				continue
			}
			if err := r.confirmMissing(ctx, d.state); err != nil {
				return err
			}
			continue
		}
		if here && ns.UID == d.first.UID {
			r.confirmPresent(d, ns)
		}
	}
	return nil
}

// confirmMissing reads the store after the cluster: Ready before and after, and nothing said in between, it was Ready
// while its namespace wasn't there.
func (r *round) confirmMissing(ctx context.Context, s store.State) error {
	after, err := r.log.Last(ctx, s.ID)
	switch {
	case unreadable(err):
		r.spare(s.ID)
		return nil
	case err == nil && after.Version == s.Version:
		r.found.add(platform.Missing, string(s.ID))
	}
	return err
}

func (r *round) confirmPresent(d doubt, ns cluster.Sighting) {
	name := ns.Name
	if ns.Store != "" {
		name = string(ns.Store)
	}
	switch {
	case ns.Terminating.IsZero():
		r.found.add(d.kind, name)
	case d.kind == platform.Stray && r.now.Sub(ns.Terminating) >= slowRemoval:
		// Another delete would wait for it too, and no better.
		r.found.add(platform.Terminating, name)
		return
	default:
		return
	}
	if d.kind == platform.Stray {
		r.seen.strays = append(r.seen.strays, d.state)
	} else if ns.Store != "" {
		r.seen.spared = append(r.seen.spared, ns.Store)
	}
}

// disagreement says what is wrong between cluster and log, and whether it is so much that nothing is to be done at all.
func (r *round) disagreement() (alarm *platform.Alarm, stop bool) {
	strays, unknown, missing := r.found.count(platform.Stray), r.found.count(platform.Unknown), r.found.count(platform.Missing)
	all, namespaces := strays+unknown+missing, r.report.Namespaces
	switch {
	case all > believable && 100*all > believablePercent*namespaces:
		return &platform.Alarm{Reason: "TooManyFindings", Message: fmt.Sprintf(
			"Cluster and log differ in too much to sweep: %s. Nothing was submitted and nothing mended. "+
				"The log may have been emptied or restored from before, or the cluster be another one. "+
				"Where it is right, remove these namespaces by hand.", differences(namespaces, strays, unknown, missing))}, true
	case unknown > 0:
		return &platform.Alarm{Reason: "UnknownNamespaces", Message: fmt.Sprintf(
			"The log knows nothing of namespaces that carry this installation's labels, or has their stores in another cluster: %s. "+
				"They are left alone. The log may have been emptied or restored from before their stores were made.", differences(namespaces, strays, unknown, missing))}, false
	case missing > 0:
		return &platform.Alarm{Reason: "MissingNamespaces", Message: fmt.Sprintf(
			"Stores are Ready in the log and have no namespace: %s. They are left alone. Somebody removed the namespaces by hand, "+
				"the cluster is another one, or the log was restored from before the stores were deleted.", differences(namespaces, strays, unknown, missing))}, false
	}
	return nil, false
}

func differences(namespaces, strays, unknown, missing int) string {
	return fmt.Sprintf("of %d namespaces %d are of deleted stores and %d of stores that the log doesn't know, and %d stores that are Ready have none",
		namespaces, strays, unknown, missing)
}

func (r *round) deleteStrays(ctx context.Context) error {
	for _, s := range r.seen.strays {
		m := store.Message{Type: store.DeleteCommand, Facts: store.Facts{
			Reason: "StrayNamespace", Message: "Something of it was found in the cluster after it had been deleted; it is removed once more.",
		}}
		if _, err := r.submit(ctx, s, store.AdmitSweep, m); err != nil {
			return err
		}
	}
	return nil
}
