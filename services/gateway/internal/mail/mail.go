// Package mail writes to people, by SMTP: links that only who reads an address may follow, and word of what was done to an account.
//
// A letter is put into a queue and the request goes on, so that how long an answer takes doesn't tell whether there was anybody to
// write to. The queue is this gateway's memory: what is in it when the process is killed is lost, and whoever waits for a letter asks
// for another. Neither addresses nor links are logged.
package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/store-platform/store-platform/pkg/again"
)

const (
	// room is how many letters may wait.
	room = 1000
	// sending bounds one try to hand a letter over, patience all of them: greylisting lets who comes again after some minutes in.
	sending  = 30 * time.Second
	patience = 30 * time.Minute
	// farewell is what is left for letters that wait when the gateway ends.
	farewell = 5 * time.Second
)

// The pauses of one letter double between these.
const firstPause, longestPause = 2 * time.Second, 5 * time.Minute

// Config is where letters are handed over, and what stands in them.
type Config struct {
	// Server is an smtp:// or smtps:// URL with a user and a password where the server wants them. smtp:// begins TLS before it says
	// anything, or fails; only a server on the loopback needn't have it.
	Server string
	// From is who writes.
	From string
	// Page is where people find the gateway, which links lead to.
	Page *url.URL
}

// Post takes letters. Safe for concurrent use.
type Post struct {
	client *mail.Client
	from   string
	page   *url.URL
	queue  chan waiting
}

// waiting is a letter that is to be handed over.
type waiting struct {
	Letter
	// since is when it came, tries how often it was refused for now.
	since time.Time
	tries int
}

// New reads the settings; it connects to nothing. Its errors name the setting and no password.
func New(cfg Config) (*Post, error) {
	u, err := url.Parse(cfg.Server)
	if err != nil || u.Hostname() == "" {
		// What url.Parse says has the password in it.
		return nil, errors.New("SMTP_URL: must be like smtps://user:password@mail.example:465")
	}
	options, err := optionsOf(u)
	if err != nil {
		return nil, err
	}
	client, err := mail.NewClient(u.Hostname(), options...)
	if err != nil {
		return nil, fmt.Errorf("SMTP_URL: %w", err)
	}
	if err := mail.NewMsg().From(cfg.From); err != nil {
		return nil, fmt.Errorf("MAIL_FROM: must be an address: %w", err)
	}
	return &Post{client: client, from: cfg.From, page: cfg.Page, queue: make(chan waiting, room)}, nil
}

func optionsOf(u *url.URL) ([]mail.Option, error) {
	options := []mail.Option{mail.WithTimeout(sending)}
	switch ip, err := netip.ParseAddr(u.Hostname()); {
	case u.Scheme == "smtps":
		options = append(options, mail.WithSSLPort(false))
	case u.Scheme != "smtp":
		return nil, fmt.Errorf("SMTP_URL: %q is neither smtp nor smtps", u.Scheme)
	case u.Hostname() == "localhost" || err == nil && ip.IsLoopback():
		options = append(options, mail.WithTLSPortPolicy(mail.TLSOpportunistic))
	default:
		options = append(options, mail.WithTLSPortPolicy(mail.TLSMandatory))
	}
	if u.Port() != "" {
		port, err := strconv.Atoi(u.Port())
		if err != nil {
			return nil, fmt.Errorf("SMTP_URL: %q is no port", u.Port())
		}
		options = append(options, mail.WithPort(port))
	}
	if password, given := u.User.Password(); given {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}
	return options, nil
}

// Send puts a letter into the queue. Where there is no room it is dropped, which the log says.
func (p *Post) Send(l Letter) { p.put(waiting{Letter: l, since: time.Now()}) }

func (p *Post) put(w waiting) {
	select {
	case p.queue <- w:
	default:
		slog.Warn("a letter was dropped: too many wait for the mail server", "letter", w.Kind)
	}
}

// Run hands letters over until ctx ends, and then for a moment what still waits.
func (p *Post) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			p.drain(context.WithoutCancel(ctx))
			return
		case w := <-p.queue:
			p.try(ctx, w)
		}
	}
}

// try hands a letter over, or puts it back for later: whom the server won't have now must not keep the others waiting.
func (p *Post) try(ctx context.Context, w waiting) {
	err := p.hand(ctx, w.Letter)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		// Cut off in the middle, it may be there already; twice is better than not.
		p.put(w)
	case errors.Is(err, errForGood), time.Since(w.since) > patience:
		slog.Error("a letter wasn't delivered", "letter", w.Kind, "error", err)
	default:
		pause := again.Doubled(firstPause, longestPause, w.tries)
		w.tries++
		time.AfterFunc(pause, func() { p.put(w) })
	}
}

func (p *Post) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	for {
		select {
		case w := <-p.queue:
			if err := p.hand(ctx, w.Letter); err != nil {
				slog.Warn("a letter wasn't delivered before the end", "letter", w.Kind, "error", err)
			}
		default:
			return
		}
	}
}

// errForGood: no further try changes it.
var errForGood = errors.New("it won't be taken")

func (p *Post) hand(ctx context.Context, l Letter) error {
	message, err := p.write(l)
	if err != nil {
		return fmt.Errorf("%w: %w", errForGood, err)
	}
	ctx, cancel := context.WithTimeout(ctx, sending)
	defer cancel()
	err = p.client.DialAndSendWithContext(ctx, message)
	var refused *mail.SendError
	if errors.As(err, &refused) {
		// Its own words have the recipient in them.
		told := fmt.Errorf("the mail server says %d: %s", refused.ErrorCode(), refused.Reason)
		if !refused.IsTemp() {
			return fmt.Errorf("%w: %w", errForGood, told)
		}
		return told
	}
	if err != nil {
		return fmt.Errorf("hand a letter over: %w", err)
	}
	return nil
}
