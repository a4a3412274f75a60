// Package logs tells a client what its store's containers write. Each frame is asked for when the one before has been taken, so
// a client that doesn't read costs a frame and no more, here as at the provisioner that reads for it. Should that one go, another goes
// on where the client is; and as long as this takes it is asked every few seconds whether the client may still see it.
package logs

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
)

const (
	// Longest is how long logs are followed in one go.
	Longest = time.Hour
	// askAgain is how often it is asked whether a client may still read.
	askAgain = 5 * time.Second
	// quiet is how long a client is told nothing at most: what stands between it and a gateway takes a connection on which nothing
	// comes for a minute, or half of one, for a dead one.
	quiet = 15 * time.Second
	// silence is how many of these nobody may answer, about the client or for the logs: half a minute, in which brokers have
	// elected a leader and a killed provisioner has come back.
	silence = 6
	// pause lies between two tries to find another provisioner.
	pause = 500 * time.Millisecond
	// maxMarks bounds what is remembered of containers; of more, what was read first is forgotten.
	maxMarks = 512
	// piece is how much, in bytes, is given on at once: whoever takes it holds a few of them.
	piece = 16 << 10
)

// End is why a stream ended before its time, as the last line says.
type End string

func (e End) Error() string { return string(e) }

// The ends. A context in which somebody reads ends by one of them as its cause, or because the client has gone.
const (
	EndLongest End = "Logs are followed for an hour at most. Ask again, with the last line's time as since."
	EndClosing End = "This gateway is going down. Ask again, with the last line's time as since."
	EndRevoked End = "You may not read this store's logs any more."
	EndDeleted End = "The store was deleted."
	EndSilence End = "No provisioner has answered for a while. Ask again, with the last line's time as since."
	EndUnheard End = "It can't be found out whether you may still read this. Ask again, with the last line's time as since."
)

var (
	// ErrTooMany: as many logs of the tenant are being read as may be at once.
	ErrTooMany = errors.New("the tenant reads too many logs")
	// ErrFull: as many at this gateway.
	ErrFull = errors.New("this gateway reads too many logs")
)

// untraced is the parent of the questions for frames: there are many of each client's, and none is an event of the request
// that was answered when they began.
var untraced = trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, Remote: true})

// Ways are how a stream is asked for: New's.
type Ways struct {
	reader *reader.Reader
	// every is how often it is asked whether a client may go on, and quiet how long it is told nothing at most.
	every, quiet time.Duration
}

// New makes them, on an installation's clock.
func New(r *reader.Reader, by clock.Divisor) *Ways {
	return &Ways{reader: r, every: by.Of(askAgain), quiet: by.Of(quiet)}
}

// Stream is what one client reads.
type Stream struct {
	ways    *Ways
	cluster string
	asked   query.LogsRequest
	session query.LogsReply
	marks   []query.LogMark
	// may finds the store as the client may see it now.
	may func(context.Context) (store.State, error)
	// looked is when that was asked last, and answered when there was an answer; opened when a session was asked for.
	looked, answered, opened time.Time
	// out is the client, which was told something last at told.
	out  *bufio.Writer
	told time.Time
}

// Open begins to read, and fails with a problem where that can't be. may finds the store again, as long as the client may read it.
func (w *Ways) Open(ctx context.Context, cluster string, asked query.LogsRequest, may func(context.Context) (store.State, error)) (*Stream, error) {
	now := time.Now()
	s := &Stream{ways: w, cluster: cluster, asked: asked, may: may, looked: now, answered: now}
	if err := s.open(ctx); err != nil {
		return nil, refusal(err)
	}
	if s.session.Unknown != "" {
		return nil, problem.AtField(s.session.Unknown, "names nothing that the store has; it has: "+strings.Join(s.session.Known, ", "))
	}
	s.asked.Began = now
	return s, nil
}

// open begins a session, or another behind what the client has.
func (s *Stream) open(ctx context.Context) (err error) {
	s.asked.Marks = s.marks
	s.opened = time.Now()
	s.session, err = reader.Ask(ctx, s.ways.reader, query.Logs.In(s.cluster), s.asked)
	if s.session.Session == "" {
		s.session.Frame.Done = true
	}
	return err
}

// refusal is what a client is told that can't read.
func refusal(err error) error {
	switch {
	case errors.Is(err, reader.ErrTooMany):
		return fmt.Errorf("%w: %w", ErrTooMany, err)
	case errors.Is(err, reader.ErrGone):
		return fmt.Errorf("%w: %w", store.ErrDeleted, err)
	}
	return err
}

