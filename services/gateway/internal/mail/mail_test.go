package mail

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/store-platform/store-platform/pkg/mailtest"
)

func posted(t *testing.T, o *mailtest.Office) *Post {
	t.Helper()
	page, err := url.Parse("https://stores.example/")
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{Server: "smtps://agent:" + url.PathEscape(mailtest.Password) + "@" + o.Address, From: "Stores <stores@example.com>", Page: page})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.client.SetTLSConfig(o.Trust); err != nil {
		t.Fatal(err)
	}
	return p
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
	o := mailtest.OpenSecure(t)
	p := posted(t, o)
	runs(t, p)
	for _, kind := range Kinds {
		withLink := kind == VerifyEmail || kind == ResetPassword || kind == Invited
		l := Letter{Kind: kind, To: "somebody@example.org", Life: 48 * time.Hour, Tenant: "Näh & Co"}
		if withLink {
			l.Secret = "SECRET" + string(kind)
		}
		p.Send(l)
		got := o.Next(t)
		if got.User != "agent" || got.To != l.To || got.Header.Get("From") != `"Stores" <stores@example.com>` {
			t.Errorf("%s: by %s to %s from %s", kind, got.User, got.To, got.Header.Get("From"))
		}
		if got.Header.Get("Subject") == "" || got.Header.Get("Auto-Submitted") == "" || got.Header.Get("Message-Id") == "" {
			t.Errorf("%s: %v", kind, got.Header)
		}
		if link := "https://stores.example/#" + string(kind) + "=SECRET" + string(kind); strings.Contains(got.Body, link) != withLink {
			t.Errorf("%s has its link: %v, want %v:\n%s", kind, !withLink, withLink, got.Body)
		}
		if !strings.Contains(got.Body, "https://stores.example/") || strings.Contains(got.Body, "{{") {
			t.Errorf("%s:\n%s", kind, got.Body)
		}
	}
}

// A name is a tenant's own, and whoever made it up would write headers by it.
func TestNobodyWritesHeaders(t *testing.T) {
	o := mailtest.OpenSecure(t)
	p := posted(t, o)
	runs(t, p)
	p.Send(Letter{Kind: Invited, To: "somebody@example.org", Secret: "x", Life: time.Hour, Tenant: "A\r\nBcc: all@example.net\r\n\r\nB"})
	got := o.Next(t)
	if got.Header.Get("Bcc") != "" || got.To != "somebody@example.org" {
		t.Errorf("to %s, headers %v", got.To, got.Header)
	}
}

// A server that can't now is asked again, and one that won't isn't; neither addresses nor links are told to the log.
func TestWhatIsRefused(t *testing.T) {
	var said bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&said, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	o := mailtest.OpenSecure(t)
	p := posted(t, o)
	l := Letter{Kind: VerifyEmail, To: "somebody@example.org", Secret: "SECRET", Life: time.Hour}
	o.Refuse(&smtp.SMTPError{Code: 451, Message: "later, somebody@example.org"})
	if err := p.hand(t.Context(), l); err == nil || strings.Contains(err.Error(), "somebody") {
		t.Errorf("a server that can't now: %v", err)
	}
	o.Refuse(&smtp.SMTPError{Code: 550, Message: "no somebody@example.org here"})
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
	o := mailtest.OpenSecure(t)
	p := posted(t, o)
	o.Refuse(&smtp.SMTPError{Code: 451, Message: "later"})
	w := waiting{Letter: Letter{Kind: PasswordChanged, To: "first@example.org"}, since: time.Now()}
	p.try(t.Context(), w)
	o.Refuse(nil)
	runs(t, p)
	p.Send(Letter{Kind: PasswordChanged, To: "second@example.org"})
	if got := o.Next(t); got.To != "second@example.org" {
		t.Errorf("the first to come is for %s", got.To)
	}
	if got := o.Next(t); got.To != "first@example.org" {
		t.Errorf("the second to come is for %s", got.To)
	}
}

// What waits when the gateway ends is still sent.
func TestTheLastLettersAreSent(t *testing.T) {
	o := mailtest.OpenSecure(t)
	p := posted(t, o)
	for range 3 {
		p.Send(Letter{Kind: PasswordChanged, To: "somebody@example.org"})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.Run(ctx)
	if o.Unread() != 3 {
		t.Errorf("%d of 3 letters came", o.Unread())
	}
}

// Whoever signs up isn't made to wait for a mail server, or to learn by that whether there was anybody to write to.
func TestAFullQueueHoldsNobodyUp(t *testing.T) {
	p := posted(t, mailtest.OpenSecure(t))
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
