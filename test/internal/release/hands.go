package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/work"
)

// What becomes of a store is told by its name; one with any other name becomes Ready.
const (
	staysFailed = "Stays failed"
	failsOnce   = "Fails once"
	triesAgain  = "Tries again"
	isYielded   = "Is yielded"
	isOvertaken = "Is overtaken"
	isHalfGone  = "Is half gone"
	isPutAway   = "Is put away"
	isMended    = "Is being mended"
	mendFails   = "Can't be mended"
)

// stuckSteps are where the script keeps a store until its worker is told to stop.
var stuckSteps = map[string]string{isYielded: "release", isOvertaken: "release", isHalfGone: "claims"}

// hand does nothing to any cluster.
type hand struct {
	waiting *atomic.Bool
	// scripted keeps to the script; otherwise everything goes well.
	scripted bool
	claims   *claim.Book
}

func (h *hand) Available(context.Context, store.State) error {
	if h.waiting.Load() {
		return &work.Waiting{Reason: "ClusterNotReady", Message: "The cluster can't be reached.", Err: errors.New("connection refused")}
	}
	return nil
}

func (h *hand) Operation(s store.State, _ *work.Trust) (work.Operation, error) {
	names := []string{"namespace", "isolation", "credentials", "release", "workloads", "http"}
	finish := func() (store.Type, store.Facts) {
		return store.BecameReady, store.Facts{URL: fmt.Sprintf("http://%s.localhost:8088", s.ID.Namespace()), Via: "ingress"}
	}
	if s.Verb == store.Delete {
		names = []string{"namespace", "claims"}
		finish = func() (store.Type, store.Facts) { return store.BecameDeleted, store.Facts{} }
	}
	op := work.Operation{Finish: finish}
	for _, name := range names {
		op.Steps = append(op.Steps, work.Step{
			Name:  name,
			Done:  func(context.Context) (bool, error) { return slices.Contains(s.Steps, name) && name != "claims", nil },
			Apply: func(ctx context.Context, tell work.Tell) error { return h.apply(ctx, s, name, tell) },
		})
	}
	return op, nil
}

func (h *hand) apply(ctx context.Context, s store.State, step string, tell work.Tell) error {
	if h.scripted {
		if err := script(ctx, s, step, tell); err != nil {
			return err
		}
	}
	if step == "claims" {
		return h.claims.Release(ctx, s.Tenant, s.ID)
	}
	return nil
}

func script(ctx context.Context, s store.State, step string, tell work.Tell) error {
	name := s.Spec.Name
	mending := s.Verb == store.Mend
	fails := name == staysFailed || name == isPutAway || name == failsOnce && s.Verb == store.Create || name == mendFails && mending
	switch {
	case stuckSteps[name] == step, name == isMended && mending && step == "release":
		<-ctx.Done()
		return ctx.Err()
	case step == "workloads" && name == triesAgain:
		tell("fetching images")
		return &work.Transient{
			Reason: "ImagePullBackOff", Message: "An image can't be fetched.", Err: errors.New("Back-off pulling image"),
		}
	case step == "release" && s.Verb != store.Delete && fails:
		return &work.Permanent{
			Reason: "ImageNotFound", Message: "An image of the store doesn't exist.", Err: errors.New(`pull "shop:0": not found`),
		}
	}
	return nil
}

// credentials are what opens the shop that nobody has made.
func credentials(_ context.Context, asked query.CredentialsRequest) (query.CredentialsReply, error) {
	return query.CredentialsReply{Credentials: []query.Credential{
		{Name: "admin", Title: "Orders", Username: "admin", Password: "of " + string(asked.Store)},
	}}, nil
}

// logs are a line of a shop's that nobody has made.
func logs(context.Context, query.LogsRequest) (query.LogsReply, error) {
	line, err := json.Marshal(query.LogLine{At: time.Now(), Pod: "shop-0", Container: "shop", Line: "open"})
	return query.LogsReply{Frame: query.LogsFrame{Lines: append(line, '\n'), Done: true}}, err
}

// Workers are both hands on the log, as they run in one process each.
type Workers struct {
	waiting atomic.Bool
	stop    context.CancelFunc
	ended   sync.WaitGroup
	conns   []*nats.Conn
	// answering is the provisioner's, of which only passwords and logs are asked.
	answering *question.Answering
}

// Work starts both hands with the real loop of the tree, on the durable consumers that the services use. Everything goes
// well in their hands.
func (in *Installation) Work(ctx context.Context) (*Workers, error) { return in.work(ctx, false) }

func (in *Installation) work(ctx context.Context, scripted bool) (*Workers, error) {
	ctx, stop := context.WithCancel(ctx)
	w := &Workers{stop: stop}
	for name, commands := range map[string]func(string) string{"provisioner": storelog.ApplyCommands, "janitor": storelog.DeleteCommands} {
		if err := w.start(ctx, in, name, commands, scripted); err != nil {
			w.Stop()
			return nil, fmt.Errorf("start the %s's loop: %w", name, err)
		}
	}
	return w, nil
}

func (w *Workers) start(ctx context.Context, in *Installation, name string, commands func(string) string, scripted bool) error {
	nc, err := in.broker.Dial(name)
	if err != nil {
		return err
	}
	w.conns = append(w.conns, nc)
	log, err := storelog.Open(ctx, nc)
	if err != nil {
		return err
	}
	h := &hand{waiting: &w.waiting, scripted: scripted}
	if name == "provisioner" {
		service := question.Service{Name: query.Provisioning, Group: micro.DefaultQueueGroup, Refuse: func(error) *question.Refusal { return &question.Refusal{Code: question.Unavailable} }}
		w.answering, err = service.Start(nc, question.Answer(query.Credentials.In(store.DefaultCluster), credentials), question.Answer(query.Logs.In(store.DefaultCluster), logs))
		if err != nil {
			return err
		}
	}
	if name == "janitor" {
		kv, err := log.Bucket(ctx, storelog.BucketClaims)
		if err != nil {
			return err
		}
		h.claims = claim.NewBook(kv)
	}
	worker, err := work.New(ctx, log, h, work.Config{Name: name, Commands: commands, Slots: 8, Holder: name + "-of-a-release"})
	if err != nil {
		return err
	}
	w.ended.Go(func() { _ = worker.Run(ctx) })
	return nil
}

// Stop ends both as SIGTERM does: what they are in the middle of is yielded.
func (w *Workers) Stop() {
	w.stop()
	w.ended.Wait()
	if w.answering != nil {
		_ = w.answering.Stop()
	}
	for _, nc := range w.conns {
		nc.Close()
	}
}

// OpenLog is the reader's way to the log. The caller calls what comes with it when it is done.
func (in *Installation) OpenLog(ctx context.Context) (*storelog.Log, func(), error) {
	nc, err := in.broker.Dial("events")
	if err != nil {
		return nil, nil, err
	}
	log, err := storelog.Open(ctx, nc)
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return log, nc.Close, nil
}
