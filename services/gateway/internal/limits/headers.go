package limits

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
)

// The headers that tell a client how its buckets stand (draft-ietf-httpapi-ratelimit-headers). Browsers show a page of another
// origin only what it is allowed to see.
const (
	HeaderPolicy = "RateLimit-Policy"
	HeaderLimit  = "RateLimit"
)

// standing is how a tenant's bucket is, at this gateway.
type standing struct {
	bucket           string
	quota, remaining int
	// window is how long an empty bucket takes to be full again, reset how long this one does.
	window, reset time.Duration
}

// note collects during a request what its answer will say.
type note struct{ standings []standing }

type noteKey struct{}

// noteFrom is the request's note; of a context that isn't a request's, one that nobody reads.
func noteFrom(ctx context.Context) *note {
	if n, ok := ctx.Value(noteKey{}).(*note); ok {
		return n
	}
	return &note{}
}

// keep replaces what is known of the same bucket: a change is paid for in parts.
func (n *note) keep(s standing) {
	n.standings = slices.DeleteFunc(n.standings, func(known standing) bool { return known.bucket == s.bucket })
	n.standings = append(n.standings, s)
}

// tell writes the headers of an answer.
func (n *note) tell(c *fiber.Ctx) {
	var policies, limits []string
	for _, s := range n.standings {
		policies = append(policies, fmt.Sprintf("%q;q=%d;w=%d", s.bucket, s.quota, seconds(s.window)))
		limits = append(limits, fmt.Sprintf("%q;r=%d;t=%d", s.bucket, s.remaining, seconds(s.reset)))
	}
	if len(policies) > 0 {
		c.Set(HeaderPolicy, strings.Join(policies, ", "))
		c.Set(HeaderLimit, strings.Join(limits, ", "))
	}
}

// seconds are whole ones, and never too few to wait.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
