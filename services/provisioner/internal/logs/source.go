package logs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/query"
)

const (
	// maxLine is how long a line may be, in bytes; the rest of a longer one is left out.
	maxLine = 64 << 10
	// stalled is how long something that was written already may take to come.
	stalled = 10 * time.Second
)

// source reads a container's log, a run after the other.
type source struct {
	key      key
	session  *session
	ctx      context.Context
	cancel   context.CancelFunc
	readings []cluster.Reading
	// from is what the asker has, had how many lines of its time were met, and behind whether they all were.
	from   query.LogMark
	had    int
	behind bool
	// watch cancels a read that takes too long; nil where what is read is still to be written.
	watch *time.Timer

	log   io.ReadCloser
	lines *bufio.Reader

	// line is the newest one, mark how far it leads. err is why there is none: io.EOF at the end.
	line query.LogLine
	mark query.LogMark
	err  error
}

func newSource(s *session, c cluster.Container, readings []cluster.Reading, from query.LogMark, written bool) *source {
	r := &source{key: keyOf(c), session: s, readings: readings, from: from, mark: from}
	r.ctx, r.cancel = context.WithCancel(s.ctx)
	if written {
		r.watch = time.AfterFunc(stalled, r.cancel)
		r.watch.Stop()
	}
	return r
}

func (r *source) close() {
	r.cancel()
	if r.watch != nil {
		r.watch.Stop()
	}
	if r.log != nil {
		_ = r.log.Close() // it was only read
		r.log = nil
	}
}

// advance goes to the next line that the asker hasn't got.
func (r *source) advance() {
	for {
		if r.log == nil {
			if r.err = r.open(); r.err != nil {
				return
			}
		}
		text, cut, err := readLine(r.lines)
		if errors.Is(err, io.EOF) {
			_ = r.log.Close()
			r.log = nil
			continue
		}
		if err != nil {
			r.err = fmt.Errorf("read the log of %s in %s: %w", r.key.container, r.key.pod, err)
			return
		}
		at, text, timed := timeOf(text)
		if !timed {
			// A kubelet's own word on why there is nothing more to read.
			at = r.mark.At
			if at.IsZero() {
				at = time.Now()
			}
		} else if !r.isNew(at) {
			continue
		}
		r.line = query.LogLine{At: at, Pod: r.key.pod, Container: r.key.container, Line: string(text), Cut: cut}
		if timed {
			r.mark = beyond(r.mark, at)
		}
		return
	}
}

// open opens the next run. That of a run before may be gone, which is how logs end.
func (r *source) open() error {
	for len(r.readings) > 0 {
		which := r.readings[0]
		r.readings = r.readings[1:]
		r.arm()
		log, err := r.session.cluster.ReadLog(r.ctx, r.session.asked.Store, r.key.pod, r.key.container, which)
		r.disarm()
		if err != nil && which.Previous && len(r.readings) > 0 && r.ctx.Err() == nil {
			continue
		}
		if err != nil {
			return err
		}
		r.log = log
		r.lines = bufio.NewReader(watched{r})
		return nil
	}
	return io.EOF
}

// watched reads the log in time.
type watched struct{ of *source }

func (w watched) Read(into []byte) (int, error) {
	w.of.arm()
	defer w.of.disarm()
	return w.of.log.Read(into)
}

func (r *source) arm() {
	if r.watch != nil {
		r.watch.Reset(stalled)
	}
}

func (r *source) disarm() {
	if r.watch != nil {
		r.watch.Stop()
	}
}

// isNew says whether the asker hasn't got a line of that time. A kubelet is asked for whole seconds.
func (r *source) isNew(at time.Time) bool {
	switch {
	case at.Before(r.session.asked.Since):
		return false
	case r.behind:
		return true
	case at.Before(r.from.At):
		return false
	case at.Equal(r.from.At) && r.had < r.from.Lines:
		r.had++
		return false
	}
	r.behind = true
	return true
}

// beyond is the mark behind one more line. A clock that was set back takes it nowhere.
func beyond(mark query.LogMark, at time.Time) query.LogMark {
	switch at.Compare(mark.At) {
	case 0:
		mark.Lines++
	case 1:
		mark.At, mark.Lines = at, 1
	}
	return mark
}

// readLine reads a line without its end, and of a long one the beginning. What comes is good until the next. A last line
// without an end is one, too; a run is cut off in the middle of it.
func readLine(from *bufio.Reader) (line []byte, cut bool, err error) {
	line, err = from.ReadSlice('\n')
	if err == nil {
		return bytes.TrimSuffix(line, []byte("\n")), false, nil
	}
	const most = maxLine + maxTime
	line = bytes.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		var more []byte
		more, err = from.ReadSlice('\n')
		line = append(line, more[:min(len(more), most+1-len(line))]...)
	}
	if err != nil && !(errors.Is(err, io.EOF) && len(line) > 0) {
		return nil, false, err
	}
	if line = bytes.TrimSuffix(line, []byte("\n")); len(line) > most {
		return line[:most], true, nil
	}
	return line, false, nil
}

// maxTime is what stands before a line at most: a time of RFC 3339 with nanoseconds and a zone, and a space.
const maxTime = len(time.RFC3339Nano) + 1

// timeOf takes the time from a line's beginning.
func timeOf(line []byte) (at time.Time, text []byte, timed bool) {
	stamp, _, found := bytes.Cut(line[:min(len(line), maxTime)], []byte(" "))
	if !found {
		return at, line, false
	}
	at, err := time.Parse(time.RFC3339Nano, string(stamp))
	if err != nil {
		return at, line, false
	}
	return at.UTC(), line[len(stamp)+1:], true
}
