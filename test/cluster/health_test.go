package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
	"github.com/store-platform/store-platform/test/internal/shops"
)

// freeze stops everything in the workload's pods, as a node does that runs out of processor time, and thaws it when
// told to, or with the test. Nothing of the release is touched: what fails is what runs. Until then it goes on: what the
// kubelet starts anew in its place would be well again, perhaps before anybody has looked.
func (c *conformance) freeze(workload string) (thaw func()) {
	c.Helper()
	stopped := map[int]bool{}
	// Again and again, until a look finds nothing that runs: processes make others while they are being stopped.
	still := func() error {
		running, err := c.running(workload)
		for _, pid := range running {
			stopped[pid] = true
			err = errors.Join(err, signal(pid, syscall.SIGSTOP))
		}
		if err == nil && (len(running) > 0 || len(stopped) == 0) {
			err = fmt.Errorf("%d processes of %s run, %d have been stopped", len(running), workload, len(stopped))
		}
		return err
	}
	ctx, stop := context.WithCancel(c.Context())
	var freezing sync.WaitGroup
	thaw = sync.OnceFunc(func() {
		stop()
		freezing.Wait()
		for pid := range stopped {
			if err := signal(pid, syscall.SIGCONT); err != nil {
				c.Error(err)
			}
		}
	})
	c.Cleanup(thaw)
	waittest.Eventually(c.T, still)
	freezing.Go(func() {
		for tick := time.NewTicker(freezeAgain); ctx.Err() == nil; {
			select {
			case <-ctx.Done():
			case <-tick.C:
				_ = still() // what runs now is stopped with the next
			}
		}
	})
	return thaw
}

// freezeAgain is shorter than any shop takes to start.
const freezeAgain = 500 * time.Millisecond

// running are the processes of the workload's pods that don't stand still.
func (c *conformance) running(workload string) ([]int, error) {
	var list struct {
		Items []strictPod `json:"items"`
	}
	path := "/api/v1/namespaces/" + c.at.ID.Namespace() + "/pods"
	if status, err := c.kubernetes.Do(c.Context(), http.MethodGet, path, nil, &list); err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("list the pods: %d %v", status, err)
	}
	var running []int
	for _, pod := range list.Items {
		if !strings.HasPrefix(pod.Metadata.Name, workload+"-") {
			continue
		}
		processes, err := platform.Processes(pod.Metadata.UID)
		if err != nil {
			return nil, err
		}
		for _, pid := range processes {
			still, err := platform.StandsStill(pid)
			if err != nil {
				return nil, err
			}
			if !still {
				running = append(running, pid)
			}
		}
	}
	return running, nil
}

// signal leaves out what has ended.
func signal(pid int, s syscall.Signal) error {
	if err := syscall.Kill(pid, s); err != nil && err != syscall.ESRCH {
		return fmt.Errorf("%s process %d: %w", s, pid, err)
	}
	return nil
}

// probeTimeout is how long a shop may take to say that it is well; one that takes longer isn't.
const probeTimeout = 5 * time.Second

// saysSoWhenItFails: what the shop stands on stops. The probe must not pass for a moment, the store says what is wrong,
// and is Ready when it is back.
func (c *conformance) saysSoWhenItFails() {
	workload := c.pack.Workloads[0].Name
	feed := c.Follow(c.T, "", c.at.ID)
	thaw := c.freeze(workload)
	ctx, cancel := context.WithTimeout(c.Context(), probeTimeout)
	err := c.at.Probe(ctx, c.pack.Probe)
	cancel()
	if err == nil {
		c.Errorf("the probe passes while %s stands still", workload)
	}
	seen := feed.UntilType(c.T, store.BecameDegraded)
	last := seen[len(seen)-1]
	if last.Store.Status != store.Degraded || last.Event.Facts.Reason == "" || last.Event.Facts.Message == "" {
		c.Errorf("it says %s: %+v", last.Store.Status, last.Event.Facts)
	}
	c.Logf("%s stands still: %s: %s (%s)", workload, last.Event.Facts.Reason, last.Event.Facts.Message, last.Event.Facts.Detail)
	thaw()
	feed.UntilType(c.T, store.Recovered)
	c.expectOrders()
	c.buy()
}

// saysSoWhenItIsClosed: everything runs and pages answer, but nothing can be bought.
func (c *conformance) saysSoWhenItIsClosed(closer shops.Closer) {
	feed := c.Follow(c.T, "", c.at.ID)
	open, err := closer.Close(c.Context(), c.at, c.admin())
	if err != nil {
		c.Fatalf("close the shop: %v", err)
	}
	if status, _, _, err := c.at.Look(c.Context(), "/"); err != nil || status != http.StatusOK {
		c.Errorf("its first page answers %d, %v: this shows little", status, err)
	}
	if c.at.Probe(c.Context(), c.pack.Probe) == nil {
		c.Error("the probe passes where nothing is sold")
	}
	seen := feed.UntilType(c.T, store.BecameDegraded)
	// The check's answer of before may be kept for some seconds more.
	if facts := seen[len(seen)-1].Event.Facts; facts.Reason != "NotAnswering" && facts.Reason != "PluginInactive" {
		c.Errorf("it says %+v", facts)
	}
	if err := open(c.Context()); err != nil {
		c.Fatalf("open the shop: %v", err)
	}
	feed.UntilType(c.T, store.Recovered)
	c.expectOrders()
	c.buy()
}

// isMended: an object of the release that somebody removes comes back by itself, and the store's history says so.
func (c *conformance) isMended() {
	path := "/api/v1/namespaces/" + c.at.ID.Namespace() + "/services/" + c.pack.Probe.Service
	feed := c.Follow(c.T, "", c.at.ID)
	c.change(http.MethodDelete, path, nil)
	c.mended(feed, "service/"+c.pack.Probe.Service+": not found")
	if status := c.kubernetes.Status(c.T, path); status != http.StatusOK {
		c.Errorf("the Service: %d", status)
	}
	c.expectOrders()
	c.buy()
}
