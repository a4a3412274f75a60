// Package shop puts the sample shop together: configuration, the order log, the web server, and their
// end. Orders live in package orders, what is for sale in catalogue, the cart's cookie in cart, pages
// and API in web.
package shop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/cart"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/catalogue"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/orders"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/sign"
	"github.com/store-platform/store-platform/services/provisioner/engines/sample/image/internal/web"
)

// shutdownTime is below the pod's grace period, so that a request that hangs doesn't turn a clean end
// into a kill.
const shutdownTime = 5 * time.Second

// Run serves the shop until ctx ends, then finishes the requests that are under way.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return Serve(ctx, listener, cfg, log)
}

// Serve is Run on a listener that exists already; it closes the listener.
func Serve(ctx context.Context, listener net.Listener, cfg Config, log *slog.Logger) error {
	defer listener.Close()
	board, err := sign.Open(cfg.Sign)
	if err != nil {
		return fmt.Errorf("read sign: %w", err)
	}
	book, err := orders.Open(cfg.Data)
	if err != nil {
		return fmt.Errorf("open orders: %w", err)
	}
	defer book.Close()
	handler, err := web.New(web.Shop{
		Sign:          board.Sign,
		Catalogue:     catalogue.New(cfg.Products, cfg.Currency),
		Orders:        book,
		Carts:         cart.NewJar(cfg.CookieKey, cfg.Secure),
		AdminPassword: cfg.AdminPassword,
		Log:           log,
	})
	if err != nil {
		return fmt.Errorf("build pages: %w", err)
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	log.Info("shop open", "address", listener.Addr().String(), "orders", book.Count(), "products", cfg.Products)

	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		return errors.Join(fmt.Errorf("finish requests: %w", err), server.Close())
	}
	log.Info("shop closed", "orders", book.Count())
	return nil
}
