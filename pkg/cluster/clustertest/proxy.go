package clustertest

import (
	"bytes"
	"context"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/store-platform/store-platform/pkg/store"
)

// Proxy stands between one process and the API server, on TLS and HTTP/2 like the API server itself, and puts every
// request into the hands of its test. Until Each is called it passes everything on.
type Proxy struct {
	api    *API
	server *httptest.Server
	relay  *httputil.ReverseProxy
	each   atomic.Pointer[func(*Call)]
}

// NewProxy listens until the test ends.
func (a *API) NewProxy(t testing.TB) *Proxy {
	t.Helper()
	target, err := url.Parse(a.Config.Host)
	if err != nil {
		t.Fatalf("read the API server's address: %v", err)
	}
	// Without the administrator's credentials: who asks brings a token of its own.
	transport, err := rest.TransportFor(rest.AnonymousClientConfig(a.Config))
	if err != nil {
		t.Fatalf("build the proxy's transport: %v", err)
	}
	p := &Proxy{api: a, relay: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: transport,
		// A watch is passed on event by event.
		FlushInterval: -1,
		// What is cut on purpose is no news.
		ErrorLog:     slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}}
	p.server = httptest.NewUnstartedServer(p)
	p.server.EnableHTTP2 = true
	p.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	p.server.StartTLS()
	t.Cleanup(func() {
		// Watches never end by themselves.
		p.server.CloseClientConnections()
		p.server.Close()
	})
	return p
}

// Each has every request from now on handled by do, which is called from many goroutines and returns when the request
// has its answer. nil passes everything on again.
func (p *Proxy) Each(do func(*Call)) {
	if do == nil {
		p.each.Store(nil)
		return
	}
	p.each.Store(&do)
}

// CutConnections breaks everything that is under way, watches too.
func (p *Proxy) CutConnections() { p.server.CloseClientConnections() }

// Kubeconfig writes the kubeconfig of a service account that leads through the proxy, and returns its path.
func (p *Proxy) Kubeconfig(t testing.TB, account string) string {
	t.Helper()
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw})
	return p.api.kubeconfig(t, account, &clientcmdapi.Cluster{Server: p.server.URL, CertificateAuthorityData: own})
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	do := p.each.Load()
	if do == nil {
		p.relay.ServeHTTP(w, r)
		return
	}
	// The whole request, so that it can still be executed when its sender has ended.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	(*do)(&Call{Request: r, proxy: p, writer: w, body: body})
}

// Call is one request on its way. A handler calls exactly one of its methods that answer: Forward, Refuse or Cut;
// Execute and Interrupt come before Cut.
type Call struct {
	Request *http.Request

	proxy  *Proxy
	writer http.ResponseWriter
	body   []byte
}

// Store is whose request it is; empty for what isn't about one store: watches, discovery, readiness.
func (c *Call) Store() store.ID {
	where := []byte(c.Request.URL.Path)
	if c.Request.Method == http.MethodPost && path.Base(c.Request.URL.Path) == "namespaces" {
		// Whatever the body's encoding, nothing before the name looks like one.
		where = c.body
	}
	found := namespaceOfStore.FindSubmatch(where)
	if found == nil {
		return ""
	}
	return store.ID(found[1])
}

var namespaceOfStore = regexp.MustCompile(`\bstore-([a-z][a-z0-9]{11})\b`)

// Writes says whether the request changes anything.
func (c *Call) Writes() bool {
	return c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead
}

// String names the request without the store: two stores' requests of the same kind have the same name.
func (c *Call) String() string {
	where := c.Request.URL.Path
	if id := c.Store(); id != "" {
		where = strings.ReplaceAll(where, id.Namespace(), "NAMESPACE")
	}
	return c.Request.Method + " " + where
}

// Forward passes the request on, and its answer back. It returns the answer's status.
func (c *Call) Forward() int {
	answer := &statusWriter{ResponseWriter: c.writer}
	c.relay(c.Request.Context(), answer)
	return answer.status
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets a watch be flushed.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Execute passes the request on whether or not its sender still lives, and keeps the answer. It returns the status.
func (c *Call) Execute() int {
	kept := httptest.NewRecorder()
	c.relay(context.WithoutCancel(c.Request.Context()), kept)
	return kept.Code
}

// Interrupt sends the request to the API server and takes it back at once, as a sender does that ends at that moment:
// what has become of it then nobody knows. meanwhile is called in between.
func (c *Call) Interrupt(meanwhile func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.Request.Context()))
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) {
		meanwhile()
		cancel()
	}})
	defer func() { _ = recover() }()
	c.relay(ctx, httptest.NewRecorder())
}

// Refuse answers as an API server does that can't: with a Status.
func (c *Call) Refuse(code int, header http.Header, status string) {
	for name, values := range header {
		c.writer.Header()[name] = values
	}
	c.writer.Header().Set("Content-Type", "application/json")
	c.writer.WriteHeader(code)
	_, _ = io.WriteString(c.writer, status)
}

// Cut ends the request without an answer. It doesn't return.
func (c *Call) Cut() { panic(http.ErrAbortHandler) }

func (c *Call) relay(ctx context.Context, w http.ResponseWriter) {
	r := c.Request.Clone(ctx)
	r.Body = io.NopCloser(bytes.NewReader(c.body))
	c.proxy.relay.ServeHTTP(w, r)
}
