package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/telemetry"
	"github.com/store-platform/store-platform/services/gateway/internal/accounts"
	"github.com/store-platform/store-platform/services/gateway/internal/door"
)

// The modes of AUTH.
const (
	authOpen     = "open"
	authAccounts = "accounts"
)

// Config is the gateway's settings; flags and environment, see --help.
type Config struct {
	Listen       string   `name:"listen" env:"LISTEN" default:"127.0.0.1:8080" help:"Address to serve REST, feed and page on."`
	Auth         string   `name:"auth" env:"AUTH" default:"open" help:"Who may do what. 'open': no accounts, a client is its address; for one's own machine. 'accounts': people sign in, and scripts have tokens."`
	SignUp       string   `name:"signup" env:"SIGNUP" default:"invite" enum:"open,invite,off" help:"With AUTH=accounts, who may make an account: everybody, who has an invite to a tenant, or nobody. An operator's link lets in with each."`
	AdminEmails  []string `name:"admin-emails" env:"ADMIN_EMAILS" help:"With AUTH=accounts, the addresses of accounts that an operator may make operators, once they are verified. Nobody becomes one by signing up. Empty: any verified address."`
	OpenPublic   string   `name:"auth-open-public" env:"AUTH_OPEN_PUBLIC" default:"no" enum:"yes,no" help:"'yes' lets AUTH=open listen beyond the loopback: everybody who reaches the port may then create stores."`
	AdminKey     string   `name:"admin-api-key" env:"ADMIN_API_KEY" help:"Key that sees all tenants' stores. When set, passwords are shown to its holder only."`
	TrustProxy   []string `name:"trust-proxy" env:"TRUST_PROXY" help:"Networks of the proxies whose X-Forwarded-For is believed (10.0.0.0/8,192.168.1.5), a proxy on this machine included. Empty: none."`
	BaseDomain   string   `name:"base-domain" env:"BASE_DOMAIN" default:"localhost" help:"Domain below which stores live; the gateway answers to this name as a Host itself. May carry a port."`
	MaxStores    int      `name:"max-stores" env:"MAX_STORES" default:"20" help:"Stores a tenant may have at once, 1 to 1000."`
	EventsURL    string   `name:"events-url" env:"EVENTS_URL" default:"http://127.0.0.1:8082" help:"Where the events service serves the feed."`
	Replicas     int      `name:"stream-replicas" env:"STREAM_REPLICAS" default:"1" help:"Copies of the log that the broker keeps: 1, or 3 on a cluster of brokers."`
	Installation string   `name:"installation" env:"INSTALLATION" help:"Id of this installation, the same as its workers'. The log is marked with it, and one that carries another id is refused. Empty: neither."`

	WriteLevel string `name:"write-level" env:"WRITE_LEVEL" default:"keep" enum:"keep,newest" help:"'newest' says that no older release runs on this log any more, and raises its write level at the start. 'keep' leaves that to POST /log/raise."`
	// Commands and looks: both are written where clients can't take them back. The names are those that settings always had.
	CreateCapacity int     `name:"create-rate-limit-capacity" env:"CREATE_RATE_LIMIT_CAPACITY" default:"200" help:"Commands of all kinds, not creates alone, and looks at passwords that one tenant may send at once through this gateway, 0 to 1000000. A change of several things counts as several; deletions, and calling off what a client has asked for, don't count. More are refused with 429 until some have come back. 0: as many as it likes. The holder of the admin key isn't counted."`
	CreateRefill   float64 `name:"create-rate-limit-refill-per-sec" env:"CREATE_RATE_LIMIT_REFILL_PER_SEC" default:"0.1" help:"How many of them come back each second, more than 0 and at most 1000."`

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
	if c.CreateCapacity < 0 || c.CreateCapacity > 1_000_000 {
		refuse("CREATE_RATE_LIMIT_CAPACITY=%d: must be 0 to 1000000", c.CreateCapacity)
	}
	// A number that is none is neither more nor less.
	if c.CreateCapacity > 0 && !(c.CreateRefill > 0 && c.CreateRefill <= 1000) {
		refuse("CREATE_RATE_LIMIT_REFILL_PER_SEC=%g: must be more than 0 and at most 1000", c.CreateRefill)
	}
	if c.Replicas != 1 && c.Replicas != 3 {
		refuse("STREAM_REPLICAS=%d: must be 1 or 3", c.Replicas)
	}
	if u, err := url.Parse(c.EventsURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		refuse("EVENTS_URL=%s: must be like http://127.0.0.1:8082", c.EventsURL)
	}
	for _, email := range c.AdminEmails {
		if _, err := accounts.Email(email); err != nil {
			refuse("ADMIN_EMAILS: %q is no e-mail address", email)
		}
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		refuse("LISTEN=%s: must be like 127.0.0.1:8080", c.Listen)
	} else if c.Auth == authOpen && c.OpenPublic != "yes" && !isLoopback(host) {
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

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// hosts are the names that a Host header may carry besides the loopback's.
func (c Config) hosts() []string { return []string{c.Listen, c.BaseDomain} }

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
