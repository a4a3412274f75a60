package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Trust says whether an operation may still speak to Kubernetes. The worker loop provides it: it ends when the lease
// can't be trusted any more, when the operation is superseded, or at the operation's deadline.
type Trust interface {
	// Err is nil while requests may be made, and then says why they may not.
	Err() error
	// Remaining is how long Err stays nil at least, if nobody renews and nothing newer comes.
	Remaining() time.Duration
}

const (
	// requestTimeout bounds one request that isn't a watch: an answer that takes longer isn't coming.
	requestTimeout = 15 * time.Second
	// trustMargin is what a request leaves of the trust, by production's clock: the API server may carry out a write a
	// little after the client has given up on it, and the other hand may begin the moment trust ends.
	trustMargin = 2 * time.Second
	// renewed is how often is asked in the margin whether trust was renewed.
	renewed = 50 * time.Millisecond

	retryAfter = "Retry-After"
	// pauseAtMost is in seconds; it is what an API server asks for that sheds load.
	pauseAtMost = 1
)

// RefusedError is the answer to a request that wasn't sent because its operation isn't trusted any more. It unwraps
// to what Trust.Err said, or to why nobody waits any longer for trust to be renewed.
type RefusedError struct {
	Method, Path string
	Err          error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s %s not sent: %v", e.Method, e.Path, e.Err)
}

func (e *RefusedError) Unwrap() error { return e.Err }

// guard is the transport of one operation. It holds reads to the same rule as writes: what a superseded operation
// reads leads nowhere, and Helm, which can't be cancelled, ends at its next request instead of its next write.
//
// A write that is under way is waited for, also when its operation has ended meanwhile, until its own time-out: who
// gives up on a namespace that is slow to be made releases the lease, and it is made after the delete has looked.
type guard struct {
	next   http.RoundTripper
	trust  Trust
	margin time.Duration
	// met is what it told whoever asked through it.
	met troubles
}

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := g.send(req)
	if err != nil {
		// It is what http makes of it for everybody else.
		g.met.add(&url.Error{Op: req.Method, URL: req.URL.Host, Err: err})
		return nil, err
	}
	if refusal := readRefusal(resp); refusal != nil {
		g.met.add(about(req, refusal))
	}
	return resp, nil
}

func (g *guard) send(req *http.Request) (*http.Response, error) {
	remaining, err := g.trusted(req.Context())
	if err != nil {
		// A RoundTripper must close the body, also of a request that it doesn't send.
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, &RefusedError{Method: req.Method, Path: req.URL.Path, Err: err}
	}
	timeout := min(requestTimeout, remaining-g.margin)
	ctx := req.Context()
	if req.Method != http.MethodGet {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	resp, err := g.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	shortenPause(resp)
	resp.Body = &cancelOnClose{ReadCloser: resp.Body, cancel: cancel}
	return resp, nil
}

// shortenPause takes away a Retry-After that client-go would follow until the step's time is over, ten times in a row:
// then all that is told of a cluster that is too busy is that it took too long.
func shortenPause(resp *http.Response) {
	if seconds, err := strconv.Atoi(resp.Header.Get(retryAfter)); err == nil && seconds > pauseAtMost {
		resp.Header.Del(retryAfter)
	}
}

// trusted answers how long trust lasts, or why a request may not be sent. In the margin, and where so little lies before it that the
// request would be cut off, it waits until trust was renewed or has ended: a broker that is slow to renew it would otherwise be told
// as the cluster's trouble, at the price of an attempt.
func (g *guard) trusted(ctx context.Context) (time.Duration, error) {
	for {
		if err := g.trust.Err(); err != nil {
			return 0, err
		}
		if remaining := g.trust.Remaining(); remaining > g.margin+g.margin/2 {
			return remaining, nil
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(renewed):
		}
	}
}

// cancelOnClose keeps the request's time-out alive until its body has been read.
type cancelOnClose struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (c *cancelOnClose) Close() error {
	defer c.cancel()
	return c.ReadCloser.Close()
}

// Looking is the trust of who writes nothing, as whoever answers a question: it lasts as long as ctx does. Nothing of it is carried out
// behind its end, so that no request need keep a distance from that.
func Looking(ctx context.Context) Trust { return looking{ctx} }

type looking struct{ ctx context.Context }

func (l looking) Err() error { return l.ctx.Err() }

func (l looking) Remaining() time.Duration { return time.Hour }

// deadlineTrust is a Trust that also ends at a fixed time.
type deadlineTrust struct {
	Trust
	deadline time.Time
}

func (t deadlineTrust) Err() error {
	if err := t.Trust.Err(); err != nil {
		return err
	}
	if !time.Now().Before(t.deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

func (t deadlineTrust) Remaining() time.Duration {
	return min(t.Trust.Remaining(), time.Until(t.deadline))
}
