package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
)

var errCut = errors.New("the kubelet has hung up")

// node has what containers have written, in memory. Whoever follows one waits.
type node struct {
	mu         sync.Mutex
	unknown    bool
	containers []cluster.Container
	// written is what the n-th reading gets before it is cut; those behind it wait.
	written  []string
	readings []cluster.Reading
	// reading is how many are being read now, most how many ever were.
	reading, most int
}

// of are so many containers of one run.
func of(n int) *node {
	on := &node{}
	on.runs(n)
	return on
}

func (n *node) runs(more int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for range more {
		name := fmt.Sprint("c", len(n.containers))
		n.containers = append(n.containers, cluster.Container{Pod: "shop-0", Name: name, Run: name + "/0", Started: time.Now()})
	}
}

func (n *node) Containers(store.ID) ([]cluster.Container, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.containers), !n.unknown
}

func (n *node) Changes(store.ID) (<-chan struct{}, func()) { return nil, func() {} }

func (n *node) ReadLog(ctx context.Context, _ store.ID, _, _ string, which cluster.Reading) (io.ReadCloser, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.readings = append(n.readings, which)
	if at := len(n.readings) - 1; at < len(n.written) {
		if n.written[at] == "" {
			return nil, errCut
		}
		return io.NopCloser(io.MultiReader(strings.NewReader(n.written[at]), failing{})), nil
	}
	if !which.Follow {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	n.reading++
	n.most = max(n.most, n.reading)
	from, to := io.Pipe()
	context.AfterFunc(ctx, func() {
		_ = to.CloseWithError(ctx.Err())
		n.mu.Lock()
		defer n.mu.Unlock()
		n.reading--
	})
	return from, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errCut }

// following opens a session that follows, and leaves its frame.
func following(s *Sessions, tenant string) (*session, error) {
	reply, err := s.Open(context.Background(), tenant, query.LogsRequest{Tail: 5, Follow: true})
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[reply.Session], err
}

func refusedWith(t *testing.T, err error, code string) {
	t.Helper()
	var refusal *question.Refusal
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Errorf("answered %v, want a refusal of %s", err, code)
	}
}

// Who waits for a provisioner that has just begun counts: however many come then, those behind are told at once.
func TestWhoWaitsForTheWatchesIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &node{unknown: true}
		s := New(n, 1)
		defer s.Close()
		for i := range atOnce {
			go func() { _, _ = following(s, fmt.Sprint("t", i)) }()
		}
		synctest.Wait()
		began := time.Now()
		_, err := following(s, "late")
		refusedWith(t, err, question.Full)
		if waited := time.Since(began); waited > 0 {
			t.Errorf("it waited for %s", waited)
		}
		time.Sleep(watchesWithin)
		synctest.Wait()
		n.mu.Lock()
		n.unknown = false
		n.mu.Unlock()
		if _, err := following(s, "late"); err != nil {
			t.Errorf("when the others were told that it isn't known, answered %v", err)
		}
	})
}

// What all sessions together read is bounded, and what a tenant's do. What is read again soon keeps its connection.
func TestConnectionsForLogsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := of(maxContainers - 1)
		s := New(n, 1)
		defer s.Close()
		var sessions []*session
		for i := range connections / maxContainers {
			one, err := following(s, []string{"a", "b"}[i%2])
			if err != nil {
				t.Fatal(err)
			}
			sessions = append(sessions, one)
		}
		// Eight are left, which the sessions' next container takes.
		n.runs(1)
		time.Sleep(lookAgain)
		synctest.Wait()
		_, err := following(s, "a")
		refusedWith(t, err, question.TooMany)
		_, err = following(s, "c")
		refusedWith(t, err, question.Full)
		if n.reading != connections || n.most > connections {
			t.Errorf("%d containers are read, and were %d, want %d", n.reading, n.most, connections)
		}
		s.end(sessions[0])
		synctest.Wait()
		if _, err := following(s, "a"); err != nil {
			t.Errorf("where there is room, answered %v", err)
		}
		for _, one := range sessions {
			s.end(one)
		}
		synctest.Wait()
		if left := s.connections.taken - maxContainers; left != 0 || s.sessions.taken != 1 {
			t.Errorf("%d connections and %d sessions are counted behind their end", left, s.sessions.taken-1)
		}
	})
}

// A container that comes while there is no connection for it is read when there is one.
func TestAContainerWaitsForAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := of(1)
		s := New(n, 1)
		defer s.Close()
		if _, err := following(s, "a"); err != nil {
			t.Fatal(err)
		}
		others := connections - 1
		for _, tenant := range []string{"b", "c"} {
			if err := s.connections.take(tenant, min(others, tenantsConnections)); err != nil {
				t.Fatal(err)
			}
			others -= min(others, tenantsConnections)
		}
		n.runs(1)
		time.Sleep(5 * lookAgain)
		synctest.Wait()
		if n.reading != 1 {
			t.Errorf("%d are read by one connection", n.reading)
		}
		s.connections.give("b", 1)
		time.Sleep(lookAgain)
		synctest.Wait()
		if n.reading != 2 {
			t.Errorf("%d are read, want both", n.reading)
		}
	})
}

// What couldn't be read when a session begins is followed as if nobody had tried: from as many last lines as are wanted, and from the
// last line that came.
func TestLogsThatCouldNotBeReadBeginAtTheirTail(t *testing.T) {
	const line = "2026-01-02T03:04:05.000000006Z one\n"
	for name, c := range map[string]struct {
		written string
		then    cluster.Reading
	}{
		"nothing came": {"", cluster.Reading{Follow: true, Tail: 5}},
		"a line came":  {line, cluster.Reading{Follow: true, Since: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := of(1)
				n.written = []string{c.written}
				s := New(n, 1)
				defer s.Close()
				if _, err := following(s, "a"); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if want := []cluster.Reading{{Tail: 5}, c.then}; !slices.Equal(n.readings, want) {
					t.Errorf("it is read as %+v, want %+v", n.readings, want)
				}
			})
		})
	}
}

// Who follows logs to which little is written is told a line when it comes; of much, lines are gathered, and a full page doesn't wait.
func TestALineBehindASilenceIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPages()
		puts := func(line string) {
			if err := p.put(t.Context(), query.LogLine{Line: line}, query.LogMark{}); err != nil {
				t.Error(err)
			}
		}
		tells := func(lines int, later time.Duration) {
			t.Helper()
			began := time.Now()
			frame, _ := p.next(t.Context(), readWithin)
			if told := bytes.Count(frame.Lines, []byte("\n")); told != lines || time.Since(began) != later {
				t.Errorf("%d lines are told after %s, want %d after %s", told, time.Since(began), lines, later)
			}
		}
		tells(0, readWithin)
		time.Sleep(gather)
		puts("one")
		tells(1, 0)
		puts("two")
		go func() { time.Sleep(gather / 2); puts("three") }()
		tells(2, gather)
		go func() {
			for range 3 {
				puts(strings.Repeat("x", maxPage-1))
			}
		}()
		tells(1, 0)
		tells(1, 0)
		tells(1, gather)
	})
}
