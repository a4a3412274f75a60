package logs

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
)

// maxPage is how much, in bytes, is read ahead of who asks. A line may be longer than what is left, and then has a page of
// its own: of 64 KiB that are all escaped that is 384, which the broker carries.
const maxPage = 128 << 10

// pages is between those who read logs and who asks for them: one page, which is filled while the one before is on its way.
type pages struct {
	mu     sync.Mutex
	lines  bytes.Buffer
	encode *json.Encoder
	marks  map[key]query.LogMark
	// settled: what had been written when the session began is in it, or was.
	settled, done bool
	end           string
	// taken is when the last frame was.
	taken time.Time
	// full is closed when somebody waits for room, room when there is some again, and some when there is something to take.
	full, room, some chan struct{}
}

func newPages() *pages {
	p := &pages{marks: map[key]query.LogMark{}, full: make(chan struct{}), room: make(chan struct{}), some: make(chan struct{})}
	p.encode = json.NewEncoder(&p.lines)
	p.encode.SetEscapeHTML(false)
	return p
}

// put adds a line, and waits for the page's turn where it is full.
func (p *pages) put(ctx context.Context, line query.LogLine, mark query.LogMark) error {
	for {
		p.mu.Lock()
		before := p.lines.Len()
		// It always holds one line, whatever its length.
		if before == 0 || before+len(line.Line) < maxPage {
			err := p.encode.Encode(line)
			if err == nil {
				p.marks[key{mark.Pod, mark.Container}] = mark
			}
			shut(p.some)
			p.mu.Unlock()
			return err
		}
		room := p.room
		shut(p.full)
		p.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settle says that what is behind is new.
func (p *pages) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settled = true
	shut(p.some)
}

// finish says that there is nothing behind; why, where not all was told.
func (p *pages) finish(why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.end = true, why
	shut(p.full)
	shut(p.some)
}

// first is the first page: with all that was written before, as far as it fits and comes in time.
func (p *pages) first(ctx context.Context, within time.Duration) (query.LogsFrame, bool) {
	timer := time.NewTimer(within)
	defer timer.Stop()
	for {
		p.mu.Lock()
		enough, some, full := p.settled || p.done, p.some, p.full
		if !enough {
			// What has come says nothing of what comes.
			p.some = renewed(p.some)
			some = p.some
		}
		p.mu.Unlock()
		if enough {
			return p.take()
		}
		select {
		case <-full:
			return p.take()
		case <-some:
			continue
		case <-timer.C:
		case <-ctx.Done():
		}
		return p.take()
	}
}

// next waits for something to be written. Behind a silence it is told at once; where the frame before has just been taken, what comes with it is waited for.
func (p *pages) next(ctx context.Context, within time.Duration) (query.LogsFrame, bool) {
	timer := time.NewTimer(within)
	defer timer.Stop()
	p.mu.Lock()
	some, full, taken := p.some, p.full, p.taken
	p.mu.Unlock()
	select {
	case <-some:
		timer.Reset(gather - time.Since(taken))
		select {
		case <-full:
		case <-timer.C:
		case <-ctx.Done():
		}
	case <-timer.C:
	case <-ctx.Done():
	}
	return p.take()
}

// take empties the page; done says that there is none behind it.
func (p *pages) take() (frame query.LogsFrame, done bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	frame = query.LogsFrame{Lines: bytes.Clone(p.lines.Bytes()), Done: p.done, End: p.end}
	for _, mark := range p.marks {
		frame.Marks = append(frame.Marks, mark)
	}
	clear(p.marks)
	p.lines.Reset()
	p.taken = time.Now()
	if !p.done {
		p.some, p.full = renewed(p.some), renewed(p.full)
	}
	close(p.room)
	p.room = make(chan struct{})
	return frame, p.done
}

// shut closes what may be closed already; its lock is held.
func shut(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

// renewed is c, or another where it is closed.
func renewed(c chan struct{}) chan struct{} {
	select {
	case <-c:
		return make(chan struct{})
	default:
		return c
	}
}
