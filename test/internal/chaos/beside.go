package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
)

const (
	// checkPath is where the sample engine's shops are asked for what the release before asks nobody, and illCause what one
	// says there that is ill.
	checkPath = "/check"
	illCause  = "OrdersReadOnly"
	// besideLooks are as many looks of this release's keeper at a store that is Degraded as take longer than the older one's
	// lease lives between two renewals, and than lies between two looks of its.
	besideLooks = 3
)

// check answers as a shop does that sells, or says why it doesn't.
func (c *cluster) check(w http.ResponseWriter, space string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checked[space]++
	if c.ill[space] {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(w, `{"ok":false,"cause":%q}`, illCause)
		return
	}
	fmt.Fprint(w, `{"ok":true}`)
}

func (c *cluster) fall(id store.ID, ill bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ill[id.Namespace()] = ill
}

func (c *cluster) checks(id store.ID) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.checked[id.Namespace()]
}

// Beside has a provisioner of each release run in a lab of the release before, and a store be ill in a way that only this
// release's sees: the older one doesn't contradict it again and again.
func (l *Lab) Beside(ctx context.Context) error {
	t, err := l.begin(ctx, "beside", suiteSeed)
	if err != nil {
		return err
	}
	began := time.Now()
	id, err := t.stand(ctx, 0)
	if err != nil {
		return err
	}
	newer := l.one("provisioner", 0)
	newer.become(false)
	if err := newer.Roll(ctx); err != nil {
		return err
	}
	l.cluster.fall(id, true)
	// The older one hears within that time that the stores are others' now, and may have said its word until then.
	if err := t.outlast(ctx, id); err != nil {
		return err
	}
	contradicted := t.follower.heard(id, store.Recovered)
	if err := t.outlast(ctx, id); err != nil {
		return err
	}
	if now := t.follower.heard(id, store.Recovered); now != contradicted || contradicted > 1 {
		return fmt.Errorf("store %s, ill all the time, was said to be well %d times, and %d times more", id, contradicted, now-contradicted)
	}
	l.cluster.fall(id, false)
	if err := waittest.Until(ctx, func() error { return t.is(id, store.Create, store.Ready) }); err != nil {
		return err
	}
	fmt.Fprintf(l.out, "%s: told ill and well after %s\n", t.name, brief(time.Since(began)))
	newer.become(true)
	return errors.Join(newer.Roll(ctx), t.kept())
}

// outlast waits until a store that is called Degraded was looked at so often.
func (t *turn) outlast(ctx context.Context, id store.ID) error {
	err := waittest.Until(ctx, func() error { return t.is(id, store.Create, store.Degraded) })
	if err != nil {
		return err
	}
	asked := t.cluster.checks(id)
	return waittest.Until(ctx, func() error {
		if looks := t.cluster.checks(id) - asked; looks < besideLooks {
			return fmt.Errorf("it was looked at %d times", looks)
		}
		return nil
	})
}
