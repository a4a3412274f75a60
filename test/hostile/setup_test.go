// Package hostile asks the platform what nobody means well by, on broker, PostgreSQL, gateway and events as they are in
// production: what a request costs, and what becomes of it two services further on, isn't seen in the process of a test.
package hostile

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/store-platform/store-platform/test/internal/release"
	"github.com/store-platform/store-platform/test/internal/repo"
)

// patience bounds an answer, on a machine that has other things to do.
const patience = 4 * time.Minute

// platform is the one that all tests ask: what one of them leaves behind is no other's business.
var platform *release.Installation

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "store-hostile-")
	if err != nil {
		return failed(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if platform, err = start(context.Background(), dir); err != nil {
		return failed(err)
	}
	defer func() {
		if err := platform.Close(); err != nil {
			code = failed(err)
		}
	}()
	return m.Run()
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, "prepare the tests:", err)
	return 1
}

func start(ctx context.Context, dir string) (*release.Installation, error) {
	clone, err := repo.Root()
	if err != nil {
		return nil, err
	}
	programs, err := release.FindPrograms(ctx)
	if err != nil {
		return nil, err
	}
	in, err := release.Open(ctx, clone, programs, dir)
	if err != nil {
		return nil, err
	}
	// More stores than the tests make.
	if err = in.Serve(ctx, 1000); err == nil {
		err = in.Offer(ctx)
	}
	if err != nil {
		_ = in.Close()
		return nil, err
	}
	return in, nil
}

// request is sent as it stands: clients of libraries refuse to send what is tried here.
type request struct {
	method, target string
	// header are whole lines.
	header []string
	body   []byte
}

// answer is what came back.
type answer struct {
	status int
	body   []byte
}

// problem is what of an RFC 9457 answer is looked at.
type problem struct {
	Code, Field, Detail string
	Errors              []struct{ Field string }
}

func (a answer) problem() (p problem) {
	_ = json.Unmarshal(a.body, &p)
	return p
}

// names says whether the problem is said to be that field's.
func (p problem) names(field string) bool {
	return p.Field == field || slices.ContainsFunc(p.Errors, func(e struct{ Field string }) bool { return e.Field == field })
}

func (a answer) String() string { return fmt.Sprintf("%d %.300s", a.status, a.body) }

// send asks over a connection of its own.
func (r request) send(ctx context.Context) (answer, error) {
	conn, err := dial(ctx)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: localhost\r\n", r.method, r.target)
	for _, line := range r.header {
		head.WriteString(line + "\r\n")
	}
	if r.body != nil {
		fmt.Fprintf(&head, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(r.body))
	}
	head.WriteString("\r\n")
	// A refusal may come before all is sent, so that this failed isn't the end.
	_, sending := conn.Write(append([]byte(head.String()), r.body...))
	a, err := read(conn, r.method)
	if err != nil && sending != nil {
		err = sending
	}
	return a, err
}

func dial(ctx context.Context) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(platform.API, "http://"))
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(patience))
	}
	return conn, err
}

func read(conn net.Conn, method string) (answer, error) {
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		a.body, err = io.ReadAll(resp.Body)
	}
	return a, err
}

func (r request) mustSend(t *testing.T) answer {
	t.Helper()
	a, err := r.send(t.Context())
	if err != nil {
		t.Fatalf("%s %.100s %.100s: %v", r.method, r.target, r.body, err)
	}
	return a
}

func get[T any](t *testing.T, target string) (v T) {
	t.Helper()
	a := request{method: http.MethodGet, target: target}.mustSend(t)
	if err := json.NewDecoder(bytes.NewReader(a.body)).Decode(&v); err != nil || a.status != http.StatusOK {
		t.Fatalf("GET %s: %v (%v)", target, a, err)
	}
	return v
}
