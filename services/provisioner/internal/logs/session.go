package logs

import (
	"cmp"
	"container/heap"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/query"
)

// maxContainers is how many a session reads at once, each by a connection of its own; of more, those of the newest pods.
const maxContainers = 64

// key is a container. Its pod's name may come again with another pod.
type key struct{ pod, container string }

func keyOf(c cluster.Container) key { return key{c.Pod, c.Name} }

// session is what somebody reads. It runs in a goroutine of its own, and ends with its context.
type session struct {
	name, tenant string
	asked        query.LogsRequest
	cluster      Cluster
	pages        *pages
	ctx          context.Context
	stop         context.CancelFunc
	// first are the containers that it begins with. Of connections it holds so many: one for each that is read.
	first       []cluster.Container
	connections *shared
	held        int

	// Of Sessions, and under its lock: whether somebody waits for a frame, and when nobody has for too long.
	reading bool
	idle    *time.Timer
}

func newSession(c Cluster, tenant string, asked query.LogsRequest, connections *shared) *session {
	s := &session{name: rand.Text(), tenant: tenant, asked: asked, cluster: c, pages: newPages(), connections: connections}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.first = s.wanted()
	return s
}

// connect has the session hold so many connections more, or says why there aren't so many.
func (s *session) connect(more int) error {
	err := s.connections.take(s.tenant, more)
	if err == nil {
		s.held += more
	}
	return err
}

// disconnect gives back all but so many.
func (s *session) disconnect(but int) {
	if s.held > but {
		s.connections.give(s.tenant, s.held-but)
		s.held = but
	}
}

func (s *session) run() {
	defer s.disconnect(0)
	known, missed := s.past()
	end := ""
	switch {
	case s.asked.Follow:
		s.pages.settle()
		s.follow(known)
	case len(missed) > 0:
		end = "Not all could be read at the moment: " + strings.Join(missed, ", ") + " is missing."
	case len(known) == 0 && s.asked.Previous:
		end = "No container has run before."
	case len(known) == 0:
		end = "No container has run yet."
	}
	s.pages.finish(end)
}

// unknown is the parameter that names nothing, and what it could name. Where there is nothing at all everything may come.
func unknown(asked query.LogsRequest, there []cluster.Container) (parameter string, known []string) {
	var pods, containers []string
	for _, c := range there {
		pods = append(pods, c.Pod)
		if asked.Pod == "" || asked.Pod == c.Pod {
			containers = append(containers, c.Name)
		}
	}
	for _, names := range []*[]string{&pods, &containers} {
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
	switch {
	case len(there) == 0:
	case asked.Pod != "" && !slices.Contains(pods, asked.Pod):
		return "pod", pods
	case asked.Container != "" && !slices.Contains(containers, asked.Container):
		return "container", containers
	}
	return "", nil
}

// wanted are the containers that have something to read, the newest pods' last.
func (s *session) wanted() []cluster.Container {
	all, _ := s.cluster.Containers(s.asked.Store)
	wanted := slices.DeleteFunc(all, func(c cluster.Container) bool {
		return c.Run == "" || s.asked.Previous && c.Before == "" ||
			s.asked.Pod != "" && c.Pod != s.asked.Pod || s.asked.Container != "" && c.Name != s.asked.Container
	})
	return wanted[max(0, len(wanted)-maxContainers):]
}

// progress is how far a container was read.
type progress struct {
	mark query.LogMark
	// whole: nothing behind the mark is left out. Else it is the last lines that are wanted.
	whole bool
	// completed is the run that was read to its end.
	completed string

	// reading, and as what the container was known then: a run that is followed ends before its end is told.
	reading bool
	as      cluster.Container
	// failures in a row, and before when it isn't tried again.
	failures int
	before   time.Time
}

// beginning is how far the asker is with a container that is there when the session begins.
func (s *session) beginning(c cluster.Container) *progress {
	p := &progress{mark: query.LogMark{Pod: c.Pod, Container: c.Name}}
	for _, mark := range s.asked.Marks {
		if mark.Pod == c.Pod && mark.Container == c.Name {
			p.mark, p.whole = mark, true
		}
	}
	// What the cluster says of times are whole seconds.
	if began := s.asked.Began; !began.IsZero() && !c.Started.Before(began.Truncate(time.Second)) {
		p.whole = true
	}
	if !p.whole || c.BeforeEnded.Before(p.mark.At.Truncate(time.Second)) {
		p.completed = c.Before
	}
	return p
}

// source reads what of a container is behind the progress.
func (s *session) source(c cluster.Container, p *progress, follow bool) *source {
	since := p.mark.At
	if since.Before(s.asked.Since) {
		since = s.asked.Since
	}
	newest := cluster.Reading{Follow: follow, Previous: s.asked.Previous, Since: since}
	if !p.whole {
		newest.Tail = s.asked.Tail
	}
	readings := []cluster.Reading{newest}
	if p.whole && !s.asked.Previous && c.Before != "" && c.Before != p.completed {
		readings = []cluster.Reading{{Previous: true, Since: since}, newest}
	}
	return newSource(s, c, readings, p.mark, !follow)
}

// past reads what was written so far, in order of time as far as containers write in it, and says how far that is and
// which containers couldn't be read.
func (s *session) past() (map[key]*progress, []string) {
	known := map[key]*progress{}
	var next queue
	for _, c := range s.first {
		p := s.beginning(c)
		p.as = c
		known[keyOf(c)] = p
		next = append(next, s.source(c, p, false))
	}
	var opening sync.WaitGroup
	for _, one := range next {
		opening.Go(func() { one.advance() })
	}
	opening.Wait()
	var missed []string
	over := func(one *source) {
		one.close()
		p := known[one.key]
		// What couldn't be read at all is begun as if nobody had tried: with as many last lines as were asked for.
		p.mark, p.whole = one.mark, p.whole || errors.Is(one.err, io.EOF) || !one.mark.At.IsZero()
		if errors.Is(one.err, io.EOF) {
			if p.as.Ended {
				p.completed = p.as.Run
			}
			return
		}
		missed = append(missed, one.key.pod+"/"+one.key.container)
	}
	next = slices.DeleteFunc(next, func(one *source) bool {
		if one.err != nil {
			over(one)
		}
		return one.err != nil
	})
	for heap.Init(&next); len(next) > 0; {
		one := next[0]
		if s.pages.put(s.ctx, one.line, one.mark) != nil {
			break
		}
		if one.advance(); one.err == nil {
			heap.Fix(&next, 0)
			continue
		}
		over(heap.Pop(&next).(*source))
	}
	for _, one := range next {
		one.close()
	}
	slices.Sort(missed)
	return known, missed
}

// queue has the oldest line first.
type queue []*source

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	a, b := q[i], q[j]
	return cmp.Or(a.line.At.Compare(b.line.At), strings.Compare(a.key.pod, b.key.pod), strings.Compare(a.key.container, b.key.container)) < 0
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(*source)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
