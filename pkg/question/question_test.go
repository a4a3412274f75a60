package question_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
)

const patience = 30 * time.Second

// echo is a question that is answered with itself, unless a test has it answered otherwise.
var echo = query.Question[string, string]{By: "test", Name: "echo", Subject: "query.echo", Patience: patience}

// brief is one whose asker doesn't wait for long.
var brief = query.Question[string, string]{By: "test", Name: "brief", Subject: "query.brief", Patience: 100 * time.Millisecond}

var errUnknown = errors.New("postgres://user:password@host")

func answering(t *testing.T, nc *nats.Conn, answer func(context.Context, string) (string, error)) *question.Answering {
	t.Helper()
	a, err := question.Service{
		Name: "test", Group: "test",
		Refuse: func(error) *question.Refusal {
			return &question.Refusal{Code: question.Unavailable, Message: "not now"}
		},
	}.Start(nc, question.Answer(echo, answer), question.Answer(brief, answer))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestWhatBecomesOfAQuestionIsToldByCode(t *testing.T) {
	nc := bustest.Start(t)
	if _, err := question.Ask(t.Context(), nc, echo, ""); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("nobody listens: %v", err)
	}
	large := strings.Repeat("x", int(nc.MaxPayload()))
	a := answering(t, nc, func(_ context.Context, text string) (string, error) {
		switch text {
		case "no":
			return "", fmt.Errorf("look: %w", &question.Refusal{Code: question.NotFound, Message: "no such thing"})
		case "why":
			return "", errUnknown
		case "more":
			return large, nil
		case "most":
			return large[2:], nil
		}
		return text, nil
	})
	t.Cleanup(func() { _ = a.Stop() })
	for text, code := range map[string]string{
		"hello": "", "most": "", "no": question.NotFound, "why": question.Unavailable, "more": question.Internal,
	} {
		answer, err := question.Ask(t.Context(), nc, echo, text)
		var refusal *question.Refusal
		switch {
		case code == "" && (err != nil || answer == ""):
			t.Errorf("%s: %.20q, %v", text, answer, err)
		case code != "" && (!errors.As(err, &refusal) || refusal.Code != code || refusal.Message == ""):
			t.Errorf("%s: %v, want %s", text, err, code)
		case code != "" && strings.Contains(err.Error(), "password"):
			t.Errorf("%s is told the cause: %v", text, err)
		}
	}
	numbers := query.Question[int, int]{By: "test", Subject: echo.Subject, Patience: patience}
	var refusal *question.Refusal
	if _, err := question.Ask(t.Context(), nc, numbers, 1); !errors.As(err, &refusal) || refusal.Code != question.Invalid {
		t.Errorf("a question of another type: %v", err)
	}
}

