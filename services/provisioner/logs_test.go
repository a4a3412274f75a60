package provisioner_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// client reads logs as a gateway does: frame by frame, and where it was, should its provisioner have gone.
type client struct {
	b       *bundle
	asked   query.LogsRequest
	session query.LogsReply
	marks   map[string]query.LogMark
	said    []string
	bytes   int
}

// opened begins to read, at whoever answers.
func (b *bundle) opened(asked query.LogsRequest) *client {
	b.t.Helper()
	c := &client{b: b, asked: asked, marks: map[string]query.LogMark{}}
	c.open()
	return c
}

func (c *client) open() {
	c.b.t.Helper()
	for _, mark := range c.marks {
		c.asked.Marks = append(c.asked.Marks, mark)
	}
	waittest.Eventually(c.b.t, func() (err error) {
		c.session, err = question.Ask(c.b.t.Context(), c.b.nc, query.Logs, c.asked)
		return err
	})
	c.take(c.session.Frame)
}

func (c *client) take(frame query.LogsFrame) {
	c.b.t.Helper()
	c.bytes += len(frame.Lines)
	for text := range bytes.Lines(frame.Lines) {
		var line query.LogLine
		if err := json.Unmarshal(text, &line); err != nil {
			c.b.t.Fatalf("%.100s: %v", text, err)
		}
		if len(line.Line) < 100 {
			c.said = append(c.said, line.Line)
		}
	}
	for _, mark := range frame.Marks {
		c.marks[mark.Pod+mark.Container] = mark
	}
}

// next takes a frame, and answers an error where its session is no more.
func (c *client) next() error {
	frame, err := question.Ask(c.b.t.Context(), c.b.nc, query.LogsRead.At(c.session.Provisioner), query.LogsReadRequest{Session: c.session.Session})
	if err == nil {
		c.take(frame)
	}
	return err
}

// until reads on until a line has come.
func (c *client) until(line string) {
	c.b.t.Helper()
	waittest.Eventually(c.b.t, func() error {
		if slices.Contains(c.said, line) {
			return nil
		}
		if err := c.next(); err != nil {
			c.b.t.Fatal(err)
		}
		return fmt.Errorf("%d lines have come", len(c.said))
	})
}

func numbered(word string, from, to int) (lines []string) {
	for i := from; i < to; i++ {
		lines = append(lines, fmt.Sprintf("%s %d", word, i))
	}
	return lines
}

func (c *client) holds(want []string) {
	c.b.t.Helper()
	if !slices.Equal(c.said, want) {
		c.b.t.Errorf("told was %q, want %q", c.said, want)
	}
}

// Whoever reads logs when its provisioner is killed goes on at another where it was, whatever happened in between: no line is
// missing and none comes twice, also of those that were written at the same moment.
func TestLogsGoOnAtAnotherProvisionerWhereTheyWere(t *testing.T) {
	b := setup(t).serving()
	first := b.start("provisioner")
	id, w := b.ready(), b.startWriter()
	w.write(numbered("one", 0, 8)...)
	b.runOn(w, id, 0)
	c := b.opened(query.LogsRequest{Store: id, Tail: 5, Follow: true})
	c.asked.Began = w.began.Add(1)
	c.until("one 7")
	w.write(numbered("one", 8, 10)...)
	c.until("one 9")

	first.kill()
	if err := c.next(); err == nil {
		t.Fatal("a killed provisioner answers")
	}
	w.write(numbered("one", 10, 14)...)
	w.restart()
	w.write(numbered("two", 0, 4)...)
	b.runOn(w, id, 1)
	b.start("provisioner")
	c.open()
	c.until("two 3")
	w.restart()
	w.write(numbered("three", 0, 2)...)
	b.runOn(w, id, 2)
	c.until("three 1")
	c.holds(slices.Concat(numbered("one", 3, 14), numbered("two", 0, 4), numbered("three", 0, 2)))

	before := b.opened(query.LogsRequest{Store: id, Tail: 100, Previous: true})
	before.holds(numbered("two", 0, 4))
	if !before.session.Frame.Done || before.session.Frame.End != "" {
		t.Errorf("it goes on: %+v", before.session.Frame)
	}
	for parameter, asked := range map[string]query.LogsRequest{
		"container": {Store: id, Tail: 1, Container: "none"}, "pod": {Store: id, Tail: 1, Pod: "none"},
	} {
		if reply := b.opened(asked).session; reply.Unknown != parameter || len(reply.Known) != 1 || reply.Session != "" {
			t.Errorf("%s: answered %+v", parameter, reply)
		}
	}
	recent := b.opened(query.LogsRequest{Store: id, Tail: 100, Since: w.timeOf(2, 0).Add(1)})
	recent.holds(nil)
}

// A hundred megabytes pass through a provisioner that never holds them, and while nobody asks nothing is read.
func TestLogsThatNobodyReadsWaitAtTheKubelet(t *testing.T) {
	b := setup(t).serving()
	worker := b.start("provisioner")
	id, w := b.ready(), b.startWriter()
	w.write("begin")
	w.restart()
	b.runOn(w, id, 1)
	before := b.resident(worker)
	c := b.opened(query.LogsRequest{Store: id, Tail: 1, Follow: true})
	w.flood(1 << 10)
	const all = 100 << 20
	for c.bytes < all {
		if err := c.next(); err != nil {
			t.Fatal(err)
		}
	}
	grown := b.resident(worker) - before
	t.Logf("grown by %d KB", grown>>10)
	if grown > all/2 {
		t.Errorf("the provisioner has grown by %d MB", grown>>20)
	}
	passed, _ := w.taken()
	// It ends by itself, and the kubelet's request with it.
	waittest.Eventually(t, func() error {
		taken, gone := w.taken()
		if gone == 0 {
			return fmt.Errorf("the kubelet is read still: %d", taken)
		}
		return nil
	})
	if taken, _ := w.taken(); taken-passed > all/3 {
		t.Errorf("%d MB were read that nobody has asked for", (taken-passed)>>20)
	}
	var refusal *question.Refusal
	if err := c.next(); !errors.As(err, &refusal) || refusal.Code != question.Unavailable {
		t.Errorf("a session that has ended answers %v", err)
	}
}

// resident is how much memory a process holds, in bytes.
func (b *bundle) resident(w *worker) int64 {
	b.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.Process.Pid))
	if err != nil {
		b.t.Fatal(err)
	}
	var kilobytes int64
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		b.t.Fatal(err)
	}
	return kilobytes << 10
}
