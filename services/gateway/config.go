package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/services/gateway/internal/accounts"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/door"
	"github.com/store-platform/store-platform/services/gateway/internal/limits"
	"github.com/store-platform/store-platform/services/gateway/internal/mail"
	"github.com/store-platform/store-platform/services/gateway/internal/oidc"
)

// The modes of AUTH.
const (
	authOpen     = "open"
	authAccounts = "accounts"
)

// Config is the gateway's settings; flags and environment, see --help.
type Config struct {
	Listen       string   `name:"listen" env:"LISTEN" default:"127.0.0.1:8080" told:"whole" help:"Address to serve REST, feed and page on."`
	Auth         string   `name:"auth" env:"AUTH" default:"open" told:"whole" help:"Who may do what. 'open': no accounts, a client is its address; for one's own machine. 'accounts': people sign in, and scripts have tokens."`
	SignUp       string   `name:"signup" env:"SIGNUP" default:"invite" enum:"open,invite,off" told:"whole" help:"With AUTH=accounts, who may make an account: everybody, who has an invite to a tenant, or nobody. An operator's link lets in with each."`
	AdminEmails  []string `name:"admin-emails" env:"ADMIN_EMAILS" told:"never" help:"With AUTH=accounts, the addresses of accounts that an operator may make operators, once they are verified. Nobody becomes one by signing up. Empty: any verified address."`
	PublicURL    string   `name:"public-url" env:"PUBLIC_URL" told:"url" help:"With AUTH=accounts, where people find this gateway, such as https://stores.example: links in mails lead there, and OpenID Connect providers back. Needed with SMTP_URL and OIDC_PROVIDERS. Empty: links that are read out name BASE_DOMAIN."`
	SMTPURL      string   `name:"smtp-url" env:"SMTP_URL" told:"url" help:"Where mail is handed over: smtps://user:password@mail.example:465, or smtp:// with TLS begun before anything is said, which only a server on this machine needn't have. Empty: no mail is sent, and operators read links out."`
	Providers    string   `name:"oidc-providers" env:"OIDC_PROVIDERS" told:"whole" help:"With AUTH=accounts, a YAML file of the OpenID Connect providers at which people may sign in. Needs PUBLIC_URL. Empty: none."`
	MailFrom     string   `name:"mail-from" env:"MAIL_FROM" told:"whole" help:"Who mails are from, such as Stores <stores@example.com>. Needed with SMTP_URL. Empty: no mail is sent."`
	OpenPublic   string   `name:"auth-open-public" env:"AUTH_OPEN_PUBLIC" default:"no" enum:"yes,no" told:"whole" help:"'yes' lets AUTH=open listen beyond the loopback: everybody who reaches the port may then create stores."`
	AdminKey     string   `name:"admin-api-key" env:"ADMIN_API_KEY" told:"never" help:"Key that sees all tenants' stores. When set, passwords are shown to its holder only. Empty: nobody has one."`
	TrustProxy   []string `name:"trust-proxy" env:"TRUST_PROXY" told:"whole" help:"Networks of the proxies whose X-Forwarded-For is believed (10.0.0.0/8,192.168.1.5), a proxy on this machine included. Empty: none."`
	BaseDomain   string   `name:"base-domain" env:"BASE_DOMAIN" default:"localhost" told:"whole" help:"Domain below which stores live; the gateway answers to this name as a Host itself. May carry a port."`
	MaxStores    int      `name:"max-stores" env:"MAX_STORES" default:"20" help:"Stores a tenant may have at once, 1 to 1000."`
	EventsURL    string   `name:"events-url" env:"EVENTS_URL" default:"http://127.0.0.1:8082" told:"url" help:"Where the events service serves the feed."`
	Replicas     int      `name:"stream-replicas" env:"STREAM_REPLICAS" default:"1" help:"Copies of the log that the broker keeps: 1, or 3 on a cluster of brokers."`
	Installation string   `name:"installation" env:"INSTALLATION" told:"whole" help:"Id of this installation, the same as its workers'. The log is marked with it, and one that carries another id is refused. Empty: neither."`

	WriteLevel  string   `name:"write-level" env:"WRITE_LEVEL" default:"keep" enum:"keep,newest" told:"whole" help:"'newest' says that no older release runs on this log any more, and raises its write level at the start. 'keep' leaves that to POST /log/raise."`
	CORSOrigins []string `name:"cors-origins" env:"CORS_ORIGINS" told:"url" help:"Origins whose pages may call the gateway from a browser (https://shop.example,http://localhost:3000), cookies included. Empty: its own pages only."`

	// What one address amounts to behind which two hundred clients of the feed come back twice a second, for a feed that is away,
	// is let through; a client that asks in a loop isn't. The names are those that settings always had.
	RateEnabled  bool    `name:"rate-limit-enabled" env:"RATE_LIMIT_ENABLED" default:"true" negatable:"" help:"Whether requests are counted at all. Commands are counted by themselves."`
	RateCapacity int     `name:"rate-limit-capacity" env:"RATE_LIMIT_CAPACITY" default:"2000" help:"Requests of all kinds that one tenant may send at once through all gateways together, 1 to 1000000. More are refused with 429 until some have come back. Probes, metrics, the page's files and operators aren't counted."`
	RateRefill   float64 `name:"rate-limit-refill-per-sec" env:"RATE_LIMIT_REFILL_PER_SEC" default:"500" help:"How many of them come back each second, more than 0 and at most 100000."`

	// Commands and looks: both are written where clients can't take them back.
	CreateCapacity int     `name:"create-rate-limit-capacity" env:"CREATE_RATE_LIMIT_CAPACITY" default:"200" help:"Commands of all kinds, not creates alone, and looks at passwords that one tenant may send at once through all gateways together, 0 to 1000000. A change of several things counts as several; deletions, and calling off what a client has asked for, don't count. More are refused with 429 until some have come back. 0: as many as it likes. Operators aren't counted."`
	CreateRefill   float64 `name:"create-rate-limit-refill-per-sec" env:"CREATE_RATE_LIMIT_REFILL_PER_SEC" default:"0.1" help:"How many of them come back each second, more than 0 and at most 100000."`

	TestClockDivisor clock.Divisor `name:"test-clock-divisor" env:"TEST_CLOCK_DIVISOR" hidden:"" help:"How many times shorter than in production workers wait, for installations that are tests."`

	NATS      config.NATS      `embed:""`
	Telemetry telemetry.Config `embed:""`
}

