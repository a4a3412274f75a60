package hostile

import (
	"errors"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// mostWithHashes is what a gateway with accounts may have used at its peak, in bytes: four hashes at once, and as much again until the
	// collector comes.
	mostWithHashes = mostMemory + 2*4*(19<<20)
	// crowdLife is how many requests a crowd makes: what they do to each other is in nobody's way for long.
	crowdLife = 2000
	// slowest bounds an answer, which others are asking for as well.
	slowest = time.Minute
)

// crowd are those who ask: nobody, a member, who owns the tenant and operates, their token, and who holds the key.
type crowd struct {
	*site
	document
	askers [][]string
	asked  int
}

// here is the crowd of this process.
var here *crowd

// gather is the crowd that asks next.
func gather(t testing.TB) *crowd {
	t.Helper()
	if here != nil && here.asked < crowdLife {
		here.asked++
		return here
	}
	s := settle(t)
	member := s.enter(t, s.signUp(t))
	invite := s.call(t, http.StatusCreated, s.header, "POST", "/tenants/"+s.tenant+"/invites", `{"role":"member"}`).Invite
	s.call(t, http.StatusOK, member, "POST", "/invites/take", `{"invite":"`+invite+`"}`)
	token := s.call(t, http.StatusCreated, s.header, "POST", "/auth/tokens",
		`{"name":"CI","scopes":["stores:read","stores:write","passwords:read","tenant:manage","platform:operate"]}`).Token
	here = &crowd{
		site: s, document: get[document](t, s.gateway, "/openapi.json"),
		askers: [][]string{nil, member, s.header, {"Authorization: Bearer " + token}, byKey},
	}
	return here
}

// operation is the one that is named, or any that fits: most names that are made up are none.
func (c *crowd) operation(name string, fits func(operation) bool) operation {
	all := c.operations()
	for _, op := range all {
		if op.Method+" "+op.Path == name {
			return op
		}
	}
	all = slices.DeleteFunc(all, func(op operation) bool { return !fits(op) })
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(name))
	return all[int(sum.Sum32()%uint32(len(all)))]
}

// takesBody says whether an operation does, and cheap whether it neither computes hashes nor signs anybody out, who would be a long time coming back.
func takesBody(op operation) bool { return len(op.RequestBody.Content) > 0 }

func cheap(op operation) bool {
	return !slices.Contains([]string{"/auth/signup", "/auth/login", "/auth/logout", "/auth/reset/confirm", "/auth/sessions"}, op.Path) && (op.Path != "/auth/me" || op.Method != http.MethodDelete)
}

// request is the operation's as somebody makes it.
func (c *crowd) request(t testing.TB, as uint8, op operation, body []byte) request {
	t.Helper()
	r := request{method: op.Method, target: c.fill(op.Path), header: c.askers[int(as)%len(c.askers)]}
	if takesBody(op) {
		r.body = c.anew(t, body)
	}
	return r
}

// hold sends a request and holds what becomes of it against what is promised of all. Made up as it is, it may be no HTTP at all: then the gateway
// may hang up.
func (c *crowd) hold(t *testing.T, r request, plain bool) {
	t.Helper()
	a, err := c.push(t, c.from(r))
	switch {
	case err != nil && (plain || !hungUp(err)):
		t.Fatalf("%.200q: no answer: %v", r.bytes(), err)
	case err != nil:
		// Unless it is gone.
		get[map[string]any](t, c.gateway, "/readyz")
	default:
		c.judge(t, r, a)
	}
	if peak := peakOf(t, c.PID); peak > mostWithHashes {
		t.Fatalf("%.200q: the gateway took %d MB, more than %d", r.bytes(), peak>>20, mostWithHashes>>20)
	}
}

func (c *crowd) judge(t *testing.T, r request, a answer) {
	t.Helper()
	why := a.breaksAll(r.method, r.target)
	// What comes in answer to HEAD has no body.
	if r.method == http.MethodHead && a.status < 500 {
		why = ""
	}
	if why != "" {
		t.Fatalf("%.200q: %s: %v", r.bytes(), why, a)
	}
	if a.status != http.StatusUnauthorized {
		return
	}
	for _, asker := range c.askers[1:3] {
		me := request{method: http.MethodGet, target: "/auth/me", header: asker}
		if slices.Contains(r.header, asker[0]) && c.mustSend(t, c.from(me)).status == http.StatusUnauthorized {
			// Somebody has signed them out.
			here = nil
		}
	}
}

