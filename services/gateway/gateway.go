// Package gateway is the platform's only door: it lets requests in, turns wishes into commands on the log, asks the
// services that remember, and serves the page. Run is the whole program; cmd/store-gateway is a sentence around it.
package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/linger"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/services/gateway/internal/accounts"
	"github.com/store-platform/store-platform/services/gateway/internal/admission"
	"github.com/store-platform/store-platform/services/gateway/internal/api"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/door"
	"github.com/store-platform/store-platform/services/gateway/internal/feed"
	"github.com/store-platform/store-platform/services/gateway/internal/guard"
	"github.com/store-platform/store-platform/services/gateway/internal/health"
	"github.com/store-platform/store-platform/services/gateway/internal/known"
	"github.com/store-platform/store-platform/services/gateway/internal/limits"
	"github.com/store-platform/store-platform/services/gateway/internal/logs"
	"github.com/store-platform/store-platform/services/gateway/internal/observe"
	"github.com/store-platform/store-platform/services/gateway/internal/page"
	"github.com/store-platform/store-platform/services/gateway/internal/password"
	"github.com/store-platform/store-platform/services/gateway/internal/plain"
	"github.com/store-platform/store-platform/services/gateway/internal/reader"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

const (
	service = "store-gateway"
	// farewell bounds the goodbyes to feed clients, drain the requests that are still being answered.
	farewell = 5 * time.Second
	drain    = 10 * time.Second
	flush    = 3 * time.Second
)

// Run serves until ctx ends and everything is closed. It answers from the start, with 503 where the broker is needed,
// and fails only for what waiting can't mend: a wrong setting, a taken port, a log that is another installation's.
func Run(ctx context.Context, cfg Config) error {
	networks, err := cfg.check()
	if err != nil {
		return err
	}
	stop, err := telemetry.Start(ctx, service, cfg.Telemetry)
	if err != nil {
		return err
	}
	defer func() {
		// ctx has ended; what is left to send gets a moment of its own.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flush)
		defer cancel()
		if err := stop(ctx); err != nil {
			slog.Warn("flush telemetry", "error", err)
		}
	}()
	config.Tell(&cfg)
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen on LISTEN: %w", err)
	}
	slog.Info("serving", "address", listener.Addr().String())
	return serve(ctx, cfg, networks, listener, os.Stdout)
}

// serve runs the listener and the bus until ctx or one of them ends, then takes leave in order: clients of the feed,
// requests, the broker. It closes the listener. out is told how to become the first operator.
func serve(ctx context.Context, cfg Config, networks []netip.Prefix, listener net.Listener, out io.Writer) error {
	hub := feed.NewHub()
	b := bus.New(cfg.log(), hub.LogRemade)
	origins, err := door.ParseOrigins(cfg.CORSOrigins)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	entry := door.New(networks, cfg.hosts(), cfg.AdminKey, b.Naming)
	if cfg.Auth == authAccounts {
		entry.WithAccounts(people(b), func(cookies, host string) string { return api.CookieIn(cookies, api.SessionCookie, host) })
	}
	gateways := limits.NewGateways()
	post, err := cfg.post()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	var letters accounts.Mail
	if post != nil {
		letters = post
	}
	app, err := build(cfg, entry.Handlers(origins), b, hub, gateways.Count, letters)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	busCtx, closeBus := context.WithCancel(context.WithoutCancel(ctx))
	defer closeBus()
	listening, connected := make(chan error, 1), make(chan error, 1)
	go func() { listening <- app.Listener(linger.Over(listener)) }()
	go func() { connected <- b.Run(busCtx, cfg.joining(gateways)) }()
	var beside sync.WaitGroup
	if cfg.Auth == authAccounts {
		beside.Go(func() { greet(busCtx, cfg, b, out) })
	}
	if post != nil {
		beside.Go(func() { post.Run(busCtx) })
	}
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-connected:
		connected <- nil
	case failed = <-listening:
		listening <- nil
	}
	leave(app, hub)
	// Whoever takes leave before the app has begun to serve has it begin afterwards, and never end.
	_ = listener.Close()
	closeBus()
	beside.Wait()
	served := <-listening
	if errors.Is(served, net.ErrClosed) {
		served = nil
	}
	failed = errors.Join(failed, served, <-connected)
	gateways.Wait()
	return failed
}

// people is the directory of the log that is open.
func people(b *bus.Bus) func() (door.Directory, error) {
	return func() (door.Directory, error) {
		parts, err := b.Parts()
		if err != nil {
			return nil, err
		}
		return parts.Directory, nil
	}
}