// One that waits holds up nobody, and at the end what was begun is answered and what comes is told no at once.
func TestWhatWasBegunIsAnsweredAtTheEnd(t *testing.T) {
	nc := bustest.Start(t)
	begun, end := make(chan struct{}), make(chan struct{})
	var waiting atomic.Int32
	a := answering(t, nc, func(_ context.Context, text string) (string, error) {
		if text == "wait" {
			waiting.Add(1)
			close(begun)
			<-end
		}
		return text, nil
	})
	first := make(chan error, 1)
	go func() {
		answer, err := question.Ask(t.Context(), nc, echo, "wait")
		if err == nil && answer != "wait" {
			err = errors.New(answer)
		}
		first <- err
	}()
	<-begun
	if _, err := question.Ask(t.Context(), nc, echo, "beside"); err != nil {
		t.Errorf("beside one that waits: %v", err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- a.Stop() }()
	for {
		_, err := question.Ask(t.Context(), nc, echo, "late")
		var refusal *question.Refusal
		if errors.As(err, &refusal) && refusal.Code == question.Unavailable || errors.Is(err, nats.ErrNoResponders) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-stopped:
		t.Errorf("it stopped before the answer: %v", err)
	default:
	}
	close(end)
	if err := <-first; err != nil {
		t.Errorf("the one that was begun: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// Releases ask each other: the wire is that of package micro and bare JSON.
func TestTheWireIsPlain(t *testing.T) {
	nc := bustest.Start(t)
	a := answering(t, nc, func(_ context.Context, text string) (string, error) { return text, nil })
	t.Cleanup(func() { _ = a.Stop() })
	reply, err := nc.Request("query.echo", []byte(`"plain"`), patience)
	var text string
	if err != nil || json.Unmarshal(reply.Data, &text) != nil || text != "plain" || len(reply.Header) != 0 {
		t.Errorf("answered %+v, %v", reply, err)
	}
	if reply, err = nc.Request("query.echo", []byte("{"), patience); err != nil || reply.Header.Get("Nats-Service-Error-Code") != "400" {
		t.Errorf("refused with %+v, %v", reply, err)
	}
	subjects := append(query.Subjects(query.Remembering), query.Subjects(query.Provisioning)...)
	if got := strings.Join(subjects, " "); !strings.HasPrefix(got, "query.stores query.past query.listing") ||
		!strings.HasSuffix(got, "query.credentials query.growth query.monitoring query.logs query.logs-read.*") || query.Growth.In("eu").Subject != "query.growth.eu" ||
		query.LogsRead.At("one").In("eu").Subject != "query.logs-read.one.eu" {
		t.Errorf("asked at %s", got)
	}
}

// Who may ask a provisioner isn't who may write what a provisioner may.
func TestNothingIsAnsweredOutsideAnInbox(t *testing.T) {
	nc := bustest.Start(t)
	asked := make(chan string, 8)
	a := answering(t, nc, func(_ context.Context, text string) (string, error) {
		asked <- text
		return text, nil
	})
	t.Cleanup(func() { _ = a.Stop() })
	outside := bustest.Listen(t, nc, "outside")
	if err := nc.PublishRequest(echo.Subject, "outside", []byte(`"outside"`)); err != nil {
		t.Fatal(err)
	}
	if _, err := question.Ask(t.Context(), nc, echo, "inbox"); err != nil {
		t.Fatal(err)
	}
	// Questions are taken in their order.
	if first := <-asked; first != "inbox" {
		t.Errorf("%q was worked on", first)
	}
	if n, _, err := outside.Pending(); err != nil || n != 0 {
		t.Errorf("%d messages outside, %v", n, err)
	}
}

// Or the refusal would come to nobody.
func TestWhoAnswersGivesUpBeforeWhoAsks(t *testing.T) {
	nc := bustest.Start(t)
	until := make(chan time.Time, 1)
	a := answering(t, nc, func(ctx context.Context, text string) (string, error) {
		deadline, _ := ctx.Deadline()
		until <- deadline
		return text, nil
	})
	t.Cleanup(func() { _ = a.Stop() })
	asked := time.Now()
	if _, err := question.Ask(t.Context(), nc, echo, ""); err != nil {
		t.Fatal(err)
	}
	if within := (<-until).Sub(asked); within >= patience {
		t.Errorf("it answers within %s, and is waited for %s", within, patience)
	}
}

// Nobody waits any more for what stood behind others for too long.
func TestAQuestionThatHasWaitedTooLongMakesNoWork(t *testing.T) {
	nc := bustest.Start(t)
	begun, end, worked := make(chan struct{}), make(chan struct{}), make(chan string, 1)
	a := answering(t, nc, func(_ context.Context, text string) (string, error) {
		if text != "wait" {
			worked <- text
			return text, nil
		}
		begun <- struct{}{}
		<-end
		return text, nil
	})
	inbox := bustest.Listen(t, nc, nats.NewInbox())
	const atOnce = 256
	for range atOnce {
		if err := nc.PublishRequest(echo.Subject, nats.NewInbox(), []byte(`"wait"`)); err != nil {
			t.Fatal(err)
		}
	}
	for range atOnce {
		<-begun
	}
	if err := nc.PublishRequest(brief.Subject, inbox.Subject, []byte(`"late"`)); err != nil {
		t.Fatal(err)
	}
	if told, err := inbox.NextMsg(patience); err != nil || told.Header.Get("Nats-Service-Error-Code") != question.Unavailable {
		t.Errorf("told %+v, %v", told, err)
	}
	close(end)
	if err := a.Stop(); err != nil {
		t.Error(err)
	}
	select {
	case text := <-worked:
		t.Errorf("%q was worked on", text)
	default:
	}
}
