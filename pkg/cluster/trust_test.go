package cluster

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
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
		trust fixedTrust
		// ends is how long it is to the operation's deadline, if it has one.
		ends    *time.Duration
		refused bool
		within  time.Duration
	}{
		"plenty":            {trust: fixedTrust{remaining: time.Minute}, within: requestTimeout},
		"little":            {trust: fixedTrust{remaining: 6 * time.Second}, within: 6*time.Second - trustMargin},
		"superseded":        {trust: fixedTrust{err: newer, remaining: time.Minute}, refused: true},
		"deadline is near":  {trust: fixedTrust{remaining: time.Minute}, ends: new(8 * time.Second), within: 8*time.Second - trustMargin},
		"deadline is over":  {trust: fixedTrust{remaining: time.Minute}, ends: new(time.Duration(0)), refused: true},
		"deadline and news": {trust: fixedTrust{err: newer, remaining: time.Minute}, ends: new(time.Minute), refused: true},
	} {
		// In a bubble the clock stands still while anybody works.
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var trust Trust = test.trust
				if test.ends != nil {
					trust = deadlineTrust{test.trust, time.Now().Add(*test.ends)}
				}
				left, err := post(trust)
				var refused *RefusedError
				if errors.As(err, &refused) != test.refused || left != test.within {
					t.Errorf("%s left, want %s; got %v", left, test.within, err)
				}
			})
		})
	}
}

const never = -time.Hour

// running is trust that runs out, and is renewed once, for a minute, when so much of it is left.
type running struct {
	ends    time.Time
	renewAt time.Duration
}

var errOut = errors.New("it ran out")

func (r *running) Err() error {
	if r.Remaining() <= 0 {
		return errOut
	}
	return nil
}

func (r *running) Remaining() time.Duration {
	if left := time.Until(r.ends); left <= r.renewAt {
		r.ends, r.renewAt = time.Now().Add(time.Minute), never
	}
	return time.Until(r.ends)
}

// Who holds a store and is late to renew its lease has failed at nothing.
func TestInTheMarginARequestWaitsForTrustToBeRenewedOrToEnd(t *testing.T) {
	for renewAt, want := range map[time.Duration]error{trustMargin / 4: nil, trustMargin: nil, never: errOut} {
		synctest.Test(t, func(t *testing.T) {
			left, err := post(&running{ends: time.Now().Add(trustMargin + trustMargin/4), renewAt: renewAt})
			if !errors.Is(err, want) || (left == requestTimeout) != (want == nil) {
				t.Errorf("renewed at %s: %s left, and %v", renewAt, left, err)
			}
		})
	}
}

// post sends a write through a guard and returns how much time it had, which is none if it wasn't sent.
func post(trust Trust) (left time.Duration, err error) {
	g := &guard{trust: trust, margin: trustMargin, next: roundTrip(func(req *http.Request) (*http.Response, error) {
		if deadline, ok := req.Context().Deadline(); ok {
			left = time.Until(deadline)
		}
		return &http.Response{Body: io.NopCloser(strings.NewReader("fine"))}, nil
	})}
	client := http.Client{Transport: g}
	resp, err := client.Post("http://cluster.example/x", "text/plain", strings.NewReader("body"))
	if err == nil {
		_ = resp.Body.Close()
	}
	return left, err
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

// A write whose answer nobody waits for may still be carried out, after the lease was given back.
func TestAWriteUnderWayOutlivesItsOperation(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for method, outlives := range map[string]bool{http.MethodPost: true, http.MethodPatch: true, http.MethodGet: false} {
		g := &guard{trust: fixedTrust{remaining: time.Minute}, next: roundTrip(func(req *http.Request) (*http.Response, error) {
			if got := req.Context().Err() == nil; got != outlives {
				t.Errorf("%s outlives its operation: %t, want %t", method, got, outlives)
			}
			return &http.Response{Body: http.NoBody}, nil
		})}
		req, err := http.NewRequestWithContext(ended, method, "http://cluster.example/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := g.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
}

func TestALongPauseIsTheWorkersAffair(t *testing.T) {
	for asked, left := range map[string]string{"1": "1", "60": "", "": ""} {
		g := &guard{trust: fixedTrust{remaining: time.Minute}, next: roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{Header: http.Header{"Retry-After": {asked}}, Body: http.NoBody}, nil
		})}
		resp, err := (&http.Client{Transport: g}).Get("http://cluster.example/x")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := resp.Header.Get("Retry-After"); got != left {
			t.Errorf("of a pause of %q seconds client-go sees %q, want %q", asked, got, left)
		}
	}
}

// Whoever asked still reads what the API server said, in either of its tongues.
func TestGuardRemembersARefusalAndHandsItOn(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, "shop", errors.New("exceeded quota"))
	for name, mediaType := range map[string]string{"json": runtime.ContentTypeJSON, "protobuf": protobuf} {
		t.Run(name, func(t *testing.T) {
			info, ok := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), mediaType)
			if !ok {
				t.Fatal("nobody writes it")
			}
			said, err := runtime.Encode(scheme.Codecs.EncoderForVersion(info.Serializer, schema.GroupVersion{Version: "v1"}), &forbidden.ErrStatus)
			if err != nil {
				t.Fatal(err)
			}
			for code, remembered := range map[int]bool{http.StatusForbidden: true, http.StatusNotFound: false, http.StatusOK: false} {
				g := &guard{trust: fixedTrust{remaining: time.Minute}, next: roundTrip(func(*http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: code, Body: io.NopCloser(bytes.NewReader(said))}, nil
				})}
				resp, err := (&http.Client{Transport: g}).Get("http://cluster.example/x")
				if err != nil {
					t.Fatal(err)
				}
				read, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if err != nil || !bytes.Equal(read, said) {
					t.Errorf("%d: %d bytes of %d are left, %v", code, len(read), len(said), err)
				}
				if was := g.met.quoted(errors.New("patch: " + forbidden.Error())); apierrors.IsForbidden(was) != remembered {
					t.Errorf("%d: remembered is %v", code, was)
				}
			}
		})
	}
}