// Write tells the client until there is no more, the client has gone or ctx ends. Where ctx's cause is an End the client is told why.
func (s *Stream) Write(ctx context.Context, to *bufio.Writer) {
	ctx, cancel := context.WithTimeoutCause(ctx, Longest, EndLongest)
	defer cancel()
	s.out, s.told = to, time.Now()
	var end End
	if !errors.As(s.tell(trace.ContextWithRemoteSpanContext(ctx, untraced)), &end) || end == "" {
		return // all was told, or nobody is there to be told
	}
	last, err := json.Marshal(struct {
		End End `json:"end"`
	}{end})
	if err == nil {
		err = s.write(append(last, '\n'))
	}
	if err != nil {
		slog.Debug("say why logs end", "error", err)
	}
}

// tell hands on frames. It ends by an End, empty where all was told, or by the client's error.
func (s *Stream) tell(ctx context.Context) error {
	for frame := s.session.Frame; ; {
		if len(frame.Lines) > 0 {
			if err := s.write(frame.Lines); err != nil {
				return err
			}
		}
		s.remember(frame.Marks)
		if frame.Done {
			return End(frame.End)
		}
		err := s.mayGoOn(ctx)
		if err == nil {
			frame, err = s.next(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// write has lines reach the client.
func (s *Stream) write(lines []byte) error {
	for part := range slices.Chunk(lines, piece) {
		if _, err := s.out.Write(part); err != nil {
			return err
		}
	}
	if err := s.out.Flush(); err != nil {
		return err
	}
	s.told = time.Now()
	return nil
}

// remember keeps how far the client is, the newest marks last.
func (s *Stream) remember(marks []query.LogMark) {
	for _, mark := range marks {
		s.marks = slices.DeleteFunc(s.marks, func(m query.LogMark) bool { return m.Pod == mark.Pod && m.Container == mark.Container })
		s.marks = append(s.marks, mark)
	}
	s.marks = s.marks[max(0, len(s.marks)-maxMarks):]
}

// next is the frame behind those that the client has, whoever reads it.
func (s *Stream) next(ctx context.Context) (query.LogsFrame, error) {
	frame, err := reader.Ask(ctx, s.ways.reader, query.LogsRead.At(s.session.Provisioner).In(s.cluster), query.LogsReadRequest{Session: s.session.Session})
	if err == nil {
		return frame, nil
	}
	slog.Debug("go on reading logs at another provisioner", "store", s.asked.Store, "error", err)
	return s.reopen(ctx)
}

// reopen goes on in another session, once there is one.
func (s *Stream) reopen(ctx context.Context) (query.LogsFrame, error) {
	between := min(pause, s.ways.every)
	for began := time.Now(); ; {
		// Nor at once where sessions open and can't be read.
		select {
		case <-time.After(between - time.Since(s.opened)):
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return query.LogsFrame{}, context.Cause(ctx)
		}
		err := s.open(ctx)
		switch {
		case err == nil:
			return s.session.Frame, nil
		case errors.Is(err, reader.ErrGone):
			return query.LogsFrame{}, EndDeleted
		case ctx.Err() == nil && time.Since(began) >= silence*s.ways.every:
			return query.LogsFrame{}, EndSilence
		}
		if err := s.mayGoOn(ctx); err != nil {
			return query.LogsFrame{}, err
		}
	}
}

// mayGoOn asks now and then whether the client may still read, and fails by why it mayn't, or by why ctx has ended. Only a refusal says
// that it mayn't: silence says nothing of the client, as long as it doesn't last. Who has been told nothing for long gets an empty line,
// which readers of JSON pass over; whoever has gone without a word is noticed by it.
func (s *Stream) mayGoOn(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	now := time.Now()
	if now.Sub(s.told) >= s.ways.quiet {
		if err := s.write([]byte("\n")); err != nil {
			return err
		}
	}
	if now.Sub(s.looked) < s.ways.every {
		return nil
	}
	s.looked = now
	within, cancel := context.WithTimeout(ctx, storelog.Patience)
	defer cancel()
	state, err := s.may(within)
	var refused *problem.Problem
	switch {
	case err == nil && state.Status == store.Deleted:
		return EndDeleted
	case err == nil:
		s.answered = now
	case errors.Is(err, store.ErrNotFound), errors.Is(err, directory.ErrUnconfirmed), errors.As(err, &refused):
		return EndRevoked
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case now.Sub(s.answered) >= silence*s.ways.every:
		return EndUnheard
	}
	return nil
}
