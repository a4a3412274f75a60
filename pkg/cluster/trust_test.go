package cluster

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

type fixedTrust struct {
	err       error
	remaining time.Duration
}

func (t fixedTrust) Err() error               { return t.err }
func (t fixedTrust) Remaining() time.Duration { return t.remaining }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestGuardBoundsRequestsByTrust(t *testing.T) {
	newer := errors.New("a newer command has come")
	for name, test := range map[string]struct {
		trust   Trust
		refused bool
		within  time.Duration
	}{
		"plenty":            {trust: fixedTrust{remaining: time.Minute}, within: requestTimeout},
		"little":            {trust: fixedTrust{remaining: 6 * time.Second}, within: 6*time.Second - trustMargin},
		"less than margin":  {trust: fixedTrust{remaining: trustMargin}, refused: true},
		"superseded":        {trust: fixedTrust{err: newer, remaining: time.Minute}, refused: true},
		"deadline is near":  {trust: deadlineTrust{fixedTrust{remaining: time.Minute}, time.Now().Add(8 * time.Second)}, within: 8*time.Second - trustMargin},
		"deadline is over":  {trust: deadlineTrust{fixedTrust{remaining: time.Minute}, time.Now()}, refused: true},
		"deadline and news": {trust: deadlineTrust{fixedTrust{err: newer, remaining: time.Minute}, time.Now().Add(time.Minute)}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			sent := false
			g := &guard{trust: test.trust, next: roundTrip(func(req *http.Request) (*http.Response, error) {
				sent = true
				deadline, ok := req.Context().Deadline()
				if left := time.Until(deadline); !ok || left > test.within || left < test.within-time.Second {
					t.Errorf("%s left, want %s", left, test.within)
				}
				return &http.Response{Body: io.NopCloser(strings.NewReader("fine"))}, nil
			})}
			client := http.Client{Transport: g}
			resp, err := client.Post("http://cluster.example/x", "text/plain", strings.NewReader("body"))
			var refused *RefusedError
			if errors.As(err, &refused) != test.refused || sent == test.refused {
				t.Fatalf("got %v, sent %v", err, sent)
			}
			if err == nil {
				_ = resp.Body.Close()
			}
		})
	}
}

func TestGuardLetsTheBodyBeRead(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
	}))
	defer server.Close()
	client := http.Client{Transport: &guard{next: http.DefaultTransport, trust: fixedTrust{remaining: time.Minute}}}
	resp, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, err := io.ReadAll(resp.Body); err != nil || len(body) != 1<<20 {
		t.Errorf("read %d bytes: %v", len(body), err)
	}
}
