package projection

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

const (
	// lingers is how long a batch that isn't full waits for messages that the broker says are on their way.
	lingers = 20 * time.Millisecond
	// checkEvery is how often a quiet projector proves that it lives and that the log is still the same one.
	checkEvery   = 5 * time.Second
	checkTimeout = 2 * time.Second
	// deafAfter is how many checks in a row the log may leave without an answer.
	deafAfter = 3
)

// project reads and decodes the log in one goroutine while Postgres works on the batch before.
func (p *Projector) project(ctx context.Context, conn *pgx.Conn, log *storelog.Log, from uint64, works func()) error {
	asking, cancel := context.WithTimeout(ctx, p.answers)
	f, err := beginFilling(asking, conn, log.Epoch(), from, p.fills)
	cancel()
	if err != nil {
		return err
	}
	items := make(chan *item, batchSize)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return log.Tail(ctx, from, func(raw storelog.Raw) error {
			it, err := read(ctx, log, raw)
			if err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case items <- it:
				return nil
			}
		})
	})
	group.Go(func() error {
		w := writer{projector: p, conn: conn, log: log, seq: from, filling: f, works: works}
		return w.run(ctx, items)
	})
	return group.Wait()
}

// writer owns the connection during a term.
type writer struct {
	projector *Projector
	conn      *pgx.Conn
	log       *storelog.Log
	// seq is the checkpoint as this writer left it.
	seq uint64
	// works says that this term does.
	works func()
	// unanswered counts the checks since the log answered last.
	unanswered int
	// filling is what is left to be done for the newest tables.
	filling filling
}

func (w *writer) run(ctx context.Context, items <-chan *item) error {
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	if w.seq == 0 && w.filling.due != nil {
		// There is nothing to be filled from, and what the first batch brings is to be listed at once.
		if err := w.fill(ctx); err != nil {
			return err
		}
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-check.C:
			if err := w.check(ctx); err != nil {
				return err
			}
			if w.unanswered == 0 {
				w.works()
			}
		case <-w.filling.due:
			if err := w.fill(ctx); err != nil {
				return err
			}
		case first := <-items:
			batch, err := collect(ctx, first, items, w.projector.lingers)
			if err != nil {
				return err
			}
			if err := w.take(ctx, batch); err != nil {
				return err
			}
			w.works()
		}
	}
}

// collect fills a batch with what is there or on its way.
func collect(ctx context.Context, first *item, items <-chan *item, atMost time.Duration) ([]*item, error) {
	batch := append(make([]*item, 0, batchSize), first)
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	for len(batch) < batchSize {
		if batch[len(batch)-1].raw.Pending == 0 && len(items) == 0 {
			return batch, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case next := <-items:
			batch = append(batch, next)
		case <-timer.C:
			return batch, nil
		}
	}
	return batch, nil
}

// take writes a batch up to a message that is too new for this program; there it stops.
func (w *writer) take(ctx context.Context, batch []*item) error {
	for i, it := range batch {
		if errors.Is(it.err, storelog.ErrNewerSchema) {
			if err := w.write(ctx, batch[:i]); err != nil {
				return err
			}
			return it.err
		}
	}
	return w.write(ctx, batch)
}

// write commits a batch. When Postgres refuses it for something in its data, the halves are tried, down to the one
// message, which is set aside.
func (w *writer) write(ctx context.Context, batch []*item) error {
	if len(batch) == 0 {
		return nil
	}
	err := w.commit(ctx, batch)
	switch {
	case !unstorable(err):
		return err
	case len(batch) == 1 && batch[0].again != nil && batch[0].again.err == nil:
		batch[0].again.err = err
		return w.write(ctx, batch)
	case len(batch) == 1 && batch[0].err == nil:
		batch[0].err = err
		return w.write(ctx, batch)
	case len(batch) == 1:
		return err
	}
	half := len(batch) / 2
	if err := w.write(ctx, batch[:half]); err != nil {
		return err
	}
	return w.write(ctx, batch[half:])
}

// unstorable says whether Postgres refused a value: data exceptions (a NUL in a text) and limits (a key too long).
func unstorable(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && (strings.HasPrefix(refused.Code, "22") || strings.HasPrefix(refused.Code, "54"))
}