// check refuses settings that parse but make no sense, all at once, and returns TRUST_PROXY.
func (c Config) check() ([]netip.Prefix, error) {
	var wrong []error
	refuse := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if c.Auth != authOpen && c.Auth != authAccounts {
		refuse("AUTH=%s: must be open or accounts", c.Auth)
	}
	if c.MaxStores < 1 || c.MaxStores > 1000 {
		refuse("MAX_STORES=%d: must be 1 to 1000", c.MaxStores)
	}
	if c.RateEnabled && c.RateCapacity == 0 {
		refuse("RATE_LIMIT_CAPACITY=0: nobody could ask for anything; RATE_LIMIT_ENABLED=false counts nobody")
	}
	if err := c.requests().Check("RATE_LIMIT_CAPACITY", "RATE_LIMIT_REFILL_PER_SEC"); err != nil {
		refuse("%w", err)
	}
	if err := c.commands().Check("CREATE_RATE_LIMIT_CAPACITY", "CREATE_RATE_LIMIT_REFILL_PER_SEC"); err != nil {
		refuse("%w", err)
	}
	if _, err := door.ParseOrigins(c.CORSOrigins); err != nil {
		refuse("CORS_ORIGINS: %w", err)
	}
	if c.Replicas != 1 && c.Replicas != 3 {
		refuse("STREAM_REPLICAS=%d: must be 1 or 3", c.Replicas)
	}
	if u, err := url.Parse(c.EventsURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		refuse("EVENTS_URL=%s: must be like http://127.0.0.1:8082", config.CoverWrong(c.EventsURL))
	}
	if strings.HasPrefix(c.AdminKey, directory.TokenPrefix) {
		refuse("ADMIN_API_KEY: begins as API tokens do, and would be taken for one")
	}
	for i, email := range c.AdminEmails {
		if _, err := accounts.Email(email); err != nil {
			refuse("ADMIN_EMAILS: number %d is no e-mail address", i+1)
		}
	}
	if _, err := c.post(); err != nil {
		refuse("%w", err)
	}
	if _, err := c.providers(); err != nil {
		refuse("%w", err)
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		refuse("LISTEN=%s: must be like 127.0.0.1:8080", c.Listen)
	} else if c.Auth == authOpen && c.OpenPublic != "yes" && !door.IsLoopback(host) {
		refuse("LISTEN=%s reaches beyond this machine, and with AUTH=open everybody there could create and delete stores; "+
			"listen on 127.0.0.1, or set AUTH_OPEN_PUBLIC=yes if that is what you want", c.Listen)
	}
	if err := c.TestClockDivisor.Check(c.Installation); err != nil {
		refuse("%w", err)
	}
	networks, err := door.ParseNetworks(c.TrustProxy)
	if err != nil {
		refuse("TRUST_PROXY: %w", err)
	}
	return networks, errors.Join(wrong...)
}

