// Package door decides who is asking and whether it may ask at all, before anything else looks at a request.
//
// In open mode (AUTH=open) there are no accounts: a client is its address, by the name that the log has for it. That is
// safe on one's own machine only as long as a web page which the user happens to visit can't speak through the user's
// browser. So the door refuses a Host that isn't the gateway's (a name of the attacker's that resolves to 127.0.0.1), an
// Origin that is neither the very page the gateway served nor listed by the operator, requests that a browser says come from
// another site, and any body that a plain HTML form could send.
//
// With accounts (AUTH=accounts) an address is nobody. Who asks is known by a token, by a session's cookie, or by the admin key, and
// the directory says what that stands for (visitor).
package door

import (
	"cmp"
	"crypto/sha256"
	"mime"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/bus"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// Door is the check before every route.
type Door struct {
	trusted []netip.Prefix
	hosts   map[string]bool
	// adminKey is a digest: comparing digests takes the same time whatever the lengths.
	adminKey *[sha256.Size]byte
	naming   func() storelog.Naming
	// accounts is nil in open mode.
	accounts *accounts
}

// New makes a door. hosts are names the gateway answers to besides those of the loopback and the address that a
// connection came in on; an empty adminKey means that there is no admin. naming is how tenants are named at the moment.
func New(trusted []netip.Prefix, hosts []string, adminKey string, naming func() storelog.Naming) *Door {
	d := &Door{trusted: trusted, hosts: map[string]bool{}, naming: naming}
	for _, host := range hosts {
		if name := hostName(host); name != "" {
			d.hosts[name] = true
		}
	}
	if adminKey != "" {
		sum := sha256.Sum256([]byte(adminKey))
		d.adminKey = &sum
	}
	return d
}

// Handle lets a request in that isn't foreign (Handlers), with its Principal in the user context, or answers it. Before the
// log is there who comes from elsewhere is let in as nobody, for the routes that answer everybody: a name that is made up
// meanwhile, in clear or not, would be on the log for ever.
func (d *Door) Handle(c *fiber.Ctx) error {
	if err := refuseMediaType(c); err != nil {
		return err
	}
	asks, err := callerOf(address(c.Context().RemoteAddr()), forwardingOf(c), d.trusted)
	if err != nil {
		return err
	}
	c.Locals(callerKey{}, asks.address)
	if d.accounts != nil {
		c.SetUserContext(principal.Asked(principal.WithAddress(c.UserContext(), asks.address), d.visitor(c, asks)))
		return c.Next()
	}
	who, err := d.principal(asks, presentedKey(c))
	if err != nil {
		return err
	}
	ctx := principal.With(c.UserContext(), who)
	if !who.Known() {
		ctx = principal.Without(ctx, bus.ErrUnavailable)
	}
	c.SetUserContext(ctx)
	return c.Next()
}

// principal is who a caller is with the key that it has sent, if any. Where there is no admin key, who sits at the
// gateway's machine operates, and that is nobody whose request was forwarded.
func (d *Door) principal(asks caller, key string) (principal.Principal, error) {
	tenant := d.naming().Tenant(asks.address)
	switch {
	case d.adminKey == nil && asks.here:
		return principal.AtMachine(asks.address, tenant), nil
	case d.adminKey == nil:
		return principal.Client(asks.address, tenant, true), nil
	case key == "":
		return principal.Client(asks.address, tenant, false), nil
	}
	if !d.isAdminKey(key) {
		return principal.Principal{}, problem.New(problem.AdminKeyWrong, "The key that was sent is not this gateway's ADMIN_API_KEY.")
	}
	return principal.KeyHolder(asks.address, tenant), nil
}

// isOurs takes loopback names, the address that the connection came in on, and the configured names. No name below
// localhost: those are stores', whose pages are not ours.
func (d *Door) isOurs(name string, local netip.Addr) bool {
	if IsLoopback(name) || d.hosts[name] {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Unmap() == local
}

// IsLoopback says whether a host, with a port or without, is the machine itself.
func IsLoopback(host string) bool {
	name := hostName(host)
	ip, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && ip.IsLoopback()
}

// refuseMediaType keeps out what a plain HTML form can send. No body and no media type is fine: a form always has one.
func refuseMediaType(c *fiber.Ctx) error {
	switch c.Method() {
	case fiber.MethodGet, fiber.MethodHead, fiber.MethodOptions:
		return nil
	}
	given := c.Get(fiber.HeaderContentType)
	if given == "" && len(c.Request().Body()) == 0 {
		return nil
	}
	mediaType, with, err := mime.ParseMediaType(given)
	if err != nil || mediaType != fiber.MIMEApplicationJSON || !strings.EqualFold(cmp.Or(with["charset"], "utf-8"), "utf-8") {
		return problem.New(problem.UnsupportedMediaType, "Send the body with Content-Type: application/json, in UTF-8.")
	}
	// Who reads the body goes by the letter.
	c.Request().Header.SetContentType(fiber.MIMEApplicationJSON)
	return nil
}

// forwardingOf looks for the marks of proxies. Any will do to know that there is one: each has its own habits, but those
// that leave none can't be told from a client. CDNs' own headers come beside one of these.
func forwardingOf(c *fiber.Ctx) forwarding {
	var by forwarding
	for name, value := range c.Request().Header.All() {
		switch name := string(name); {
		case name == fiber.HeaderXForwardedFor:
			// A proxy may append a line of its own, and then the first is the client's.
			by.told, by.hops = true, append(by.hops, strings.Split(string(value), ",")...)
		case strings.HasPrefix(name, "X-Forwarded-"), name == fiber.HeaderForwarded, name == "X-Real-Ip", name == fiber.HeaderVia:
			by.told = true
		}
	}
	return by
}

func presentedKey(c *fiber.Ctx) string {
	if key := c.Get("X-Api-Key"); key != "" {
		return key
	}
	scheme, token, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}

// sameHost compares an Origin with the Host that was asked, ports included: another port is another program. A port that
// is the scheme's own may be left out on either side.
func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	standard, known := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	return known && hostName(u.Host) == hostName(host) && hostPort(u.Host, standard) == hostPort(host, standard)
}

// hostName is the host without port, brackets and the ways there are to write the same.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.String()
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func hostPort(host, standard string) string {
	_, port, _ := net.SplitHostPort(host)
	return cmp.Or(port, standard)
}

func address(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap()
}
