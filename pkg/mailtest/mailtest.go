// Package mailtest runs a mail server for tests, and reads the letters that arrive there as those do whom they are for.
package mailtest

import (
	"crypto/tls"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/store-platform/store-platform/pkg/waittest"
)

// Password is what an office that is spoken to by TLS takes from whoever signs in.
const Password = "pass word"

// room is how many letters may lie there unread.
const room = 100

// Office is a mail server.
type Office struct {
	// Address is where it listens, on the loopback.
	Address string
	// Trust is what its certificate is known by; nil of one that is spoken to in clear.
	Trust *tls.Config

	letters chan Letter
	refuses atomic.Pointer[smtp.SMTPError]
}

// Letter is one that has arrived.
type Letter struct {
	// User is who has signed in to hand it over, To whom it is for.
	User, To string
	Header   mail.Header
	Body     string
}

// Open serves in clear until the test ends, as a server does that is on the sender's own machine.
func Open(tb testing.TB) *Office {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("open a mail server: %v", err)
	}
	return serve(tb, listener, nil)
}

// OpenSecure serves by TLS alone.
func OpenSecure(tb testing.TB) *Office {
	tb.Helper()
	// Only for its certificate, which is good for this address.
	web := httptest.NewTLSServer(nil)
	tb.Cleanup(web.Close)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates})
	if err != nil {
		tb.Fatalf("open a mail server: %v", err)
	}
	return serve(tb, listener, web.Client().Transport.(*http.Transport).TLSClientConfig.Clone())
}

func serve(tb testing.TB, listener net.Listener, trust *tls.Config) *Office {
	o := &Office{Address: listener.Addr().String(), Trust: trust, letters: make(chan Letter, room)}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{office: o}, nil }))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener)
	}()
	tb.Cleanup(func() {
		_ = server.Close()
		// It closes listeners that it has begun to serve, and this one it may not have.
		_ = listener.Close()
		<-ended
	})
	return o
}

// Refuse has it answer so from now on whoever brings a letter; nil has it take all again.
func (o *Office) Refuse(why *smtp.SMTPError) { o.refuses.Store(why) }

// Next is the letter that came next.
func (o *Office) Next(tb testing.TB) Letter {
	tb.Helper()
	select {
	case l := <-o.letters:
		return l
	case <-time.After(waittest.Patience()):
		tb.Fatal("no letter came")
		return Letter{}
	}
}

// Unread is how many have arrived that nobody has looked at.
func (o *Office) Unread() int { return len(o.letters) }

// Link is one to a gateway's page, as it stands in a letter.
type Link struct {
	// Page is where it leads, Kind and Secret what the page finds behind the #.
	Page, Kind, Secret string
}

var link = regexp.MustCompile(`(?m)^(https?://[^\s#]+)#([a-z]+)=([A-Za-z0-9_-]+)\r?$`)

// Link is the only one of a letter.
func (l Letter) Link(tb testing.TB) Link {
	tb.Helper()
	found := link.FindAllStringSubmatch(l.Body, -1)
	if len(found) != 1 {
		tb.Fatalf("%d links stand in\n%s", len(found), l.Body)
	}
	return Link{found[0][1], found[0][2], found[0][3]}
}

type session struct {
	office   *Office
	user, to string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != Password {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	if why := s.office.refuses.Load(); why != nil {
		return why
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	message, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(quotedprintable.NewReader(message.Body))
	if err != nil {
		return err
	}
	select {
	case s.office.letters <- Letter{s.user, s.to, message.Header, string(body)}:
		return nil
	default:
		return fmt.Errorf("there are %d letters already", room)
	}
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }
