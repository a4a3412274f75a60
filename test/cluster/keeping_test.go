package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
	"github.com/store-platform/store-platform/test/internal/shops"
)

// trouble is one way in which a shop ceases to keep what it is given. What begins it ends the one before where that would
// hide it.
type trouble struct {
	cause      string
	begin, end func() error
	// aloud: until the platform has told of it, and not only the shop.
	aloud bool
}

// saysSoWhenItKeepsNothing: a shop that shows every page and keeps no order is told of by what refuses. One trouble follows
// the other without a pause, so that each costs one look at the shop.
func (c *conformance) saysSoWhenItKeepsNothing() {
	troubles := c.troubles(c.limited())
	feed := c.Follow(c.T, "", c.at.ID)
	for _, t := range troubles {
		c.must(t.begin())
		if !t.aloud {
			c.checked(t.cause)
			continue
		}
		c.toldOf(feed, t.cause)
		// Who only looks around is served.
		if status, _, _, err := c.at.Look(c.Context(), "/"); err != nil || status != http.StatusOK {
			c.Errorf("its first page answers %d, %v", status, err)
		}
	}
	for _, t := range slices.Backward(troubles) {
		c.must(t.end())
	}
	feed.UntilType(c.T, store.Recovered)
	c.expectOrders()
	c.buy()
}

func (c *conformance) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// toldOf waits until the platform tells of the cause, in the pack's words.
func (c *conformance) toldOf(told *platform.Feed, cause string) {
	c.Helper()
	seen := told.Until(c.T, func(m feed.Message) bool {
		return m.Event.Type == store.BecameDegraded && m.Event.Facts.Reason == cause
	})
	last := seen[len(seen)-1].Store
	i := slices.IndexFunc(c.pack.Check.Causes, func(known engine.Cause) bool { return known.Reason == cause })
	if i < 0 || last.Status != store.Degraded || last.Message != c.pack.Check.Causes[i].Message {
		c.Fatalf("for %s it is %s: %q", cause, last.Status, last.Message)
	}
}

// checked waits until the shop itself tells the cause.
func (c *conformance) checked(want string) {
	c.Helper()
	waittest.Eventually(c.T, func() error {
		status, _, body, err := c.at.Look(c.Context(), c.pack.Check.Path)
		if err != nil {
			return err
		}
		var told *engine.CauseError
		if errors.As(c.pack.Check.Judge(status, body), &told) && told.Reason == want {
			return nil
		}
		return fmt.Errorf("the check answers %d %.200s, want %q", status, body, want)
	})
}

// kept is what a store keeps, and where on the node.
type kept struct {
	shops.Keeping
	volumes platform.Volumes
	// folders are by the volumes' claims.
	folders map[string]string
}

// troubles come in an order in which each is told although those before it go on: what can't be written to at all behind what is
// full, and what the shop needs for an order behind the rest.
func (c *conformance) troubles(k kept) []trouble {
	full := trouble{cause: k.Files.Full, aloud: true, begin: c.on(k, k.volumes.Fill, k.Files), end: c.on(k, k.volumes.Widen, k.Files)}
	all := []trouble{full, c.frozen(k)}
	if k.Database == nil {
		return all
	}
	closed := c.closed(k)
	open, fill := closed.end, c.on(k, k.volumes.Fill, k.Database.Volume)
	closed.end = func() error { return nil }
	return append(all, closed, trouble{cause: k.Database.Full, end: c.on(k, k.volumes.Widen, k.Database.Volume), begin: func() error {
		// A server with no room may not be able to write down that it may be written to.
		return errors.Join(open(), fill())
	}})
}

func (c *conformance) on(k kept, do func(ctx context.Context, folder string) error, v shops.Volume) func() error {
	return func() error { return do(c.Context(), k.folders[v.Claim]) }
}

// frozen: nothing can be written where files are kept.
func (c *conformance) frozen(k kept) trouble {
	return trouble{cause: k.Files.ReadOnly, begin: c.on(k, k.volumes.Freeze, k.Files), end: c.on(k, k.volumes.Thaw, k.Files)}
}

