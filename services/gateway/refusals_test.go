package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// Whatever goes wrong, and whoever notices (Fiber, huma, the door, a handler), the answer has one shape.
func TestEveryErrorIsAProblem(t *testing.T) {
	b := setup(t)
	json := []string{"Content-Type", "application/json"}
	for name, c := range map[string]struct {
		a      answer
		status int
		code   problem.Code
	}{
		"unknown route":       {b.get("/nope"), 404, problem.NotFound},
		"wrong method":        {b.do("PUT", "/stores", ""), 405, problem.MethodNotAllowed},
		"unknown method":      {b.do("BREW", "/stores", ""), 405, problem.MethodNotAllowed},
		"no body":             {b.do("POST", "/stores", "", json...), 400, problem.InvalidRequest},
		"no JSON":             {b.do("POST", "/stores", "{"), 400, problem.InvalidJSON},
		"large body":          {b.do("POST", "/stores", `{"name":"`+strings.Repeat("x", 70<<10)+`"}`), 413, problem.BodyTooLarge},
		"large header":        {b.get("/engines", "X-Large", strings.Repeat("x", 20<<10)), 431, problem.HeadersTooLarge},
		"wrong query":         {b.get("/stores?limit=1000"), 422, problem.InvalidField},
		"wrong status":        {b.get("/stores?status=Nice"), 422, problem.InvalidField},
		"long key":            {b.do("POST", "/stores", "{}", "Idempotency-Key", strings.Repeat("k", 300)), 422, problem.InvalidField},
		"no store id":         {b.get("/stores/..%2f*"), 404, problem.NotFound},
		"subject as id":       {b.get("/stores/store.*.event"), 404, problem.NotFound},
		"missing store":       {b.get("/stores/sabcdefghijk"), 404, problem.NotFound},
		"plain GET of feed":   {b.get("/feed"), 426, problem.UpgradeRequired},
		"nobody remembers":    {b.get("/stores"), 503, problem.ProjectionUnavailable},
		"form":                {b.do("POST", "/stores", "name=x", "Content-Type", "application/x-www-form-urlencoded"), 415, problem.UnsupportedMediaType},
		"form as plain text":  {b.do("POST", "/stores", "{}", "Content-Type", "text/plain"), 415, problem.UnsupportedMediaType},
		"empty form on retry": {b.do("POST", "/stores/sabcdefghijk/retry", "", "Content-Type", "text/plain"), 415, problem.UnsupportedMediaType},
		"foreign Host":        {b.get("/engines", "Host", "evil.example"), 403, problem.ForeignHost},
		"a store's Host":      {b.get("/engines", "Host", "store-sabcdefghijk.localhost:8088"), 403, problem.ForeignHost},
		"foreign Origin":      {b.do("DELETE", "/stores/sabcdefghijk", "", "Origin", "http://evil.example"), 403, problem.ForeignOrigin},
		"another port":        {b.get("/engines", "Origin", "http://127.0.0.1:1"), 403, problem.ForeignOrigin},
		"no Origin":           {b.get("/engines", "Origin", "null"), 403, problem.ForeignOrigin},
		"another site":        {b.get("/stores/x/credentials", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"), 403, problem.ForeignOrigin},
		"foreign page":        {b.get("/", "Host", "evil.example"), 403, problem.ForeignHost},
	} {
		t.Run(name, func(t *testing.T) { wantProblem(t, c.a, c.status, c.code) })
	}
	if a := b.do("PUT", "/stores", ""); !strings.Contains(a.header.Get("Allow"), "POST") {
		t.Errorf("a wrong method is not told the right ones: %q", a.header.Get("Allow"))
	}
}

// A gateway that closed with the rest of the body unread would cut the client off in the middle of it.
func TestARefusalReachesAClientThatIsStillSending(t *testing.T) {
	b := setup(t)
	// More than the sockets of both sides hold, so that somebody must read it.
	beyondBuffers := strings.Repeat("x", 32<<20)
	for name, c := range map[string]struct {
		a      answer
		status int
		code   problem.Code
	}{
		"body":   {b.do("POST", "/stores", beyondBuffers), 413, problem.BodyTooLarge},
		"header": {b.get("/engines", "X-Large", beyondBuffers), 431, problem.HeadersTooLarge},
	} {
		t.Run(name, func(t *testing.T) { wantProblem(t, c.a, c.status, c.code) })
	}
}

func TestAGarbledRequestIsAProblem(t *testing.T) {
	b := setup(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprint(conn, "GARBAGE\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Content-Type") != problem.ContentType {
		t.Errorf("answered %d %q", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
}

func TestTheDoorLetsItsOwnIn(t *testing.T) {
	b := setup(t)
	port := b.url[strings.LastIndex(b.url, ":"):]
	for _, header := range [][]string{
		{},
		{"Host", "localhost" + port, "Origin", "http://localhost" + port, "Sec-Fetch-Site", "same-origin"},
		{"Host", "[::1]" + port},
		{"Origin", b.url},
		{"Host", "LOCALHOST"},
		{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"},
	} {
		if a := b.get("/engines", header...); a.status != http.StatusOK {
			t.Errorf("%v is answered %d %s", header, a.status, a.body)
		}
	}
}

func TestTheStartIsRefused(t *testing.T) {
	good := Config{Listen: "127.0.0.1:0", Auth: "open", OpenPublic: "no", MaxStores: 20, EventsURL: "http://127.0.0.1:1", Replicas: 1}
	for name, c := range map[string]struct {
		change func(*Config)
		names  string
	}{
		"public":        {func(c *Config) { c.Listen = "0.0.0.0:8080" }, "AUTH_OPEN_PUBLIC=yes"},
		"every address": {func(c *Config) { c.Listen = ":8080" }, "AUTH_OPEN_PUBLIC=yes"},
		"other mode":    {func(c *Config) { c.Auth = "oidc" }, "AUTH=oidc"},
		"no stores":     {func(c *Config) { c.MaxStores = 0 }, "MAX_STORES=0"},
		"many stores":   {func(c *Config) { c.MaxStores = 1001 }, "MAX_STORES=1001"},
		"two replicas":  {func(c *Config) { c.Replicas = 2 }, "STREAM_REPLICAS=2"},
		"a fast clock":  {func(c *Config) { c.TestClockDivisor = 4 }, "TEST_CLOCK_DIVISOR=4"},
		"boolean proxy": {func(c *Config) { c.TrustProxy = []string{"true"} }, "TRUST_PROXY"},
		"no operator":   {func(c *Config) { c.AdminEmails = []string{"boss@example.com", "boss"} }, "ADMIN_EMAILS"},
		"a token's key": {func(c *Config) { c.AdminKey = "sp_sesame" }, "ADMIN_API_KEY"},
		"no URL":        {func(c *Config) { c.EventsURL = "events" }, "EVENTS_URL=events"},
		"no address":    {func(c *Config) { c.Listen = "8080" }, "LISTEN=8080"},
		"no requests":   {func(c *Config) { c.RateEnabled, c.RateRefill = true, 1 }, "RATE_LIMIT_CAPACITY=0"},
		"no refill":     {func(c *Config) { c.RateEnabled, c.RateCapacity = true, 1 }, "RATE_LIMIT_REFILL_PER_SEC=0"},
		"no commands":   {func(c *Config) { c.CreateCapacity = -1 }, "CREATE_RATE_LIMIT_CAPACITY=-1"},
		"too slow":      {func(c *Config) { c.CreateCapacity, c.CreateRefill = 1, 1e-9 }, "CREATE_RATE_LIMIT_REFILL_PER_SEC=1e-09"},
		"all origins":   {func(c *Config) { c.CORSOrigins = []string{"https://a.example", "*"} }, `CORS_ORIGINS: "*"`},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			c.change(&cfg)
			if err := Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), c.names) {
				t.Errorf("Run says %v, which doesn't name %q", err, c.names)
			}
		})
	}
	public := good
	public.Listen, public.OpenPublic = "0.0.0.0:8080", "yes"
	if _, err := public.check(); err != nil {
		t.Errorf("AUTH_OPEN_PUBLIC=yes is refused: %v", err)
	}
}

func TestALogOfAnotherInstallationIsRefused(t *testing.T) {
	nc := bustest.StartFor(t, "theirs")
	cfg := Config{MaxStores: 20, EventsURL: "http://127.0.0.1:1", Replicas: 1, Installation: "mine",
		NATS: config.NATS{URL: nc.ConnectedUrl()}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err = serve(ctx, cfg, nil, listener, io.Discard)
	if !errors.Is(err, storelog.ErrForeignLog) || !strings.Contains(err.Error(), `"theirs"`) || !strings.Contains(err.Error(), `"mine"`) {
		t.Errorf("it ends with %v, which doesn't name both", err)
	}
}

func TestWithoutABrokerThePageLoads(t *testing.T) {
	b := &testBundle{t: t}
	b.start()
	if a := b.get("/"); a.status != http.StatusOK {
		t.Errorf("the page is answered %d", a.status)
	}
	if a := b.get("/readyz"); a.status != http.StatusServiceUnavailable {
		t.Errorf("/readyz is answered %d", a.status)
	}
	for _, a := range []answer{
		b.do("POST", "/stores", "{}"), b.get("/stores"), b.get("/engines"), b.get("/plans"), b.get("/stores/sabcdefghijk"),
	} {
		if p := wantProblem(t, a, http.StatusServiceUnavailable, problem.BrokerUnavailable); !p.Retryable {
			t.Error("the broker's absence must be worth a retry")
		}
		if a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
}

func TestTheBrokerComesAndGoes(t *testing.T) {
	b := setup(t)
	b.broker.Shutdown()
	b.broker.WaitForShutdown()
	b.await("the gateway notices", func() bool { return b.get("/readyz").status == http.StatusServiceUnavailable })
	wantProblem(t, b.do("POST", "/stores", "{}"), http.StatusServiceUnavailable, problem.BrokerUnavailable)
	if a := b.get("/engines"); a.status != http.StatusOK {
		t.Errorf("what was on offer is forgotten: %d", a.status)
	}
}

// Who is stopped at once, or finds at once that it can't go on, may take leave before it has begun to serve.
func TestAGatewayThatIsStoppedAtOnceEnds(t *testing.T) {
	cfg := Config{Listen: "127.0.0.1:0", Auth: "open", BaseDomain: "localhost", MaxStores: 20, EventsURL: "http://127.0.0.1:1", Replicas: 1}
	cfg.NATS.URL = "nats://127.0.0.1:1"
	over, end := context.WithCancel(t.Context())
	end()
	for range 20 {
		listener, err := net.Listen("tcp", cfg.Listen)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- serve(over, cfg, nil, listener, io.Discard) }()
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("it ends with %v", err)
			}
		case <-time.After(patience):
			t.Fatal("it does not end")
		}
	}
}
