// Package upgrade holds this tree against the state that earlier releases left on the disk: log, read model and buckets
// open as they are, answer as they did, and go on.
//
// It is about behaviour: what a release answered must be answered still, and what a newer tree adds to it is its own affair.
// The recordings are made by cmd/release-state.
package upgrade

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/store-platform/store-platform/test/internal/release"
	"github.com/store-platform/store-platform/test/internal/repo"
)

// recordings are the releases whose state this tree must open.
const recordings = "testdata"

// clone and programs are set by TestMain.
var (
	clone    string
	programs release.Programs
)

func TestMain(m *testing.M) {
	var err error
	if clone, err = repo.Root(); err == nil {
		programs, err = release.FindPrograms(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "prepare the tests:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// eachRelease runs a test on every release's state, each time in a new installation of this tree with the release's log.
func eachRelease(t *testing.T, test func(*testing.T, *opened)) {
	t.Helper()
	// Most of a test is waiting for processes to begin and to end.
	t.Parallel()
	found, err := os.ReadDir(recordings)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("no release was recorded")
	}
	for _, entry := range found {
		t.Run(entry.Name(), func(t *testing.T) { test(t, open(t, filepath.Join(recordings, entry.Name()))) })
	}
}

// opened is an installation of this tree on a release's log.
type opened struct {
	*release.Installation
	recording string
	// answered is what the release said of its state.
	answered release.Answers
}

func open(t *testing.T, recording string) *opened {
	t.Helper()
	dir := t.TempDir()
	if err := release.UnpackLog(recording, dir); err != nil {
		t.Fatal(err)
	}
	answered, err := release.ReadAnswers(recording)
	if err != nil {
		t.Fatal(err)
	}
	in, err := release.Open(t.Context(), clone, programs, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	return &opened{Installation: in, recording: recording, answered: answered}
}

// serve starts this tree's services, where wanted on the release's read model.
func (o *opened) serve(t *testing.T, maxStores int, withReadModel bool) {
	t.Helper()
	if withReadModel {
		if err := o.LoadReadModel(t.Context(), o.recording); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Serve(t.Context(), maxStores); err != nil {
		t.Fatal(err)
	}
}

// lost lists what was and isn't any more. What is new is nobody's loss.
func lost(at string, was, is any) []string {
	switch was := was.(type) {
	case map[string]any:
		now, ok := is.(map[string]any)
		if !ok {
			break
		}
		var all []string
		for _, key := range slices.Sorted(maps.Keys(was)) {
			all = append(all, lost(at+"."+key, was[key], now[key])...)
		}
		return all
	case []any:
		now, ok := is.([]any)
		if !ok || len(now) != len(was) {
			break
		}
		var all []string
		for i := range was {
			all = append(all, lost(fmt.Sprintf("%s[%d]", at, i), was[i], now[i])...)
		}
		return all
	default:
		if reflect.DeepEqual(was, is) {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s was %v, is %v", at, was, is)}
}

// sameAnswers holds what this tree says against what the release said.
func (o *opened) sameAnswers(t *testing.T) {
	t.Helper()
	now, err := o.Ask(t.Context(), o.answered)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.answered.Creates) == 0 || len(o.answered.Feed) == 0 {
		t.Fatal("the recording says nothing")
	}
	var all []string
	for id, was := range o.answered.Stores {
		all = append(all, lost("store "+string(id), was, now.Stores[id])...)
		all = append(all, lost("history of "+string(id), o.answered.Histories[id], now.Histories[id])...)
	}
	for address, was := range o.answered.Lists {
		all = append(all, lost("list of "+address, was, now.Lists[address])...)
	}
	for address, was := range o.answered.DeadLetters {
		all = append(all, lost("dead letters of "+address, was, now.DeadLetters[address])...)
	}
	if now.SweepsPaused != o.answered.SweepsPaused {
		all = append(all, fmt.Sprintf("sweeps were paused for %q, are for %q", o.answered.SweepsPaused, now.SweepsPaused))
	}
	all = append(all, lost("engines", o.answered.Engines, now.Engines)...)
	all = append(all, lost("feed", o.answered.Feed, now.Feed)...)
	for _, l := range all[:min(20, len(all))] {
		t.Error(l)
	}
}