// closed: the database can be read.
func (c *conformance) closed(k kept) trouble {
	d := *k.Database
	return trouble{
		cause: d.ReadOnly, aloud: true, begin: func() error { return c.tell(d, d.Close) }, end: func() error { return c.tell(d, d.Open) },
	}
}

// saysWhatRefuses is as much of it as a shop tells that sells nothing for want of a part.
func (c *conformance) saysWhatRefuses() {
	k := kept{shops.KeepingOf(c.pack.Name), c.node(), c.folders()}
	troubles := []trouble{c.frozen(k), c.closed(k)}
	for _, t := range troubles {
		c.must(t.begin())
		c.checked(t.cause)
	}
	for _, t := range troubles {
		c.must(t.end())
	}
	c.checked("PluginInactive")
}

// folders are where the store's volumes are on the node, by their claims.
func (c *conformance) folders() map[string]string {
	c.Helper()
	folders := map[string]string{}
	for _, claim := range c.list("/api/v1", "persistentvolumeclaims") {
		folders[claim.Metadata.Name] = c.folder(claim.Spec.Volume)
	}
	return folders
}

// limited gives each of the store's volumes a size, while it is suspended.
func (c *conformance) limited() kept {
	c.Helper()
	k := kept{Keeping: shops.KeepingOf(c.pack.Name), folders: c.folders()}
	feed := c.Follow(c.T, "", c.at.ID)
	if end := c.end(feed, c.ask(http.MethodPost, "suspend", nil)); end.Event.Type != store.BecameSuspended {
		c.Fatalf("suspended, it ended as %s: %+v", end.Event.Type, end.Event.Facts)
	}
	k.volumes = c.node()
	for _, folder := range k.folders {
		c.must(k.volumes.Limit(c.Context(), folder))
		c.Cleanup(func() {
			if err := k.volumes.Release(context.WithoutCancel(c.Context()), folder); err != nil {
				c.Errorf("give the volume back: %v", err)
			}
		})
	}
	if end := c.end(feed, c.ask(http.MethodPost, "resume", nil)); end.Event.Type != store.BecameReady {
		c.Fatalf("resumed, it ended as %s: %+v", end.Event.Type, end.Event.Facts)
	}
	return k
}

// folder is where a volume is on the node.
func (c *conformance) folder(volume string) string {
	c.Helper()
	var v struct {
		Spec struct {
			HostPath struct {
				Path string `json:"path"`
			} `json:"hostPath"`
		} `json:"spec"`
	}
	status, err := c.kubernetes.Do(c.Context(), http.MethodGet, "/api/v1/persistentvolumes/"+volume, nil, &v)
	if err != nil || status != http.StatusOK || v.Spec.HostPath.Path == "" {
		c.Fatalf("find the folder of volume %s: %d %v", volume, status, err)
	}
	return v.Spec.HostPath.Path
}

// node is found from a pod of the store that is there now.
func (c *conformance) node() platform.Volumes {
	c.Helper()
	for _, pod := range c.strictPods() {
		processes, err := platform.Processes(pod.Metadata.UID)
		c.must(err)
		for _, pid := range processes {
			if volumes, err := platform.VolumesOf(pid, pod.Metadata.UID); err == nil {
				return volumes
			}
		}
	}
	c.Fatal("the store has no pod that runs")
	return platform.Volumes{}
}

// tell has the shop's database changed by who may.
func (c *conformance) tell(d shops.Database, command []string) error {
	var refused error
	for _, pod := range c.strictPods() {
		if !strings.HasPrefix(pod.Metadata.Name, d.Workload+"-") {
			continue
		}
		processes, err := platform.Processes(pod.Metadata.UID)
		if err != nil {
			return err
		}
		for _, pid := range processes {
			said, err := platform.Inside(c.Context(), pid, d.User, command...)
			if err == nil {
				return nil
			}
			// The pause container has no such program.
			refused = errors.Join(refused, fmt.Errorf("process %d: %w: %s", pid, err, said))
		}
	}
	return fmt.Errorf("nobody in %s has run %v: %w", d.Workload, command, refused)
}
