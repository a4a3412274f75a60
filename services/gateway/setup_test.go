package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	stay := []goleak.Option{
		// fasthttp keeps a clock for its Date headers, for the life of the process.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		// Its pool looks every ten seconds whether it has been stopped.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	}
	goleak.VerifyTestMain(settled{m, stay}, stay...)
}

// settled are the tests and the end of what they have stopped: goleak alone gives it less than half a second.
type settled struct {
	*testing.M
	stay []goleak.Option
}

func (s settled) Run() int {
	code := s.M.Run()
	for deadline := time.Now().Add(patience); code == 0 && time.Now().Before(deadline); {
		if goleak.Find(s.stay...) == nil {
			break
		}
	}
	return code
}

const patience = 20 * time.Second

// testBundle is a gateway that serves, with a real broker behind it.
type testBundle struct {
	t      *testing.T
	broker *server.Server
	conn   *nats.Conn
	log    *storelog.Log
	url    string
	stop   func() error
	// out is what the gateways say on their standard output.
	out *said
}

// said is written to by several.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(text)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// setup starts a broker with an engine on offer and a cluster that is ready, and a gateway in front of it. The test runs beside others, since it waits
// more than it works.
func setup(t *testing.T, change ...func(*Config)) *testBundle {
	t.Helper()
	t.Parallel()
	return setupAlone(t, change...)
}

// setupAlone is for who changes what the whole process has one of.
func setupAlone(t *testing.T, change ...func(*Config)) *testBundle {
	t.Helper()
	b := &testBundle{t: t, broker: bustest.StartServer(t, &server.Options{})}
	b.conn = bustest.Connect(t, b.broker)
	ctx := t.Context()
	if err := storelog.Ensure(ctx, b.conn, storelog.Settings{Replicas: 1}); err != nil {
		t.Fatal(err)
	}
	var err error
	if b.log, err = storelog.Open(ctx, b.conn); err != nil {
		t.Fatal(err)
	}
	b.publish(samplePack())
	b.cluster(platform.Cluster{Ready: true})
	b.start(change...)
	b.await("the gateway is ready", func() bool { return b.get("/readyz").status == http.StatusOK })
	return b
}

// publish offers these packs, as a provisioner would.
func (b *testBundle) publish(packs ...engine.Pack) {
	b.t.Helper()
	bucket, err := b.log.Bucket(b.t.Context(), storelog.BucketPacks)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := engine.Publish(b.t.Context(), bucket, engine.Rank, packs, engine.Offered(packs)); err != nil {
		b.t.Fatal(err)
	}
}

// start runs a gateway on a free port until the test ends.
func (b *testBundle) start(change ...func(*Config)) {
	b.t.Helper()
	cfg := Config{Listen: "127.0.0.1:0", Auth: "open", OpenPublic: "no", BaseDomain: "localhost", MaxStores: 20,
		EventsURL: "http://127.0.0.1:1", Replicas: 1}
	cfg.NATS.URL = "nats://127.0.0.1:1"
	if b.broker != nil {
		cfg.NATS.URL = b.broker.ClientURL()
	}
	for _, c := range change {
		c(&cfg)
	}
	networks, err := cfg.check()
	if err != nil {
		b.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		b.t.Fatal(err)
	}
	b.url = "http://" + listener.Addr().String()
	if b.out == nil {
		b.out = &said{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, cfg, networks, listener, b.out) }()
	stopped := false
	b.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			b.t.Error("the gateway does not end")
			return nil
		}
	}
	b.t.Cleanup(func() {
		if err := b.stop(); err != nil {
			b.t.Errorf("the gateway ended with %v", err)
		}
	})
	b.await("the gateway answers", func() bool { return b.try("/healthz") == nil })
}

func (b *testBundle) try(path string) error {
	resp, err := client.Get(b.url + path)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// await asks until it is so.
func (b *testBundle) await(what string, so func() bool) {
	b.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-deadline:
			b.t.Fatalf("waited %s in vain: %s", patience, what)
		case <-tick.C:
		}
	}
}

func (b *testBundle) cluster(c platform.Cluster) {
	b.t.Helper()
	kv, err := b.log.Bucket(b.t.Context(), storelog.BucketPlatform)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := platform.Publish(b.t.Context(), kv, store.DefaultCluster, c); err != nil {
		b.t.Fatal(err)
	}
}

