package door

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cors"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// What pages of the listed origins may send and see beyond what any page may.
const (
	allowedMethods = "GET,HEAD,POST,PUT,PATCH,DELETE"
	allowedHeaders = "Authorization,X-Api-Key,X-Tenant,Idempotency-Key,If-Match,Prefer,Content-Type"
	exposedHeaders = "Location,ETag,Preference-Applied,RateLimit,RateLimit-Policy,Retry-After"
	// preflightAge is how long a browser need not ask again, in seconds, and how long at most it goes by an origin that is
	// listed no more, whose requests are refused all the same.
	preflightAge = 600
)

// Handlers are the door's, in the order in which they come before every route. Pages of these origins, as ParseOrigins returns
// them, may call the gateway, with the cookies that their browser has for it; without any, only its own pages may.
//
// Who is foreign is refused before a preflight is answered, so that nobody is told more than that. A preflight brings no
// credential, so it is answered before anybody asks for one; and whatever is refused further on, such a page can read why.
func (d *Door) Handlers(origins []string) []fiber.Handler {
	listed := map[string]bool{}
	for _, origin := range origins {
		listed[origin] = true
	}
	refuse := func(c *fiber.Ctx) error {
		if err := d.refuseForeign(c, listed); err != nil {
			return err
		}
		return c.Next()
	}
	if len(origins) == 0 {
		return []fiber.Handler{refuse, d.Handle}
	}
	share := cors.New(cors.Config{
		AllowOriginsFunc: func(origin string) bool { return listed[origin] }, AllowCredentials: true,
		AllowMethods: allowedMethods, AllowHeaders: allowedHeaders, ExposeHeaders: exposedHeaders, MaxAge: preflightAge,
	})
	return []fiber.Handler{refuse, share, d.Handle}
}

// ParseOrigins reads CORS_ORIGINS and returns origins as browsers send them. "*" is refused, with which any page could act for
// whoever looks at it, and so is "null", which is what a browser calls whatever it doesn't trust.
func ParseOrigins(list []string) ([]string, error) {
	var origins []string
	for _, text := range list {
		text = strings.ToLower(strings.TrimSpace(text))
		if text == "" {
			continue
		}
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || hostName(u.Host) == "" || strings.Contains(u.Host, "*") ||
			u.Scheme+"://"+u.Host != text {
			return nil, fmt.Errorf("%q is not one page's origin, like https://shop.example or http://localhost:3000", config.CoverWrong(text))
		}
		standard := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
		origins = append(origins, strings.TrimSuffix(text, standard))
	}
	return origins, nil
}

// refuseForeign keeps out whose name for the gateway isn't its own, and pages of others. A page can have the browser send all
// that the browser has by itself: the user's address, which in open mode is the credential, and cookies. A key it would
// have to know, and before it could send one the browser asks whether it may. So who sends a key is believed without an Origin.
func (d *Door) refuseForeign(c *fiber.Ctx, listed map[string]bool) error {
	host := string(c.Context().Host())
	if !d.isOurs(hostName(host), address(c.Context().LocalAddr())) {
		return problem.New(problem.ForeignHost, "This gateway doesn't answer to the name in the Host header. "+
			"Use its address, or a loopback name.")
	}
	origin, site := c.Get(fiber.HeaderOrigin), c.Get("Sec-Fetch-Site")
	switch {
	case d.sendsKey(c), listed[strings.ToLower(origin)]:
		return nil
	case origin != "" && !sameHost(origin, host):
		return foreignOrigin()
	// Browsers that have cookies say where a request comes from that changes something, or that becomes a WebSocket.
	case origin == "" && site == "" && c.Get(fiber.HeaderCookie) != "" && !isRead(c):
		return problem.New(problem.ForeignOrigin, "A request with a cookie that changes something says in Origin which page sends it.")
	}
	// Origin is missing on plain GETs; the browser's own word isn't. Following a link to a page is all that others may.
	switch site {
	case "", "same-origin", "none":
		return nil
	}
	if c.Method() == fiber.MethodGet && c.Get("Sec-Fetch-Mode") == "navigate" && c.Get("Sec-Fetch-Dest") == "document" {
		return nil
	}
	return foreignOrigin()
}

func foreignOrigin() error {
	return problem.New(problem.ForeignOrigin, "Only this gateway's own page may call it from a browser, and pages of the origins in CORS_ORIGINS.")
}

// sendsKey says whether the request is its sender's by a key, and not by where it comes from. Where no key opens anything, one
// that is sent all the same proves nothing.
func (d *Door) sendsKey(c *fiber.Ctx) bool {
	return (d.adminKey != nil || d.accounts != nil) && presentedKey(c) != ""
}

// isRead says whether a request only looks. A WebSocket begins as one that does.
func isRead(c *fiber.Ctx) bool {
	switch c.Method() {
	case fiber.MethodGet, fiber.MethodHead, fiber.MethodOptions:
		return c.Get(fiber.HeaderUpgrade) == ""
	}
	return false
}

// callerKey is where the caller's address stands among a request's values.
type callerKey struct{}

// Caller is the address that a request comes from, as far as proxies that are trusted say; invalid of one that the door hasn't
// let in.
func Caller(c *fiber.Ctx) netip.Addr {
	from, _ := c.Locals(callerKey{}).(netip.Addr)
	return from
}