// accountParts are what accounts are kept in on the log that is open.
func accountParts(b *bus.Bus) func() (accounts.Parts, error) {
	return func() (accounts.Parts, error) {
		parts, err := b.Parts()
		if err == nil && parts.Directory == nil {
			err = accounts.ErrOff
		}
		if err != nil {
			return accounts.Parts{}, err
		}
		return accounts.Parts{Directory: parts.Directory, Audit: parts.Audit, Guesses: parts.Guesses}, nil
	}
}

func leave(app *fiber.App, hub *feed.Hub) {
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	goodbye := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, farewell)
		defer cancel()
		goodbye <- hub.Close(ctx)
	}()
	if err := app.ShutdownWithContext(ctx); err != nil {
		slog.Warn("requests were cut off", "error", err)
	}
	if late := <-goodbye; late != nil {
		slog.Warn("feed clients were cut off", "error", late)
	}
}

// build makes the whole of what is served. letIn is the door: it says of every request who asks, or answers it. gateways is
// how many serve the same log, letters what takes mail; nil where operators read links out.
func build(cfg Config, letIn []fiber.Handler, b *bus.Bus, hub *feed.Hub, gateways func() int, letters accounts.Mail) (*fiber.App, error) {
	app := fiber.New(fiber.Config{
		AppName: "store-gateway", DisableStartupMessage: true, Immutable: true, ErrorHandler: sendProblem,
		// No route takes a form, so nobody needs one to be taken apart.
		BodyLimit: api.MaxBody, ReadBufferSize: 16 << 10, DisablePreParseMultipartForm: true,
		ReadTimeout: 20 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 75 * time.Second,
	})
	watch, err := observe.Middleware()
	if err != nil {
		return nil, err
	}
	// Whoever has sent another request behind one that is being answered is told that nobody reads it, instead of losing both.
	app.Server().CloseOnShutdown = true
	refuseMethods(app)
	letProblemsArrive(app.Server())
	app.Use(page.Headers, watch)
	for _, handler := range letIn {
		app.Use(handler)
	}
	app.Use(limits.New(limits.Requests, cfg.requests(), gateways, time.Now).Handle, plain.Handle)
	questions := reader.New(b)
	commands := limits.New(limits.Commands, cfg.commands(), gateways, time.Now)
	admit := admission.New(b, questions, cfg.MaxStores, commands, time.Now, rand.Reader)
	routes := guard.New(app, cfg.Auth == authAccounts)
	providers, err := cfg.providers()
	if err != nil {
		return nil, err
	}
	owned := accounts.New(accountParts(b), password.NewHasher(), letters, providers, accounts.Settings{SignUp: accounts.SignUp(cfg.SignUp), AdminEmails: cfg.AdminEmails})
	document := api.Mount(app, routes, cfg.PublicURL, admit, questions, b, owned, logs.New(questions, cfg.TestClockDivisor))
	if err := page.Mount(routes, document); err != nil {
		return nil, err
	}
	health.New(b, questions, cfg.Auth, cfg.EventsURL).Mount(routes)
	live, err := feed.New(b, admit, cfg.EventsURL, hub, cfg.TestClockDivisor.Of(feed.AskAgain))
	if err != nil {
		return nil, err
	}
	routes.GetAlone("/feed", rights.ReadStores, live.Handle)
	return app, guard.Whole(app)
}

// refuseMethods stands before Fiber, which answers a method that it doesn't know by itself and in plain text.
func refuseMethods(app *fiber.App) {
	known := map[string]bool{}
	for _, method := range app.Config().RequestMethods {
		known[method] = true
	}
	server := app.Server()
	routed := server.Handler
	server.Handler = func(ctx *fasthttp.RequestCtx) {
		if known[string(ctx.Method())] {
			routed(ctx)
			return
		}
		c := app.AcquireCtx(ctx)
		defer app.ReleaseCtx(c)
		if err := sendProblem(c, fiber.ErrMethodNotAllowed); err != nil {
			slog.Error("refuse a method", "error", err)
		}
	}
}

// letProblemsArrive marks the connections of requests that fasthttp gives up before it has read them.
func letProblemsArrive(server *fasthttp.Server) {
	answer := server.ErrorHandler
	server.ErrorHandler = func(ctx *fasthttp.RequestCtx, err error) {
		linger.Refused(ctx.Conn())
		answer(ctx, err)
	}
}

// sendProblem answers what goes wrong before the middlewares see it: a body or header that is too large, a request that
// can't be parsed.
func sendProblem(c *fiber.Ctx, err error) error {
	page.SetHeaders(c)
	return known.Problem(err).Send(c)
}
