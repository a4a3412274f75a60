package mail

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/store-platform/store-platform/pkg/waittest"
)

// office is a mail server.
type office struct {
	address string
	// trust is what its certificate is known by.
	trust *tls.Config
	got   chan received
	// refuse is how it answers a recipient, until it is changed; nil takes all.
	refuse atomic.Pointer[smtp.SMTPError]
}

type received struct {
	user, to string
	message  *netmail.Message
	body     string
}

func opened(t *testing.T) *office {
	t.Helper()
	// Only for its certificate, which is good for this address.
	web := httptest.NewTLSServer(nil)
	t.Cleanup(web.Close)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	trust := web.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	o := &office{address: listener.Addr().String(), trust: trust, got: make(chan received, 10)}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{office: o}, nil }))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return o
}

type session struct {
	office   *office
	user, to string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "pass word" {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	if refuse := s.office.refuse.Load(); refuse != nil {
		return refuse
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	message, err := netmail.ReadMessage(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(quotedprintable.NewReader(message.Body))
	s.office.got <- received{s.user, s.to, message, string(body)}
	return err
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func posted(t *testing.T, o *office) *Post {
	t.Helper()
	page, err := url.Parse("https://stores.example/")
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{Server: "smtps://agent:pass%20word@" + o.address, From: "Stores <stores@example.com>", Page: page})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.client.SetTLSConfig(o.trust); err != nil {
		t.Fatal(err)
	}
	return p
}

// next is the letter that came next.
func (o *office) next(t *testing.T) received {
	t.Helper()
	select {
	case got := <-o.got:
		return got
	case <-time.After(waittest.Patience()):
		t.Fatal("no letter came")
		return received{}
	}
}

// runs has a post deliver until the test ends.
func runs(t *testing.T, p *Post) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

func TestEachLetterArrives(t *testing.T) {
	o := opened(t)
	p := posted(t, o)
	runs(t, p)
	for _, kind := range Kinds {
		withLink := kind == VerifyEmail || kind == ResetPassword || kind == Invited
		l := Letter{Kind: kind, To: "somebody@example.org", Life: 48 * time.Hour, Tenant: "Näh & Co"}
		if withLink {
			l.Secret = "SECRET" + string(kind)
		}
		p.Send(l)
		got := o.next(t)
		if got.user != "agent" || got.to != l.To || got.message.Header.Get("From") != `"Stores" <stores@example.com>` {
			t.Errorf("%s: by %s to %s from %s", kind, got.user, got.to, got.message.Header.Get("From"))
		}
		if got.message.Header.Get("Subject") == "" || got.message.Header.Get("Auto-Submitted") == "" || got.message.Header.Get("Message-Id") == "" {
			t.Errorf("%s: %v", kind, got.message.Header)
		}
		if link := "https://stores.example/#" + string(kind) + "=SECRET" + string(kind); strings.Contains(got.body, link) != withLink {
			t.Errorf("%s has its link: %v, want %v:\n%s", kind, !withLink, withLink, got.body)
		}
		if !strings.Contains(got.body, "https://stores.example/") || strings.Contains(got.body, "{{") {
			t.Errorf("%s:\n%s", kind, got.body)
		}
	}
}

// A name is a tenant's own, and whoever made it up would write headers by it.
func TestNobodyWritesHeaders(t *testing.T) {
	o := opened(t)
	p := posted(t, o)
	runs(t, p)
	p.Send(Letter{Kind: Invited, To: "somebody@example.org", Secret: "x", Life: time.Hour, Tenant: "A\r\nBcc: all@example.net\r\n\r\nB"})
	got := o.next(t)
	if got.message.Header.Get("Bcc") != "" || got.to != "somebody@example.org" {
		t.Errorf("to %s, headers %v", got.to, got.message.Header)
	}
}

// A server that can't now is asked again, and one that won't isn't; neither addresses nor links are told to the log.
func TestWhatIsRefused(t *testing.T) {
	var said bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&said, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	o := opened(t)
	p := posted(t, o)
	l := Letter{Kind: VerifyEmail, To: "somebody@example.org", Secret: "SECRET", Life: time.Hour}
	o.refuse.Store(&smtp.SMTPError{Code: 451, Message: "later, somebody@example.org"})
	if err := p.hand(t.Context(), l); err == nil || strings.Contains(err.Error(), "somebody") {
		t.Errorf("a server that can't now: %v", err)
	}
	o.refuse.Store(&smtp.SMTPError{Code: 550, Message: "no somebody@example.org here"})
	err := p.hand(t.Context(), l)
	if !errors.Is(err, errForGood) || strings.Contains(err.Error(), "somebody") || !strings.Contains(err.Error(), "550") {
		t.Errorf("a server that won't: %v", err)
	}
	p.Send(l)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.Run(ctx)
	if text := said.String(); strings.Contains(text, "somebody") || strings.Contains(text, "SECRET") || !strings.Contains(text, "verify") {
		t.Errorf("the log says %q", text)
	}
}

// One whom the server won't have for now keeps nobody else waiting, and is tried again.
func TestARefusedLetterHoldsNobodyUp(t *testing.T) {
	o := opened(t)
	p := posted(t, o)
	o.refuse.Store(&smtp.SMTPError{Code: 451, Message: "later"})
	w := waiting{Letter: Letter{Kind: PasswordChanged, To: "first@example.org"}, since: time.Now()}
	p.try(t.Context(), w)
	o.refuse.Store(nil)
	runs(t, p)
	p.Send(Letter{Kind: PasswordChanged, To: "second@example.org"})
	if got := o.next(t); got.to != "second@example.org" {
		t.Errorf("the first to come is for %s", got.to)
	}
	if got := o.next(t); got.to != "first@example.org" {
		t.Errorf("the second to come is for %s", got.to)
	}
}

// What waits when the gateway ends is still sent.
func TestTheLastLettersAreSent(t *testing.T) {
	o := opened(t)
	p := posted(t, o)
	for range 3 {
		p.Send(Letter{Kind: PasswordChanged, To: "somebody@example.org"})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.Run(ctx)
	if len(o.got) != 3 {
		t.Errorf("%d of 3 letters came", len(o.got))
	}
}

// Whoever signs up isn't made to wait for a mail server, or to learn by that whether there was anybody to write to.
func TestAFullQueueHoldsNobodyUp(t *testing.T) {
	p := posted(t, opened(t))
	synctest.Test(t, func(*testing.T) {
		for range room + 1 {
			p.Send(Letter{Kind: PasswordChanged})
		}
	})
}

func TestWrongSettingsAreNamedWithoutTheirPassword(t *testing.T) {
	for server, want := range map[string]string{
		"":                                "SMTP_URL",
		"http://mail.example":             "SMTP_URL",
		"smtp://user:pass word@":          "SMTP_URL",
		"smtp://user:secret@\x7f/":        "SMTP_URL",
		"smtps://user:secret@mail:465000": "SMTP_URL",
	} {
		_, err := New(Config{Server: server, From: "stores@example.com", Page: &url.URL{}})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "pass word") {
			t.Errorf("%q: %v", server, err)
		}
	}
	if _, err := New(Config{Server: "smtp://mail.example", From: "nobody", Page: &url.URL{}}); err == nil || !strings.Contains(err.Error(), "MAIL_FROM") {
		t.Errorf("a sender that is none: %v", err)
	}
}

// Without TLS a password goes to whoever listens.
func TestOnlyTheMachineItselfIsSpokenToInClear(t *testing.T) {
	for server, inClear := range map[string]bool{
		"smtp://mail.example": false, "smtps://mail.example": false, "smtp://127.0.0.1": true, "smtp://[::1]:25": true, "smtp://localhost": true,
		"smtps://localhost": false, "smtp://127.0.0.1.mail.example": false,
	} {
		p, err := New(Config{Server: server, From: "stores@example.com", Page: &url.URL{}})
		if err != nil {
			t.Fatal(err)
		}
		secure := p.client.TLSPolicy() == "TLSMandatory" || strings.HasPrefix(server, "smtps")
		if secure == inClear {
			t.Errorf("%s: %s", server, p.client.TLSPolicy())
		}
	}
}
