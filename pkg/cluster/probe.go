package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/store-platform/store-platform/pkg/again"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
)

// The routes that a probe can take. Where it takes two they are joined by a plus: both answered.
const (
	ViaService     = "service"
	ViaIngress     = "ingress"
	ViaPortForward = "port-forward"
)

// Right after its pods are ready a store is a moment away from being reached: a route or an endpoint hasn't come round yet. So
// the pauses between the first questions are short.
var questions = again.Pauses{First: 20 * time.Millisecond, Longest: 500 * time.Millisecond}

const (
	probeTimeout = 5 * time.Second
	// checkTimeout is for what takes no worker of the shop: two that stay without an answer are told.
	checkTimeout = 4 * time.Second
)

// Target is the one request that makes a store Ready.
type Target struct {
	Store store.ID
	// URL is where people reach the store. The probe says this host whichever way it goes: shops redirect a stranger.
	URL   string
	Probe engine.Probe
	// Check is the engine's light question, nil where it has none.
	Check *engine.Check
}

// question is one of a target's two, and how its answer is judged.
type question struct {
	service string
	port    int
	path    string
	judge   func(status int, body []byte) error
}

func (t Target) probe() question {
	return question{t.Probe.Service, t.Probe.Port, t.Probe.Path, t.Probe.Check}
}

// IngressAnswers fails while nobody listens where all stores' routes are, as while the controller is replaced. Where no
// address is known there is nothing to ask.
func (c *Cluster) IngressAnswers(ctx context.Context) error {
	if c.cfg.IngressAddr == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", c.cfg.IngressAddr)
	if err != nil {
		return fmt.Errorf("ask the ingress: %w", err)
	}
	return conn.Close()
}

// ReasonRouteDead is that of a store that works and that nobody gets to by its address.
const ReasonRouteDead = "RouteNotAnswering"

// Probe asks until the answer is the engine's own or ctx ends; the error then carries the last wrong answer. via is the
// route: from inside the cluster the store's Service, and behind it the ingress where its address is known; from outside the
// ingress alone, and without an address for that one a port-forward to a ready pod. Not the API server's service proxy: its
// requests come from nowhere that a store's policies let in.
func (c *Cluster) Probe(ctx context.Context, t Target) (via string, err error) {
	var wrong error
	via, err = again.Until(ctx, questions, func() (string, error) {
		via, answer := c.ProbeOnce(ctx, t)
		// An answer that was cut off by ctx says less than the one before.
		if ctx.Err() == nil || wrong == nil {
			wrong = answer
		}
		if answer != nil && Classify(wrong).Kind == Permanent {
			answer = again.Never(wrong)
		}
		return via, answer
	})
	switch {
	case err == nil:
		return via, nil
	case errors.Is(ctx.Err(), context.Canceled) && Classify(wrong).Kind != Permanent:
		return via, Classify(fmt.Errorf("probe store: %w", ctx.Err()))
	}
	return via, wrong
}

// ProbeOnce asks once.
func (c *Cluster) ProbeOnce(ctx context.Context, t Target) (via string, err error) {
	return c.ask(ctx, t, t.probe(), probeTimeout)
}

// CheckOnce asks the engine's light question once, where it has one. Where the shop itself says why it
// doesn't sell, the error is its cause: the pack's reason and sentence, around an *engine.CauseError.
func (c *Cluster) CheckOnce(ctx context.Context, t Target) (via string, err error) {
	return c.ask(ctx, t, question{t.Check.Service, t.Check.Port, t.Check.Path, t.Check.Judge}, checkTimeout)
}

func (c *Cluster) ask(ctx context.Context, t Target, q question, within time.Duration) (via string, err error) {
	public, err := url.Parse(t.URL)
	if err != nil || public.Host == "" {
		err = fmt.Errorf("no host in the store's address %q", t.URL)
		return "", wrap(err, Permanent, "AddressInvalid", "The store's address can't be understood.")
	}
	l, err := c.connect()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return askEach(ctx, c.routes(l, t.Store, q, public), public, q)
}