// happen appends an event as a worker would.
func (b *testBundle) happen(id store.ID, event store.Type, facts store.Facts) store.State {
	b.t.Helper()
	state, err := b.log.Update(b.t.Context(), id, func(s store.State) (*store.Message, error) {
		return &store.Message{Type: event, Actor: "worker", Generation: s.Generation, Time: time.Now(), Facts: facts}, nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return state
}

// answers responds to a query subject, like the services that remember; to refuse, with the header of a refusal.
func (b *testBundle) answers(subject string, respond func(data []byte) any) {
	b.t.Helper()
	_, err := b.conn.Subscribe(subject, func(m *nats.Msg) {
		reply, answer := &nats.Msg{}, respond(m.Data)
		header, refused := answer.(nats.Header)
		if refused {
			reply.Header = header
		} else if data, err := json.Marshal(answer); err != nil {
			b.t.Error(err)
		} else {
			reply.Data = data
		}
		if err := m.RespondMsg(reply); err != nil {
			b.t.Error(err)
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.conn.Flush(); err != nil {
		b.t.Fatal(err)
	}
}

// client keeps no connections, so that goleak sees only what a gateway left behind.
var client = &http.Client{Transport: documented{&http.Transport{DisableKeepAlives: true}}, Timeout: patience}

// answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (b *testBundle) do(method, path, body string, header ...string) answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	return sent(b.t, req)
}

func sent(t *testing.T, req *http.Request) answer {
	t.Helper()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

func read(t *testing.T, resp *http.Response) answer {
	t.Helper()
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: data}
}

func (b *testBundle) get(path string, header ...string) answer {
	b.t.Helper()
	return b.do(http.MethodGet, path, "", header...)
}

// create makes a store and returns it.
func (b *testBundle) create(body string, header ...string) query.Store {
	b.t.Helper()
	a := b.do(http.MethodPost, "/stores", body, header...)
	if a.status != http.StatusAccepted {
		b.t.Fatalf("create answered %d: %s", a.status, a.body)
	}
	return decoded[query.Store](b.t, a)
}

func decoded[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("decode %q: %v", a.body, err)
	}
	return v
}

// received takes what a responder was asked.
func received[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing was asked")
		panic("unreachable")
	}
}

// wantProblem checks what every error has in common, and the code.
func wantProblem(t *testing.T, a answer, status int, code problem.Code) problem.Problem {
	t.Helper()
	if got := a.header.Get("Content-Type"); got != problem.ContentType {
		t.Fatalf("content type %q, want %q; %d %s", got, problem.ContentType, a.status, a.body)
	}
	p := decoded[problem.Problem](t, a)
	if a.status != status || p.Status != status || p.Code != code {
		t.Fatalf("answered %d %q, want %d %q: %s", a.status, p.Code, status, code, a.body)
	}
	if p.Type == "" || p.Title == "" || !strings.HasSuffix(p.Detail, ".") {
		t.Errorf("incomplete problem: %s", a.body)
	}
	if a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s has no security headers", code)
	}
	return p
}

func samplePack() engine.Pack {
	return engine.Pack{
		Name: "sample", Title: "Sample", Tier: engine.TierDemo, Version: "1.0.0", Description: "A small shop.",
		Plans: []engine.Plan{
			{Name: "small", Title: "Small", CPU: "250m", Memory: "64Mi", Storage: "256Mi", Default: true},
			{Name: "large", Title: "Large", CPU: "1", Memory: "256Mi", Storage: "1Gi"},
		},
		Options: []engine.Option{
			{
				Name: "currency", Title: "Currency", Type: engine.TypeEnum, Enum: []string{"EUR", "USD"}, Default: "EUR",
				Change: engine.ChangeRestart,
			},
			{
				Name: "title", Title: "Title", Type: engine.TypeString, Min: new(int64(1)), Max: new(int64(60)),
				Change: engine.ChangeLive,
			},
			{
				Name: "samples", Title: "Samples", Type: engine.TypeInteger, Min: new(int64(0)), Max: new(int64(60)), Default: int64(12),
				Change: engine.ChangeNever,
			},
		},
		Links:     []engine.Link{{Name: "storefront", Title: "Shop", Path: "/"}, {Name: "admin", Title: "Orders", Path: "/admin"}},
		Probe:     engine.Probe{Service: "store", Port: 80, Path: "/healthz", Status: 200, JSON: engine.JSONObject},
		Images:    map[string]string{"shop": "sample:1.0.0"},
		Workloads: []engine.Workload{{Kind: "Deployment", Name: "store"}},
		Suspended: engine.Suspended{Workload: "suspended", Progress: "Putting up the sign"},
	}
}

func parsed[T any](t *testing.T, data []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		t.Error(err)
	}
	return v
}

func readGolden(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