func (w *writer) commit(ctx context.Context, batch []*item) (err error) {
	ctx, end := continueTraces(ctx, batch)
	defer func() { end(err) }()
	ctx, cancel := context.WithTimeout(ctx, w.projector.answers)
	defer cancel()
	last := batch[len(batch)-1].raw.Seq
	err = pgx.BeginFunc(ctx, w.conn, func(tx pgx.Tx) error { return w.send(ctx, tx, batch, last) })
	if err != nil {
		return fmt.Errorf("project messages %d to %d: %w", w.seq+1, last, err)
	}
	for _, it := range batch {
		if it.err != nil {
			slog.Error("message set aside", "seq", it.raw.Seq, "subject", it.raw.Subject, "error", it.err)
			w.projector.progress.setAside(ctx)
		}
	}
	if w.filling.part != "" && slices.Contains(readAgain(batch), string(w.filling.part)) {
		w.filling.upto = 0
	}
	w.seq = last
	w.projector.progress.Advance(w.log.Epoch(), last)
	return nil
}

// send moves the checkpoint first: a second projector waits there for the first one's commit and then finds that the
// checkpoint isn't where it was.
func (w *writer) send(ctx context.Context, tx pgx.Tx, batch []*item, last uint64) error {
	var events eventRows
	var aside asideRows
	stores, usage := newStoreRows(), newUsageRows()
	for _, it := range batch {
		if it.err != nil {
			aside.add(it)
			continue
		}
		events.add(it)
		stores.add(it)
		if it.entry.Message.Store != w.filling.part {
			usage.add(&it.entry.Message, &it.entry.State)
		}
	}
	var b pgx.Batch
	b.Queue(moveCheckpoint, int64(last), int64(w.seq), w.log.Epoch())
	if err := stores.queue(&b); err != nil {
		return err
	}
	usage.queue(&b)
	aside.queue(&b)
	for _, it := range batch {
		it.queueAct(&b)
	}
	results := tx.SendBatch(ctx, &b)
	moved, err := results.Exec()
	if err == nil && moved.RowsAffected() != 1 {
		_ = results.Close()
		return errOvertaken
	}
	if err = errors.Join(err, results.Close()); err != nil {
		return err
	}
	if err := events.copyTo(ctx, tx); err != nil {
		return err
	}
	return w.refill(ctx, tx, readAgain(batch))
}

// refill makes the spans anew of stores in whose past a message has come.
func (w *writer) refill(ctx context.Context, tx pgx.Tx, ids []string) error {
	whole := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == string(w.filling.part) })
	if len(whole) < len(ids) {
		// Which may be a piece that has been taken: it begins with the first once more.
		if _, err := tx.Exec(ctx, beginPart); err != nil {
			return fmt.Errorf("begin a store anew that is filled by pieces: %w", err)
		}
	}
	return refillUsage(ctx, tx, whole)
}

// continueTraces opens a span in the trace of each message's append. The statements of the batch go into the first.
func continueTraces(ctx context.Context, batch []*item) (context.Context, func(error)) {
	spans := make([]trace.Span, len(batch))
	tracer := otel.Tracer("projection")
	inner := ctx
	for i, it := range batch {
		m := it.entry.Message
		spanned, span := tracer.Start(telemetry.Extract(ctx, it.raw.Header), "project "+string(m.Type),
			trace.WithSpanKind(trace.SpanKindConsumer),
			trace.WithAttributes(attribute.String("store", string(m.Store)), attribute.Int64("seq", int64(it.raw.Seq))))
		spans[i] = span
		if i == 0 {
			inner = spanned
		}
	}
	return inner, func(err error) {
		for _, span := range spans {
			if err != nil {
				span.SetStatus(codes.Error, err.Error())
			}
			span.End()
		}
	}
}

// check keeps the session from being taken for a frozen one, notices that the read model is to be made anew, which no
// message tells, and asks the log.
func (w *writer) check(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, w.projector.answers)
	_, seq, err := readmodel.Checkpoint(asking, w.conn)
	cancel()
	if err != nil {
		return err
	}
	if seq != w.seq {
		return errOvertaken
	}
	return w.askLog(ctx)
}

// askLog notices a log that was made anew under the old name: the consumer would wait for ever for the sequences of the
// old one. A projector whose log doesn't answer ends its term, and begins none before it does: another replica, which can
// hear it, may be standing by for the lock.
func (w *writer) askLog(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	epoch, _, err := w.log.Now(asking)
	if err != nil {
		if w.unanswered++; w.unanswered < deafAfter {
			return nil
		}
		return fmt.Errorf("hear from the log: %w", err)
	}
	w.unanswered = 0
	if epoch != w.log.Epoch() {
		return fmt.Errorf("%w: the log was made anew as %s", ErrForeignEpoch, epoch)
	}
	return nil
}
