package edge

import (
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"sync/atomic"
	"time"
)

// Bounds of one request's way to a pod. There is none on the whole: downloads take long.
const (
	dialTimeout   = 5 * time.Second
	headerTimeout = 60 * time.Second
	idleTimeout   = 90 * time.Second
)

// healthPath answers whether the door knows its routes, on hosts that no store has.
const healthPath = "/healthz"

// Door is the HTTP side: it looks every request up in the newest table.
type Door struct {
	table atomic.Pointer[Table]
	proxy *httputil.ReverseProxy
	pause time.Duration
	log   *slog.Logger
}

// NewDoor makes a door that knows no routes yet and answers 503 until it does.
func NewDoor(log *slog.Logger) *Door {
	d := &Door{log: log, pause: bodyPause}
	d.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			// The shop is told the host that its customer typed: links and cookies depend on it.
			r.Out.URL.Scheme, r.Out.URL.Host = r.In.URL.Scheme, r.In.URL.Host
			r.SetXForwarded()
		},
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
			ResponseHeaderTimeout: headerTimeout,
			IdleConnTimeout:       idleTimeout,
			MaxIdleConnsPerHost:   16,
			DisableCompression:    true,
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return d
}

// Use makes table the one that requests are looked up in from now on.
func (d *Door) Use(table *Table) { d.table.Store(table) }

// ServeHTTP sends a request to a ready pod of the store that its host names.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	table := d.table.Load()
	if table == nil {
		page(w, http.StatusServiceUnavailable, starting, r.Host)
		return
	}
	if r.URL.Path == healthPath && !table.Known(r.Host) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
		return
	}
	target, known := table.Find(r.Host, r.URL.Path)
	switch {
	case !known:
		page(w, http.StatusNotFound, unknown, r.Host)
	case target == nil:
		page(w, http.StatusServiceUnavailable, unready, r.Host)
	default:
		r.URL.Scheme, r.URL.Host = target.Scheme, target.Host
		d.forward(w, r)
	}
}

// forward is the proxy with an eye on the client: one that stops sending is cut off, whatever the pod thinks of it.
func (d *Door) forward(w http.ResponseWriter, r *http.Request) {
	body := newSending(w, r, d.pause)
	r.Body = body
	proxy := *d.proxy
	proxy.ModifyResponse = body.answer
	proxy.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) {
		if body.paused(r.Context()) {
			w.Header().Set("Connection", "close")
			page(w, http.StatusRequestTimeout, late, r.Host)
			return
		}
		d.failed(w, r, err)
	}
	proxy.ServeHTTP(w, r)
	if err := body.finish(); err != nil {
		d.log.Debug("leave a client that is still sending", "host", r.Host, "error", err)
	}
}

func (d *Door) failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return
	}
	d.log.Warn("reach a store's pod", "host", r.Host, "pod", r.URL.Host, "error", err)
	page(w, http.StatusBadGateway, silent, r.Host)
}

// words are what a page says.
type words struct{ Title, Text string }

var (
	starting = words{"The door is opening", "The routes to the stores are being read. Try again in a moment."}
	unknown  = words{"No store lives here", "No store has this address. It may not be ready yet, or be gone."}
	unready  = words{"The store isn't open right now", "None of its pods is ready. If it was just created or changed, try again in a moment."}
	late     = words{"Your request didn't arrive", "It stopped on its way here. Try again."}
	silent   = words{"The store doesn't answer", "Its pod was there a moment ago and took no connection. Try again in a moment."}
)

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Title}}</title>
<style>:root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:18vh auto;padding:0 1.5rem}h1{font-size:1.6rem}code{font-size:.95em;overflow-wrap:anywhere}</style>
<h1>{{.Title}}</h1><p>{{.Text}}</p><p><code>{{.Host}}</code></p>
</html>
`))

func page(w http.ResponseWriter, status int, say words, host string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
	w.WriteHeader(status)
	_ = pageTemplate.Execute(w, struct {
		words
		Host string
	}{say, host})
}
