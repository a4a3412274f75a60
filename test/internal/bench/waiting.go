package bench

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

// askedAim is how many messages a second may be sent to the broker while stores wait for a cluster.
const askedAim = 500

// manyWaiting measures two provisioners without a cluster, for which as many stores wait.
func manyWaiting(b *bench) {
	few := b.waiting(1)
	for _, size := range b.sizes.standing {
		many := b.waiting(size)
		b.report(line{
			what:     fmt.Sprintf("%d stores waiting for a cluster: broker", size),
			platform: perSecond(many.asked), bare: perSecond(few.asked), ratio: many.asked / few.asked,
			aim: fmt.Sprintf("< %d/s", askedAim), met: many.asked < askedAim,
			how: fmt.Sprintf("messages that clients sent to it (it sent them %s) in the second half of %s, while two provisioners kept "+
				"%.2f+%.2f cores busy; against one store that waits", perSecond(many.told), b.sizes.waitingFor(size), many.cores[0], many.cores[1]),
		})
	}
}

// waitingFor is how long stores wait: in its second half pauses are as long as they get.
func (s sizes) waitingFor(size int) time.Duration {
	if size < slices.Max(s.standing) {
		return s.standingFor / 2
	}
	return s.standingFor
}

// nowhere is a kubeconfig that leads to a port on which nobody listens.
const nowhere = `apiVersion: v1
kind: Config
clusters: [{name: nowhere, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: nobody, user: {token: none}}]
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
current-context: nowhere
`

// waiting measures so many stores that were asked for where nobody listens at the API server's address.
func (b *bench) waiting(size int) measured {
	b.Helper()
	defer b.cleanUp()
	f := b.emptyFleet()
	for n := range size {
		f.ids = append(f.ids, store.DeriveID(installationOfFleet, fmt.Sprint(n)))
	}
	f.run(whileLoading)
	log := f.openLog()
	b.must("ask for a store", f.each(f.ids, func(ctx context.Context, n int, id store.ID) error {
		_, err := log.Append(ctx, store.State{}, create(openTenant, id, n))
		return err
	}))
	f.run(whileMeasuring)
	hands := f.startHands([]byte(nowhere))
	half := b.sizes.waitingFor(size) / 2
	b.Logf("%d stores wait for a cluster, for %s", size, 2*half)
	b.pause(half)
	before := f.read(hands)
	b.pause(half)
	m := f.read(hands).since(before)
	for _, p := range hands {
		p.Stop(syscall.SIGTERM, stopPatience)
	}
	return m
}
