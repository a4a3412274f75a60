package gateway

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// heavy is a frame of a hundred kilobytes.
var heavy = query.LogsFrame{Lines: []byte(`{"line":"` + strings.Repeat("x", 100<<10) + "\"}\n")}

// endless hands out heavy frames for as long as they are asked for.
func (r *reads) endless() (stop func()) {
	over := make(chan struct{})
	go func() {
		for {
			select {
			case r.frames <- heavy:
			case <-over:
				return
			}
		}
	}()
	return func() { close(over) }
}

// held is the memory that is in use, garbage left out.
func held() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A hundred megabytes pass through a gateway that never holds them.
func TestLogsPassThroughTheGateway(t *testing.T) {
	b := setupAlone(t)
	s := b.ready(`{}`)
	p := b.reads("one")
	defer p.endless()()
	resp, err := http.Get(b.url + "/stores/" + string(s.ID) + "/logs?follow=true")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	before := held()
	const all, part = 100 << 20, 10 << 20
	for range all / part {
		if _, err := io.CopyN(io.Discard, resp.Body, part); err != nil {
			t.Fatal(err)
		}
		if now := held(); now > before+part {
			t.Fatalf("%d MB are held", (now-before)>>20)
		}
	}
}

// Who doesn't read costs the gateway a frame, the provisioner nothing, and doesn't keep the gateway from ending; who has gone costs neither
// anything more.
func TestWhoDoesNotReadLogsIsNotReadFor(t *testing.T) {
	b := setupAlone(t)
	s := b.ready(`{}`)
	p := b.reads("one")
	defer p.endless()()
	ask := func() (c net.Conn, status string) {
		c, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprintf(c, "GET /stores/%s/logs?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n", s.ID)
		head := make([]byte, len("HTTP/1.1 200"))
		if _, err := io.ReadFull(c, head); err != nil {
			t.Fatal(err)
		}
		return c, string(head[len(head)-3:])
	}
	// still waits until nobody has asked for a frame for a while: they come within microseconds. However long that takes, each question is one less.
	still := func() (last int) {
		since := time.Now()
		for range time.Tick(20 * time.Millisecond) {
			if now := p.questions(); now != last {
				last, since = now, time.Now()
			}
			if time.Since(since) > time.Second {
				break
			}
		}
		return last
	}
	before := held()
	gone, _ := ask()
	if asked := still(); asked == 0 || asked > 300 {
		t.Errorf("%d frames were asked for that nobody reads", asked)
	}
	if now := held(); now > before+(4<<20) {
		t.Errorf("%d KB are held for who doesn't read", (now-before)>>10)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	// As many as a tenant may have, once the one that has gone isn't counted.
	for range 10 {
		b.await("there is a seat", func() bool { _, status := ask(); return status == "200" })
	}
	wantProblem(t, b.get("/stores/"+string(s.ID)+"/logs"), http.StatusTooManyRequests, problem.TooManyLogs)
	still()
	if err := b.stop(); err != nil {
		t.Error(err)
	}
}
