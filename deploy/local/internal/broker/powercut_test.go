package broker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/broker"
	"github.com/store-platform/store-platform/pkg/claim"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// acknowledged is what the broker said it had, until now.
type acknowledged struct {
	mu       sync.Mutex
	messages map[uint64]string
	claims   map[string]int
	more     chan struct{}
}

func (a *acknowledged) message(seq uint64, messageID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.messages[seq] = messageID
	select {
	case a.more <- struct{}{}:
	default:
	}
}

func (a *acknowledged) claim(tenant string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.claims[tenant]++
}

// now answers a copy.
func (a *acknowledged) now() *acknowledged {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := &acknowledged{messages: map[uint64]string{}, claims: map[string]int{}}
	for seq, messageID := range a.messages {
		c.messages[seq] = messageID
	}
	for tenant, n := range a.claims {
		c.claims[tenant] = n
	}
	return c
}

// TestAPowerCutTakesNothingThatWasAcknowledged cuts the power again and again while many write, the first time right
// after the log was made. The broker is stopped meanwhile, so that each image is the disk of one moment.
func TestAPowerCutTakesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	program, disk := program(t), newDisk(t, 64)
	running := launch(t, program, disk.dir)
	running.makeLog()
	acks, stop := running.writers()
	defer stop()
	for cut, wanted := range []int{1, 20, 60, 150, 300} {
		awaitAcks(t, acks, wanted)
		running.signal(syscall.SIGSTOP)
		image := disk.cut(t)
		then := acks.now()
		running.signal(syscall.SIGCONT)
		after := launch(t, program, image.dir)
		lost, missing := compare(t, after, then)
		t.Logf("cut %d: %d messages and %d claims acknowledged", cut, len(then.messages), len(then.claims))
		if lost > 0 || missing > 0 {
			t.Fatalf("cut %d: %d of %d acknowledged messages and the claims of %d tenants are gone", cut, lost, len(then.messages), missing)
		}
		after.kill()
	}
}

// The test above can fail: with the pause between two fsyncs that is nats-server's default, nothing is left.
func TestAPowerCutTakesWhatWasNotFsynced(t *testing.T) {
	t.Parallel()
	program, disk := program(t), newDisk(t, 64)
	running := launch(t, program, disk.dir, byDefault)
	running.makeLog()
	acks, stop := running.writers()
	defer stop()
	awaitAcks(t, acks, 20)
	running.signal(syscall.SIGSTOP)
	image := disk.cut(t)
	running.signal(syscall.SIGCONT)
	after := launch(t, program, image.dir)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := storelog.Open(ctx, after.connect(broker.Gateway)); err != nil {
		return // not even the stream
	}
	if n := len(history(t, after)); n >= 20 {
		t.Errorf("%d messages survived; the power cut isn't one", n)
	}
}

// writers begin to write, each to a store and for a tenant of its own, until they are stopped.
func (p *process) writers() (acks *acknowledged, stop func()) {
	p.t.Helper()
	acks = &acknowledged{messages: map[uint64]string{}, claims: map[string]int{}, more: make(chan struct{}, 1)}
	log := p.log(broker.Gateway)
	bucket, err := log.Bucket(p.t.Context(), storelog.BucketClaims)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(p.t.Context())
	var writing sync.WaitGroup
	for i := range 8 {
		writing.Go(func() { write(ctx, p.t, log, claim.NewBook(bucket), i, acks) })
	}
	return acks, func() { cancel(); writing.Wait() }
}

func awaitAcks(t *testing.T, acks *acknowledged, wanted int) {
	t.Helper()
	bound := time.After(patience)
	for len(acks.now().messages) < wanted {
		select {
		case <-acks.more:
		case <-bound:
			t.Fatalf("%d messages in %s", len(acks.now().messages), patience)
		}
	}
}

func write(ctx context.Context, t *testing.T, log *storelog.Log, book *claim.Book, i int, acks *acknowledged) {
	var state store.State
	tenant, which := fmt.Sprint("tenant ", i), store.DeriveID("writer", fmt.Sprint(i))
	for n := 0; ctx.Err() == nil; n++ {
		m := store.Message{
			ID: fmt.Sprintf("%d of %d", n, i), Type: store.CredentialsViewed, Store: which, Tenant: tenant, Actor: "test",
			Generation: state.Generation, Time: time.Now(),
		}
		if n == 0 {
			m.Type, m.Facts.Spec = store.CreateCommand, &store.Spec{Name: "n", Engine: "sample"}
		}
		next, err := log.Append(ctx, state, m)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			t.Errorf("append: %v", err)
			return
		}
		state = next
		acks.message(state.Version, m.ID)
		if _, err := book.Claim(ctx, tenant, store.DeriveID(tenant, fmt.Sprint(n)), 1000, time.Now()); err == nil {
			acks.claim(tenant)
		}
	}
}

// compare counts the acknowledged messages that aren't at their place, and the tenants who miss claims.
func compare(t *testing.T, running *process, then *acknowledged) (lost, missing int) {
	t.Helper()
	log := running.log(broker.Gateway)
	if log.Installation() != "one" {
		t.Errorf("the log is %q's", log.Installation())
	}
	have := history(t, running)
	for seq, messageID := range then.messages {
		if have[seq] != messageID {
			lost++
		}
	}
	bucket, err := log.Bucket(t.Context(), storelog.BucketClaims)
	if err != nil {
		t.Fatal(err)
	}
	for tenant, n := range then.claims {
		if held, err := claim.NewBook(bucket).Held(t.Context(), tenant); err != nil {
			t.Fatal(err)
		} else if len(held) < n {
			missing++
		}
	}
	return lost, missing
}

var errEnd = errors.New("the end of the log")

// history reads the id of every message, as the one who may follow the log; each decodes, and none is missing in between.
func history(t *testing.T, p *process) map[uint64]string {
	t.Helper()
	log := p.log(broker.Events)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	have := map[uint64]string{}
	head, err := log.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if head == 0 {
		return have
	}
	err = log.Tail(ctx, 0, func(raw storelog.Raw) error {
		entry, err := raw.Entry()
		if err != nil {
			return err
		}
		if raw.Seq != uint64(len(have)+1) {
			return fmt.Errorf("message %d follows %d", raw.Seq, len(have))
		}
		have[raw.Seq] = entry.Message.ID
		if raw.Seq == head {
			return errEnd
		}
		return nil
	})
	if !errors.Is(err, errEnd) {
		t.Fatal(err)
	}
	return have
}

// byDefault is how nats-server writes unless it is told otherwise.
func byDefault(text []byte) []byte {
	return bytes.Replace(text, []byte(`"sync_interval": "always"`), []byte(`"sync_interval": "2m"`), 1)
}
