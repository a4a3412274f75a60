package up

import (
	"context"
	"sync"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/kube"
)

// services builds and starts what page and API take, then builds the rest. Only a gateway that can't be built ends the
// run: there is no page then that could go on.
func (r *run) services(ctx context.Context) error {
	if err := r.build(ctx, gateway); err != nil {
		return unlessEnded(ctx, err)
	}
	r.startGateway()
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { r.announce(ctx) })
	rest := []part{
		r.started(events, func() error { r.startEvents(); return nil }),
		r.started(provisioner, nil), r.started(janitor, nil),
	}
	if r.Context == "" {
		rest = append(rest, r.started(edge, nil))
	}
	if r.persist(ctx, append(rest, r.started(imagesName, nil))...) {
		close(r.built)
	}
	return nil
}

// started is the part that builds a program and starts it, unless start is nil.
func (r *run) started(name string, start func() error) part {
	return part{name, func(ctx context.Context) error {
		err := r.build(ctx, name)
		if err == nil && start != nil {
			err = start()
		}
		return err
	}}
}

// announce says where the page is once the gateway answers, and when the API takes stores.
func (r *run) announce(ctx context.Context) {
	for _, one := range []struct{ path, words string }{
		{"/healthz", "page and API are at " + r.at.API},
		{"/readyz", "stores can be asked for"},
	} {
		if awaitHealth(ctx, r.at.API+one.path) != nil {
			return
		}
		r.Terminal.Say(gateway, "%s", one.words)
	}
}

// build builds the program of a process. The board says so of those that a cluster needs.
func (r *run) build(ctx context.Context, name string) error {
	program := programs[name]
	began := time.Now()
	there := r.builder.Has(program)
	if !there {
		r.making(name, "building "+program.Name)
	}
	path, err := r.builder.Ensure(ctx, program)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.binaries[name] = path
	r.mu.Unlock()
	r.estimate.end(name)
	if !there {
		r.Terminal.Say(name, "built in %.0f s", time.Since(began).Seconds())
	}
	return nil
}

// binary is the path of a program that was built. Programs are started again by other goroutines than those that build.
func (r *run) binary(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.binaries[name]
}

// plan finds out what there is to build, for the estimate of how long that takes.
func (r *run) plan() {
	var missing []string
	if r.Context == "" {
		missing = r.kubernetes().Unbuilt()
	}
	for name, program := range programs {
		if (name != edge || r.Context == "") && !r.builder.Has(program) {
			missing = append(missing, name)
		}
	}
	r.estimate.plan(missing)
}

// kubernetes is the builder of a cluster of our own.
func (r *run) kubernetes() kube.Builder {
	return kube.Builder{Repo: r.Repository, Cache: r.cache, Nice: true, Pack: r.images.Write}
}

// making says that a part is being made, with how far all of it is. Saying the same again says nothing.
func (r *run) making(part, message string) {
	if r.estimate.begin(part, message) {
		now := r.estimate.now()
		r.tell(now.Part, now.Message, now.Done, now.Total)
	}
}

// pulse shows how far the making is, on the board, to `local status` and below the terminal's last line, until ctx ends.
func (r *run) pulse(ctx context.Context) {
	for latest := ""; wait(ctx, pulseEvery); {
		now := r.estimate.now()
		if now.Part == "" || now.Message == latest {
			continue
		}
		latest = now.Message
		r.Terminal.Pass(now.Part, now.Message)
		r.board.say(now)
		r.describe(now.Message)
	}
}

// pulseEvery is how often somebody who looks sees it move.
const pulseEvery = 5 * time.Second
