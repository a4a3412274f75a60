package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// types are what a recording must contain.
var types = []store.Type{
	store.CreateCommand, store.RetryCommand, store.MendCommand, store.DeleteCommand, store.Waited, store.AttemptStarted, store.AttemptYielded,
	store.StepCompleted, store.Progressed, store.RetryScheduled, store.Discarded, store.BecameDegraded, store.Recovered,
	store.BecameReady, store.BecameFailed, store.Superseded, store.BecameDeleted,
}

// Record lets the clone in repo live through everything that can happen to a store and writes what it leaves behind into
// the folder recording.
func Record(ctx context.Context, repo, recording string) error {
	dir, err := makeFolder()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.MkdirAll(recording, 0o755); err != nil {
		return err
	}
	programs, err := FindPrograms(ctx)
	if err != nil {
		return err
	}
	in, err := Open(ctx, repo, programs, dir)
	if err != nil {
		return err
	}
	err = in.record(ctx, recording)
	if err = errors.Join(err, in.Close()); err != nil {
		return err
	}
	return pack(Folder(dir), filepath.Join(recording, logFile))
}

func (in *Installation) record(ctx context.Context, recording string) error {
	if err := in.Serve(ctx, 20); err != nil {
		return err
	}
	log, closeLog, err := in.OpenLog(ctx)
	if err != nil {
		return err
	}
	defer closeLog()
	a := &author{Installation: in, log: log, stores: map[string]store.ID{}}
	if err := a.write(ctx); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	entries, err := in.Entries(ctx)
	if err != nil {
		return err
	}
	for _, t := range types {
		if !slices.ContainsFunc(entries, func(e storelog.Entry) bool { return e.Message.Type == t }) {
			return fmt.Errorf("write the history: it has no %s", t)
		}
	}
	a.answers.Beginning = feed.Cursor{Epoch: log.Epoch()}.String()
	// Nil has whoever asks again leave them out, as for releases that recorded none.
	a.answers.DeadLetters = map[string]any{}
	answers, err := in.Ask(ctx, a.answers)
	if err != nil {
		return err
	}
	data, err := json.Marshal(answers)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(recording, answersFile), append(data, '\n'), 0o644); err != nil {
		return err
	}
	return in.dump(ctx, filepath.Join(recording, readModelFile))
}

// errEnd ends the reading of the log.
var errEnd = errors.New("the end of the log")

// Entries reads the whole log, without what can't be read.
func (in *Installation) Entries(ctx context.Context) ([]storelog.Entry, error) {
	log, closeLog, err := in.OpenLog(ctx)
	if err != nil {
		return nil, err
	}
	defer closeLog()
	var entries []storelog.Entry
	err = log.Tail(ctx, 0, func(raw storelog.Raw) error {
		switch entry, err := raw.Entry(); {
		case err == nil:
			entries = append(entries, entry)
		case !errors.Is(err, storelog.ErrUnreadable):
			return err
		}
		if raw.Pending == 0 {
			return errEnd
		}
		return nil
	})
	if !errors.Is(err, errEnd) {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	return entries, nil
}