// askEach asks by one route after the other, and stops at the first that doesn't answer.
func askEach(ctx context.Context, routes []route, public *url.URL, q question) (via string, err error) {
	for i, r := range routes {
		err := ask(ctx, r, public, q)
		var told *engine.CauseError
		switch {
		case errors.As(err, &told):
			return r.via, wrap(fmt.Errorf("%s: ask by %s: %w", r.object, r.via, err), Transient, told.Reason, told.Message)
		case err != nil && i > 0:
			return via, wrap(fmt.Errorf("%s: probe by %s: %w", r.object, r.via, err), Transient, ReasonRouteDead,
				"The store works, and its address doesn't lead to it.")
		case err != nil:
			return r.via, notAnswering(r, err)
		case i > 0:
			via += "+"
		}
		via += r.via
	}
	return via, nil
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// route is a way to a store. The address holds what goes into TLS and the request line; dial goes where the route leads. object is who
// is asked: the Service by its name, or the host that visitors know, since who answers for that the cluster doesn't say.
type route struct {
	via     string
	object  string
	address *url.URL
	dial    dialer
}

// routes lists the ways by which the store must answer.
func (c *Cluster) routes(l *link, id store.ID, q question, public *url.URL) []route {
	direct := new(net.Dialer).DialContext
	service := net.JoinHostPort(q.service+"."+id.Namespace()+".svc", strconv.Itoa(q.port))
	// A visitor's, but for the name: the platform's own DNS may not know it, and a balancer that hands out its public address
	// may not be reached by it from inside.
	visitors := route{ViaIngress, workloadKey("host", public.Hostname()), &url.URL{Scheme: public.Scheme, Host: public.Host}, func(ctx context.Context, network, _ string) (net.Conn, error) {
		return direct(ctx, network, c.cfg.IngressAddr)
	}}
	named := workloadKey("service", q.service)
	inside := route{ViaService, named, &url.URL{Scheme: "http", Host: service}, direct}
	switch known := c.cfg.IngressAddr != ""; {
	case l.inCluster && known:
		return []route{inside, visitors}
	case l.inCluster:
		return []route{inside}
	case known:
		return []route{visitors}
	}
	return []route{{ViaPortForward, named, &url.URL{Scheme: "http", Host: service}, func(ctx context.Context, _, _ string) (net.Conn, error) {
		return l.dialService(ctx, id.Namespace(), q.service)
	}}}
}

// ask makes the request. Each one has a connection of its own: the question is whether a visitor who comes now is let in.
func ask(ctx context.Context, r route, public *url.URL, q question) error {
	target, err := r.address.Parse(q.path)
	if err != nil {
		return fmt.Errorf("read probe path: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return fmt.Errorf("build probe: %w", err)
	}
	req.Host = public.Host
	req.Header.Set("User-Agent", "store-platform-probe")
	req.Header.Set("X-Forwarded-Proto", public.Scheme)
	client := http.Client{
		Transport:     &http.Transport{DialContext: r.dial, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask the store: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, engine.MaxProbeBody))
	if err != nil {
		return fmt.Errorf("read the store's answer: %w", err)
	}
	return answeredBy(resp.Header, q.judge(resp.StatusCode, body))
}

// answeredBy adds to a wrong answer by whom it is, as far as it says: what it says besides may be anybody's.
func answeredBy(header http.Header, wrong error) error {
	var told *engine.CauseError
	if wrong == nil || errors.As(wrong, &told) {
		return wrong
	}
	var says []string
	for _, name := range []string{"Server", "Content-Type"} {
		if value := header.Get(name); value != "" {
			says = append(says, fmt.Sprintf("%s %.80q", name, value))
		}
	}
	if len(says) == 0 {
		return wrong
	}
	return fmt.Errorf("%w (with %s)", wrong, strings.Join(says, " and "))
}

// notAnswering is for every wrong answer, and for none: a store that can't be reached isn't a cluster that is away.
func notAnswering(asked route, err error) *Error {
	return wrap(fmt.Errorf("%s: probe by %s: %w", asked.object, asked.via, err), Transient, "NotAnswering", "The store doesn't answer as it should yet.")
}
