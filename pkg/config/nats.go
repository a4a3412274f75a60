package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/again"
)

// NATS is part of every service's configuration.
type NATS struct {
	URL          string `name:"nats-url" env:"NATS_URL" default:"nats://127.0.0.1:4222" told:"url" help:"The broker (comma-separated for several)."`
	User         string `name:"nats-user" env:"NATS_USER" told:"whole" help:"This service's user on the broker. Empty: none."`
	Password     string `name:"nats-password" env:"NATS_PASSWORD" told:"never" help:"Its password; never part of the URL. Empty: none, or the file's."`
	PasswordFile string `name:"nats-password-file" env:"NATS_PASSWORD_FILE" told:"whole" help:"File that holds the password instead. It is read at each connection, so that a password can be changed while the service runs. Empty: there is none."`
	CAFile       string `name:"nats-ca-file" env:"NATS_CA_FILE" told:"whole" help:"File with the certificates (PEM) of who may vouch for the broker, instead of the machine's own. The broker is then spoken to by TLS only. Empty: the machine's own."`
	CertFile     string `name:"nats-cert-file" env:"NATS_CERT_FILE" told:"whole" help:"File with this service's certificate (PEM), for a broker that asks for one. Read at each connection, as its key and NATS_CA_FILE are. Empty: none is shown."`
	KeyFile      string `name:"nats-key-file" env:"NATS_KEY_FILE" told:"whole" help:"File with the key of NATS_CERT_FILE. Empty: as that is."`
}

// ErrRefused: the broker is there and doesn't let this service in, by the password that it has now.
var ErrRefused = errors.New("the broker refuses this service's password")

// ErrAway: there is no connection to the broker.
var ErrAway = errors.New("the broker can't be reached")

// errURL hasn't the words of who parsed it: they have the URL in them, and people write passwords there.
var errURL = errors.New("NATS_URL: must be like nats://127.0.0.1:4222, or several with commas between them")

// reconnectWait is the pause between two tries while a connection is cut.
const reconnectWait = 500 * time.Millisecond

// Connect keeps trying until the broker answers or ctx ends, and reconnects for ever afterwards: a broker that is down
// is a reason to wait, and so is one that knows another password, since a password is changed in two places, one after the
// other. Reachable tells of both, and until there is a connection met does, which may be nil: it hears ErrRefused or ErrAway
// whenever that is news. It fails at once only for settings that are wrong. The connection is closed by its caller.
func (n NATS) Connect(ctx context.Context, service string, met func(error)) (*nats.Conn, error) {
	options, err := n.options(service)
	if err != nil {
		return nil, err
	}
	retries := again.Pauses{First: 250 * time.Millisecond, Longest: 2 * time.Second, Tell: func(err error) {
		slog.Warn("waiting for the broker", "error", err)
		if met != nil {
			met(unreachable(err))
		}
	}}
	nc, err := again.Until(ctx, retries, func() (*nats.Conn, error) {
		nc, err := nats.Connect(n.URL, options...)
		var unread *url.Error
		if errors.As(err, &unread) && unread.Op == "parse" || errors.Is(err, nats.ErrMixingWebsocketSchemes) {
			err = again.Never(errURL)
		}
		return nc, err
	})
	if errors.Is(err, errURL) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("connect to NATS_URL as %q: %w", n.User, err)
	}
	return nc, nil
}