// hosts are the names that a Host header may carry besides the loopback's.
func (c Config) hosts() []string {
	hosts := []string{c.Listen, c.BaseDomain}
	if u, err := url.Parse(c.PublicURL); err == nil && u.Host != "" {
		hosts = append(hosts, u.Host)
	}
	return hosts
}

// post writes to people; nil where nobody does.
func (c Config) post() (*mail.Post, error) {
	page, err := url.Parse(c.PublicURL)
	switch {
	case c.PublicURL != "" && (err != nil || page.Host == "" || page.Scheme != "https" && page.Scheme != "http" || page.User != nil || page.RawQuery != "" || page.Fragment != ""):
		return nil, fmt.Errorf("PUBLIC_URL=%s: must be like https://stores.example", config.CoverWrong(c.PublicURL))
	case c.SMTPURL == "" || c.Auth != authAccounts:
		return nil, nil
	case c.PublicURL == "":
		return nil, errors.New("PUBLIC_URL: must be set with SMTP_URL, or links in mails would lead nowhere")
	}
	return mail.New(mail.Config{Server: c.SMTPURL, From: c.MailFrom, Page: page.JoinPath("/")})
}

// providers are where people may sign in; nil where that is here only.
func (c Config) providers() (*oidc.Providers, error) {
	if c.Providers == "" || c.Auth != authAccounts {
		return nil, nil
	}
	page, err := url.Parse(c.PublicURL)
	if err != nil || page.Host == "" {
		return nil, errors.New("PUBLIC_URL: must be set with OIDC_PROVIDERS, or nobody would be led back from there")
	}
	settings, err := oidc.Load(c.Providers)
	if err != nil {
		return nil, fmt.Errorf("OIDC_PROVIDERS: %w", err)
	}
	return oidc.New(settings, page.JoinPath("/"), time.Now), nil
}

// requests and commands are what a tenant may have of each.
func (c Config) requests() limits.Rate {
	if !c.RateEnabled {
		return limits.Rate{}
	}
	return limits.Rate{Capacity: c.RateCapacity, PerSecond: c.RateRefill}
}

func (c Config) commands() limits.Rate {
	return limits.Rate{Capacity: c.CreateCapacity, PerSecond: c.CreateRefill}
}

// log is how the log is to be.
func (c Config) log() storelog.Settings {
	return storelog.Settings{
		Replicas: c.Replicas, Installation: c.Installation, Clock: c.TestClockDivisor,
		Raise: c.WriteLevel == "newest", Accounts: c.Auth == authAccounts,
	}
}

func (c Config) connect(ctx context.Context, met func(error)) (*nats.Conn, error) {
	return telemetry.Connected(func() (*nats.Conn, error) { return c.NATS.Connect(ctx, service, met) })
}

// joining is connect by a gateway that the others are to count, and that counts them.
func (c Config) joining(gateways *limits.Gateways) bus.Connect {
	return func(ctx context.Context, met func(error)) (*nats.Conn, error) {
		conn, err := c.connect(ctx, met)
		if err != nil {
			return nil, err
		}
		if err := gateways.Join(ctx, conn, c.TestClockDivisor.Of(limits.Forgotten)); err != nil {
			conn.Close()
			return nil, err
		}
		return conn, nil
	}
}
