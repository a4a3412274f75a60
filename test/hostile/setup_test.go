// Package hostile asks the platform what nobody means well by, on broker, PostgreSQL, gateways and events as they are in
// production: what a request costs, and what becomes of it two services further on, isn't seen in the process of a test. One
// gateway is in open mode, another has accounts.
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

// open and peopled are its gateways. The second has accounts, and doesn't count what its clients ask for: refused for that, the tests
// would hear nothing else.
var open, peopled gateway

// gateway is one that is asked.
type gateway struct {
	// Address is its host and port, PID its process.
	Address string
	PID     int
}

func of(in *release.Installation) gateway {
	return gateway{Address: strings.TrimPrefix(in.API, "http://"), PID: in.Gateway.Process.Pid}
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

// theirs is where workers of a fuzzing run are told of the one gateway that they all ask.
const theirs = "HOSTILE_GATEWAY"

func run(m *testing.M) (code int) {
	if told := os.Getenv(theirs); told != "" {
		if _, err := fmt.Sscan(told, &peopled.Address, &peopled.PID); err != nil {
			return failed(err)
		}
		return m.Run()
	}
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
	in, err := platform.Peopled(context.Background(), "MAX_STORES=1000", "RATE_LIMIT_ENABLED=false", "CREATE_RATE_LIMIT_CAPACITY=0")
	if err != nil {
		return failed(err)
	}
	open, peopled = of(platform), of(in)
	if err := os.Setenv(theirs, fmt.Sprint(peopled.Address, " ", peopled.PID)); err != nil {
		return failed(err)
	}
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
	// header are whole lines. Host is among them where it isn't localhost.
	header []string
	body   []byte
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// problem is what of an RFC 9457 answer is looked at.
type problem struct {
	Type, Title, Code, Field, Detail string
	Status                           int
	Retryable                        bool
	Errors                           []struct{ Field string }
}

func (a answer) problem() (p problem) {
	_ = json.Unmarshal(a.body, &p)
	return p
}

// names says whether the problem is said to be that field's. Who reads JSON and who holds it against a schema write a list's elements differently.
func (p problem) names(field string) bool {
	// Of a parameter that may be repeated the first is meant.
	same := func(said string) bool {
		said = strings.ReplaceAll(said, ".0", "[0]")
		return said == strings.ReplaceAll(field, ".0", "[0]") || said == field+"[0]"
	}
	return same(p.Field) || slices.ContainsFunc(p.Errors, func(e struct{ Field string }) bool { return same(e.Field) })
}

func (a answer) String() string { return fmt.Sprintf("%d %.300s", a.status, a.body) }

// send asks over a connection of its own.
func (g gateway) send(ctx context.Context, r request) (answer, error) {
	conn, err := g.dial(ctx)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	// A refusal may come before all is sent, so that this failed isn't the end.
	_, sending := conn.Write(r.bytes())
	a, err := read(conn, r.method)
	if err != nil && sending != nil {
		err = sending
	}
	return a, err
}

// bytes are the request as it goes over the wire.
func (r request) bytes() []byte {
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\n", r.method, r.target)
	if !slices.ContainsFunc(r.header, func(line string) bool { return strings.HasPrefix(line, "Host:") }) {
		head.WriteString("Host: localhost\r\n")
	}
	for _, line := range r.header {
		head.WriteString(line + "\r\n")
	}
	if r.body != nil {
		fmt.Fprintf(&head, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(r.body))
	}
	head.WriteString("\r\n")
	return append([]byte(head.String()), r.body...)
}

func (g gateway) dial(ctx context.Context) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", g.Address)
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(patience))
	}
	return conn, err
}

func read(conn net.Conn, method string) (answer, error) {
	from, asked := bufio.NewReader(conn), &http.Request{Method: method}
	resp, err := http.ReadResponse(from, asked)
	if err == nil && resp.StatusCode == http.StatusContinue {
		resp, err = http.ReadResponse(from, asked)
	}
	if err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		a.body, err = io.ReadAll(resp.Body)
	}
	return a, err
}

func (g gateway) mustSend(t testing.TB, r request) answer {
	t.Helper()
	a, err := g.send(t.Context(), r)
	if err != nil {
		t.Fatalf("%s %.100s %.100s: %v", r.method, r.target, r.body, err)
	}
	return a
}

// gets is mustSend of what is answered so, with a body of JSON.
func gets[T any](t testing.TB, g gateway, status int, r request) (v T) {
	t.Helper()
	a := g.mustSend(t, r)
	if err := json.NewDecoder(bytes.NewReader(a.body)).Decode(&v); err != nil || a.status != status {
		t.Fatalf("%s %s: %v (%v), want %d", r.method, r.target, a, err, status)
	}
	return v
}

func get[T any](t testing.TB, g gateway, target string) T {
	t.Helper()
	return gets[T](t, g, http.StatusOK, request{method: http.MethodGet, target: target, header: []string{"Connection: close"}})
}
