package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/store-platform/store-platform/pkg/api"
)

// course is one store's.
type course struct {
	*client
	feed  *live
	out   io.Writer
	store api.Store
}

func (c *course) say(format string, args ...any) { fmt.Fprintf(c.out, format+"\n", args...) }

// create asks twice, as who has lost the first answer does.
func (c *course) create(ctx context.Context) error {
	wish, key := api.CreateStore{Name: "A whole course", Engine: "sample", TTL: "1h"}, rand.Text()
	for _, told := range []*api.Store{&c.store, {}} {
		if _, err := c.ask(ctx, http.MethodPost, "/stores", wish, told, "Idempotency-Key", key); err != nil {
			return fmt.Errorf("create a store: %w", err)
		}
		if told.ID != c.store.ID {
			return fmt.Errorf("one key made the stores %s and %s", c.store.ID, told.ID)
		}
	}
	c.say("created %s", c.store.ID)
	return nil
}

// ready waits until the shop has answered.
func (c *course) ready(ctx context.Context) error {
	ended, err := c.feed.until(ctx, c.store.ID, func(s api.Store) bool { return s.Operation == "" })
	if err != nil {
		return err
	}
	if ended.Status != api.Ready {
		return fmt.Errorf("the store is %s: %s", ended.Status, ended.Message)
	}
	c.say("it is %s", ended.Status)
	return nil
}

func (c *course) links(ctx context.Context) error {
	var told api.LinkList
	if _, err := c.ask(ctx, http.MethodGet, "/stores/"+c.store.ID+"/links", nil, &told); err != nil {
		return fmt.Errorf("read the links: %w", err)
	}
	for _, link := range told.Links {
		c.say("%s: %s", link.Title, link.URL)
	}
	return nil
}

// credentials says for what there are passwords, and none of them.
func (c *course) credentials(ctx context.Context) error {
	var told api.CredentialList
	if _, err := c.ask(ctx, http.MethodGet, "/stores/"+c.store.ID+"/credentials", nil, &told); err != nil {
		return fmt.Errorf("read the passwords: %w", err)
	}
	for _, credential := range told.Credentials {
		c.say("a password for %s, of %d characters", credential.Title, len(credential.Password))
	}
	return nil
}

// logs says the last lines of what the shop's containers write.
func (c *course) logs(ctx context.Context) error {
	answer, err := c.send(ctx, http.MethodGet, "/stores/"+c.store.ID+"/logs?tail=2", nil)
	if err != nil {
		return fmt.Errorf("read the logs: %w", err)
	}
	defer answer.Body.Close()
	for line, err := range api.Logs(answer.Body) {
		if err != nil {
			return err
		}
		c.say("%s says %q", line.Container, line.Line)
	}
	return nil
}

// rename changes the store as it was read, and then once more as it was before that, which is refused.
func (c *course) rename(ctx context.Context) error {
	path := "/stores/" + c.store.ID
	read, err := c.ask(ctx, http.MethodGet, path, nil, &api.Store{})
	if err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	for i, name := range []string{"A whole course, renamed", "Too late"} {
		_, err := c.ask(ctx, http.MethodPatch, path, api.ChangeStore{Name: &name}, &c.store, "If-Match", read.Header.Get("ETag"))
		var refused *api.Problem
		switch stale := i > 0; {
		case stale && !(errors.As(err, &refused) && refused.Code == "changed" && refused.Current != nil && refused.Current.Name == c.store.Name):
			return fmt.Errorf("a change of what has changed since is answered %w", err)
		case !stale && err != nil:
			return fmt.Errorf("rename the store: %w", err)
		}
	}
	c.say("it is called %q", c.store.Name)
	return nil
}

func (c *course) history(ctx context.Context) error {
	for after, more := uint64(0), true; more; {
		var page api.EventList
		path := fmt.Sprintf("/stores/%s/events?limit=5&after=%d", c.store.ID, after)
		if _, err := c.ask(ctx, http.MethodGet, path, nil, &page); err != nil {
			return fmt.Errorf("read the history: %w", err)
		}
		for _, event := range page.Events {
			c.say("%d %s %s", event.Seq, event.Type, event.Facts.Step)
		}
		after, more = page.Next, page.Next != 0
	}
	return nil
}

func (c *course) remove(ctx context.Context) error {
	if _, err := c.ask(ctx, http.MethodDelete, "/stores/"+c.store.ID, nil, &api.Store{}); err != nil {
		return fmt.Errorf("delete the store: %w", err)
	}
	if _, err := c.feed.until(ctx, c.store.ID, func(s api.Store) bool { return s.Status == api.Deleted }); err != nil {
		return err
	}
	c.say("it is deleted")
	return nil
}
