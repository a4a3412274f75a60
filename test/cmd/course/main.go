// course takes a store its whole course as a program of somebody else's would: it knows the gateway's address and a token, and of ours
// imports package api alone.
//
//	STORE_API=http://localhost:8080 STORE_TOKEN=sp_… go run ./test/cmd/course
//
// Without a token it is whoever the gateway takes its address for (AUTH=open). What the API says and package api doesn't know ends it.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c := &client{base: cmp.Or(os.Getenv("STORE_API"), "http://localhost:8080"), token: os.Getenv("STORE_TOKEN")}
	if err := run(ctx, c, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "course:", err)
		os.Exit(1)
	}
}

// run makes a store, and leaves none behind: what goes wrong on the way deletes it, too.
func run(ctx context.Context, c *client, out io.Writer) (err error) {
	feed, err := c.listen(ctx)
	if err != nil {
		return err
	}
	defer feed.close()
	co := &course{client: c, feed: feed, out: out}
	if err := co.create(ctx); err != nil {
		return err
	}
	defer func() {
		if gone := co.remove(context.WithoutCancel(ctx)); err == nil {
			err = gone
		}
	}()
	for _, part := range []func(context.Context) error{co.ready, co.links, co.credentials, co.logs, co.rename, co.history} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}