// options are those of every connection. Files are read here too, so that one that is missing at the start is told by name.
func (n NATS) options(service string) ([]nats.Option, error) {
	options := append(n.lasting(service), tell()...)
	switch {
	case n.PasswordFile != "" && n.Password != "":
		return nil, errors.New("NATS_PASSWORD and NATS_PASSWORD_FILE are both set: which of them holds must not be a guess")
	case n.PasswordFile != "" && n.User == "":
		return nil, errors.New("NATS_PASSWORD_FILE is set and NATS_USER isn't: whose password it holds must not be a guess")
	case n.PasswordFile != "":
		if _, err := os.ReadFile(n.PasswordFile); err != nil {
			return nil, fmt.Errorf("read NATS_PASSWORD_FILE: %w", err)
		}
		options = append(options, nats.UserInfoHandler(n.credentials()), nats.CustomInboxPrefix(Inbox(n.User)))
	case n.User != "":
		options = append(options, As(n.User, n.Password)...)
	}
	if (n.CertFile == "") != (n.KeyFile == "") {
		return nil, errors.New("NATS_CERT_FILE and NATS_KEY_FILE go together: one is empty")
	}
	if n.CAFile != "" {
		options = append(options, nats.RootCAs(n.CAFile))
	}
	if n.CertFile != "" {
		options = append(options, nats.ClientCert(n.CertFile, n.KeyFile))
	}
	for _, option := range options {
		if err := option(new(nats.Options)); err != nil {
			return nil, fmt.Errorf("read NATS_CA_FILE, NATS_CERT_FILE and NATS_KEY_FILE: %w", err)
		}
	}
	return options, nil
}

// lasting has a connection last.
func (n NATS) lasting(service string) []nats.Option {
	return []nats.Option{
		nats.Name(service), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		// By default a client that was refused twice never asks again, also when the password is right by then.
		nats.IgnoreAuthErrorAbort(),
		// What is published while the broker is away fails at once: buffered, it would go out after its client was told
		// that it didn't.
		nats.ReconnectBufSize(-1),
		// A way that has gone silent, not broken, is noticed within half a minute; by default it takes six.
		nats.PingInterval(10 * time.Second), nats.MaxPingsOutstanding(2),
	}
}

// tell logs what happens to a connection. The client calls these one after the other.
func tell() []nats.Option {
	refused := false
	return []nats.Option{
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			if isRefusal(err) {
				// At every try, twice a second.
				if !refused {
					slog.Error("the broker refuses this service; trying until it doesn't", "error", err)
				}
				refused = true
				return
			}
			slog.Warn("trouble with the broker", "subject", subjectOf(s), "error", err)
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				slog.Warn("lost the broker, reconnecting", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			refused = false
			slog.Info("the broker is back")
		}),
	}
}

// credentials are asked for at each connection, one after the other. What can't be read just then is refused, and asked for
// again.
func (n NATS) credentials() nats.UserInfoCB {
	told := false
	return func() (user, password string) {
		text, err := os.ReadFile(n.PasswordFile)
		// At every try, twice a second.
		if err != nil && !told {
			slog.Error("read NATS_PASSWORD_FILE; trying until it can be", "error", err)
		}
		told = err != nil
		return n.User, strings.TrimSpace(string(text))
	}
}

// Reachable is nil while the connection stands. Else it is ErrRefused, or ErrAway with what was met last. The services'
// /readyz says it.
func Reachable(nc *nats.Conn) error {
	if nc.IsConnected() {
		return nil
	}
	return unreachable(nc.LastError())
}

// unreachable says what it is by which the broker can't be reached; nil is that nothing has been met yet.
func unreachable(err error) error {
	switch {
	case isRefusal(err):
		return ErrRefused
	case err != nil:
		return fmt.Errorf("%w: %w", ErrAway, err)
	default:
		return ErrAway
	}
}

func isRefusal(err error) bool {
	for _, refusal := range []error{nats.ErrAuthorization, nats.ErrAuthRevoked, nats.ErrAuthExpired, nats.ErrAccountAuthExpired} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

func subjectOf(s *nats.Subscription) string {
	if s == nil {
		return ""
	}
	return s.Subject
}

// As presents a user to the broker.
func As(user, password string) []nats.Option {
	return []nats.Option{nats.UserInfo(user, password), nats.CustomInboxPrefix(Inbox(user))}
}

// Inbox is the prefix of the subjects on which a user's requests are answered. Each has its own, and may listen there
// only: what is answered to one, a store's passwords among it, is nobody else's.
func Inbox(user string) string { return "_INBOX." + user }
