package logs

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/query"
)

const (
	// lookAgain lies between two looks at the containers where nothing has changed, and is the shortest time in which one that
	// couldn't be read is tried again; tryAgain is the longest.
	lookAgain = time.Second
	tryAgain  = 30 * time.Second
)

// ended is how a source has.
type ended struct {
	key key
	err error
}

// follow reads on, run after run and pod after pod, until the session ends.
func (s *session) follow(known map[key]*progress) {
	changed, stop := s.cluster.Changes(s.asked.Store)
	defer stop()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	over := make(chan ended)
	var reading sync.WaitGroup
	defer reading.Wait()
	for atOnce := 0; ; {
		unread := 0
		for _, c := range s.wanted() {
			p := known[keyOf(c)]
			if p == nil {
				p = &progress{mark: query.LogMark{Pod: c.Pod, Container: c.Name}, whole: true}
				known[keyOf(c)] = p
			}
			if !p.reading && c.Run != p.completed {
				unread++
			}
			// One that there is no connection for is tried again, as one is that can't be read.
			if atOnce == maxContainers || !p.isDue(c, time.Now()) || atOnce == s.held && s.connect(1) != nil {
				continue
			}
			atOnce, unread = atOnce+1, unread-1
			p.reading, p.as = true, c
			one := s.source(c, p, true)
			reading.Go(func() {
				s.pass(one, p)
				select {
				case over <- ended{one.key, one.err}:
				case <-s.ctx.Done():
				}
			})
		}
		// What is read again soon keeps its connection meanwhile: others would take it.
		s.disconnect(min(atOnce+unread, maxContainers))
		select {
		case one := <-over:
			atOnce--
			known[one.key].end(one.err, time.Now())
		case <-changed:
		case <-tick.C:
		case <-s.ctx.Done():
			return
		}
	}
}

// pass hands on what a source has, to its end.
func (s *session) pass(one *source, p *progress) {
	defer one.close()
	for one.advance(); one.err == nil; one.advance() {
		if one.err = s.pages.put(s.ctx, one.line, one.mark); one.err != nil {
			return
		}
	}
	p.mark = one.mark
}

// isDue says whether a container is to be read: one that isn't, has something new, and wasn't just tried.
func (p *progress) isDue(c cluster.Container, now time.Time) bool {
	if p.reading || c.Run == p.completed {
		return false
	}
	told := c.Run != p.as.Run || c.Ended != p.as.Ended
	return told || !now.Before(p.before)
}

// end keeps how a reading ended. What was followed has ended before that was told, and is read once more when it is: only of a
// run that has ended it is known that there is no more.
func (p *progress) end(err error, now time.Time) {
	p.reading = false
	if !errors.Is(err, io.EOF) {
		p.failures++
		p.before = now.Add(again.Doubled(lookAgain, tryAgain, p.failures))
		return
	}
	p.failures, p.before = 0, now.Add(lookAgain)
	if p.as.Ended {
		p.completed = p.as.Run
	}
}