// push sends a request and no more than that, whatever it says will come.
func (c *crowd) push(t *testing.T, r request) (answer, error) {
	t.Helper()
	conn, err := c.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(slowest)); err != nil {
		t.Fatal(err)
	}
	_, sending := conn.Write(r.bytes())
	if tcp, is := conn.(*net.TCPConn); is && sending == nil {
		sending = tcp.CloseWrite()
	}
	a, err := read(conn, r.method)
	if err != nil {
		err = errors.Join(err, sending)
	}
	return a, err
}

func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// inOneLine says whether a text stays what it is in a line of a request.
func inOneLine(text string) bool { return !strings.ContainsAny(text, "\r\n") }

// eachAsker adds a seed for everybody who asks.
func eachAsker(f *testing.F, seed ...any) {
	f.Helper()
	for as := range uint8(5) {
		f.Add(append([]any{as}, seed...)...)
	}
}

// usual is a body in which nothing is odd.
func (c *crowd) usual(op operation) []byte {
	return place{operation: op, body: c.bodyOf(op).without("")}.bodyWith("", "")
}

var bodies = []string{
	"", "null", "[]", `"x"`, "{", "{}{}", "\xef\xbb\xbf{}", "{\x00}", `{"":0}`, `{"name":1e999}`, `{"name":"\ud800"}`, `{"name":"a","name":"b"}`,
	"{\"name\":\"\xff\"}", strings.Repeat("[", 20_000), strings.Repeat(`{"a":`, 10_000), `{"name":` + strings.Repeat("9", 30_000) + `}`,
}

func FuzzBody(f *testing.F) {
	c := gather(f)
	for _, op := range c.operations() {
		if takesBody(op) {
			eachAsker(f, op.Method+" "+op.Path, c.usual(op))
		}
	}
	for _, body := range bodies {
		f.Add(uint8(2), "POST /stores", []byte(body))
		f.Add(uint8(2), "POST /auth/tokens", []byte(body))
	}
	f.Add(uint8(2), "POST /tenants", []byte(`{"name":"Tea","owner":"a->"}`))
	f.Fuzz(func(t *testing.T, as uint8, named string, body []byte) {
		c := gather(t)
		c.hold(t, c.request(t, as, c.operation(named, takesBody), body), true)
	})
}

func FuzzPath(f *testing.F) {
	for _, op := range gather(f).operations() {
		f.Add(uint8(2), op.Method, op.Path)
		f.Add(uint8(4), op.Method, strings.NewReplacer("{id}", "%00%ff", "{account}", "..%2f", "{n}", "-1", "{provider}", "\xff").Replace(op.Path))
	}
	for _, path := range []string{
		"", "*", "//", "/../..", "/stores/..", "/%", "/%zz", "http://localhost/stores", "http://[::1", "/stores?", "/stores#x", "/assets/../openapi.json", "/assets/%2e%2e/x",
		"/tenants/t-" + strings.Repeat("a", 10) + "/members/>", "/stores/" + strings.Repeat("s", 15_000), "/stores/\x00", "/\x80", "/stores/;x", "\\stores", "/STORES", "/stores/", "/tenants/t->",
	} {
		f.Add(uint8(2), "GET", path)
		f.Add(uint8(1), "DELETE", path)
	}
	for _, method := range []string{"", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PUT", "get", "G\x00T", strings.Repeat("A", 10_000)} {
		f.Add(uint8(0), method, "/stores")
	}
	f.Fuzz(func(t *testing.T, as uint8, method, path string) {
		method, _, _ = strings.Cut(method, " ")
		c := gather(t)
		r := c.request(t, as, operation{Method: method, Path: path}, nil)
		c.hold(t, r, method != "" && path != "" && inOneLine(method+path))
	})
}

var oddities = []string{"", "x", "%00", "%ff", "%", "\xff", "-1", "1e3", "18446744073709551616", "9007199254740991", strings.Repeat("9", 200), "true", "%20", "a%0ab", "%e2%80%ae"}

