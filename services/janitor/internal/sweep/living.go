package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

const (
	// mostBehind is how many messages a sweep reads itself of those that came behind what the events service knows.
	mostBehind = 10_000
	// readingTimeout bounds that.
	readingTimeout = 30 * time.Second
)

// unansweredError: nobody says which stores live, or not of this log as it is. Why is a sentence for people.
type unansweredError struct {
	why string
	err error
}

func (e *unansweredError) Error() string { return fmt.Sprintf("ask what lives: %s: %v", e.why, e.err) }

func (e *unansweredError) Unwrap() error { return e.err }

var (
	errAnotherLog = errors.New("the answer is of another log")
	errTooOld     = errors.New("the answer is too old")
)

// living are the stores that there may be something to do about: those that the events service says aren't finished, of all
// clusters where claims are mended, and those of which something was said since it knew that. They are ids and no more: how
// each is, its last message says. A finished one isn't among them unless its namespace is there, so a sweep costs what lives,
// however much has been.
//
// No answer, no sweep: what isn't listed would look as if it were finished. While the log's write level says that the release
// before may still run, whose events service isn't asked this, everything that the log has is read instead, as it did.
func (r *round) living(ctx context.Context, present storelog.Present) ([]store.ID, error) {
	ids, checkpoint, err := r.remembered(ctx, present)
	if err == nil {
		reading, cancel := context.WithTimeout(ctx, readingTimeout)
		defer cancel()
		told, err := r.log.Told(reading, checkpoint, present.Head)
		return append(ids, told...), err
	}
	if ctx.Err() != nil || r.log.WriteLevel() >= store.Schema {
		return nil, err
	}
	slog.DebugContext(ctx, "nobody says what lives; the whole log is read", "error", err)
	ids, _, err = r.log.Stores(ctx, r.cfg.ClusterName)
	if err != nil || !r.mendsClaims() {
		return ids, err
	}
	others, err := r.log.OtherStores(ctx)
	return append(ids, others...), err
}

// remembered asks the events service, page by page, and says how far it was at the first of them.
func (r *round) remembered(ctx context.Context, present storelog.Present) (ids []store.ID, checkpoint uint64, err error) {
	request := query.LiveRequest{Scope: query.All(), Cluster: r.cfg.ClusterName, Seen: present.Head}
	if r.mendsClaims() {
		request.Cluster = query.AnyCluster
	}
	for page := 0; ; page++ {
		reply, err := r.cfg.Live(ctx, request)
		switch {
		case err != nil:
			return nil, 0, &unansweredError{why(err), err}
		case reply.Epoch != present.Lineage.Epoch:
			return nil, 0, &unansweredError{"what it knows is of another log", errAnotherLog}
		}
		if page == 0 {
			checkpoint = reply.Checkpoint
		}
		if checkpoint+mostBehind < present.Head {
			return nil, 0, &unansweredError{"what it knows is far behind the log", errTooOld}
		}
		if ids = append(ids, reply.Stores...); reply.Next == "" {
			return ids, checkpoint, nil
		}
		request.After = reply.Next
	}
}

func why(err error) string {
	if refusal := (*question.Refusal)(nil); errors.As(err, &refusal) {
		return refusal.Message
	}
	return "it doesn't answer"
}

// blind ends a sweep that couldn't begin. The report stays the last one's, whose findings may be why another cluster's sweep
// mends no claims, and says that nothing was swept since.
func (r *round) blind(ctx context.Context, last platform.Sweep, unanswered *unansweredError) error {
	slog.DebugContext(ctx, "not swept", "error", unanswered)
	since := "yet"
	r.report.Findings = r.found.listed()
	if !last.At.IsZero() {
		r.report, since = last, "since "+last.At.UTC().Format(time.RFC1123)
		r.report.Submitted = 0
	}
	r.report.Alarm = &platform.Alarm{Reason: "NotSwept", Message: fmt.Sprintf(
		"Nothing was swept %s: the events service has to say which stores live, and can't (%s).", since, unanswered.why)}
	return r.put(ctx)
}