func FuzzQuery(f *testing.F) {
	for _, op := range gather(f).operations() {
		for _, p := range op.Parameters {
			for _, text := range oddities {
				if p.In == "query" {
					f.Add(uint8(2), op.Method+" "+op.Path, p.Name+"="+text)
				}
			}
		}
	}
	f.Add(uint8(1), "GET /stores", "limit=1&limit=2&cursor[]=x&;&&==&%=%")
	f.Add(uint8(4), "GET /feed", "since=x&store=y&ticket=z")
	f.Fuzz(func(t *testing.T, as uint8, named, query string) {
		c := gather(t)
		op := c.operation(named, cheap)
		r := c.request(t, as, op, c.usual(op))
		r.target += "?" + query
		if _, upgrades := op.Responses["101"]; upgrades {
			r.header = append(slices.Clone(r.header), upgrade...)
		}
		c.hold(t, r, inOneLine(query))
	})
}

// headers are what something is read from, here or by what the gateway stands on.
var headers = []string{
	"Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Forwarded",
	"Host", "Idempotency-Key", "If-Match", "If-Modified-Since", "If-None-Match", "Origin", "Prefer", "Range", "Sec-Fetch-Site", "Sec-WebSocket-Key", "Trailer",
	"Transfer-Encoding", "Upgrade", "Via", "X-Api-Key", "X-Forwarded-For", "X-Forwarded-Proto", "X-Http-Method-Override", "X-Tenant", "baggage", "traceparent", "tracestate",
}

var values = []string{
	"", "x", "*", ",", `"`, `W/"1", "2"`, "wait=10", "bearer  sp_", "Basic eA==", "gzip", "chunked", "100-continue", "bytes=0-", "http://localhost", "http://[::1", "null",
	"[::ffff:1.2.3.4%25x]:0, ,", "application/json; charset=\"", "application/json; charset=utf-16", "../accounts", "t->", "t-" + strings.Repeat("a", 10), "\x00", "\xff", "-1",
	"00-" + strings.Repeat("0", 32) + "-1-01", "a=b;c=d,=", strings.Repeat("a,", 2000), "websocket", "q=0;level=1",
}

func FuzzHeader(f *testing.F) {
	for i, name := range headers {
		for j, value := range values {
			// Each with one of the routes in turn: that all go with all is for the long run.
			for k, op := range []string{"GET /stores", "POST /stores", "PATCH /tenants/{id}", "GET /feed", "GET /engines"} {
				if (i+j+k)%5 == 0 {
					f.Add(uint8(i+j), op, name, value)
				}
			}
		}
	}
	for _, value := range values {
		f.Add(uint8(2), "GET /stores", "X-Tenant", value)
	}
	f.Fuzz(func(t *testing.T, as uint8, named, name, value string) {
		c := gather(t)
		op := c.operation(named, cheap)
		r := c.request(t, as, op, c.usual(op))
		r.header = append(slices.Clone(r.header), name+": "+value)
		// It may say that more will come, or what comes is no body.
		c.hold(t, r, false)
	})
}

func FuzzCookie(f *testing.F) {
	for _, cookies := range []string{
		"", "session", "session=", "session=x", "=x", ";", ";;;=", "session={session}", `session="{session}"`, "session=x; session={session}", "session={session}; session=x",
		"__Host-session={session}", "a=\x00; session={session}", "a=\xff;session={session}", "session={session};signin=x;device=y", "session=%00", "session=\x7f", "session=" + strings.Repeat("x", 15_000),
		strings.Repeat("session=x; ", 1000), "$Version=1; session={session}", "session={session}, session=x", "signin=" + strings.Repeat("A", 26),
	} {
		for _, op := range []string{"GET /auth/me", "PATCH /auth/me", "GET /auth/oidc/{provider}/callback", "POST /stores"} {
			f.Add(op, cookies)
		}
	}
	f.Add("POST /auth/logout", "session={session}")
	f.Add("POST /auth/login", "device=x")
	f.Fuzz(func(t *testing.T, named, cookies string) {
		c := gather(t)
		op := c.operation(named, cheap)
		r := c.request(t, 0, op, c.usual(op))
		if strings.HasSuffix(op.Path, "/callback") {
			r.target += "?code=x&state=" + strings.Repeat("A", 26)
		}
		session := strings.TrimPrefix(c.header[0], "Cookie: session=")
		r.header = []string{"Cookie: " + strings.ReplaceAll(cookies, "{session}", session), "Origin: http://localhost"}
		c.hold(t, r, inOneLine(cookies))
		if strings.Contains(cookies, "{session}") {
			c.stay(t)
			c.askers[2] = c.header
		}
	})
}
