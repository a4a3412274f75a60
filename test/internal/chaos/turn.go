package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os/exec"
	"strings"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/parts"
)

// ErrBroken is a turn that ended and in which something was wrong. What, stands in the lab's output.
var ErrBroken = errors.New("the platform broke a promise")

// turn is one use of the lab. Its clients have names, addresses and so stores of their own. Whoever judges looks at all that
// is there, what earlier turns have left and wrote down included: it must still be so. After a turn that failed there is no
// other.
type turn struct {
	*Lab
	name   string
	number int
	seed   uint64
	// mended is a store of the turn that was mended and stands.
	mended store.ID
	// before is how often each type stood in the log when the turn began.
	before map[store.Type]int
}

// begin waits for the lab to be whole and at rest, as seen from outside, however the last turn left it.
func (l *Lab) begin(ctx context.Context, name string, seed uint64) (*turn, error) {
	if err := l.isWhole(ctx); err != nil {
		return nil, fmt.Errorf("before %s: %w", name, err)
	}
	if err := l.atRest(ctx); err != nil {
		return nil, fmt.Errorf("before %s, the platform isn't at rest: %w", name, err)
	}
	l.turns++
	return &turn{Lab: l, name: name, number: l.turns, seed: seed, before: l.follower.counts()}, nil
}

// clientName is who the turn's n-th client is. The installation is in it, since stores' ids are made of it: one of the lab
// before has a namespace that is still going.
func (t *turn) clientName(kind string, n int) string {
	return fmt.Sprintf("%s-%s-%s-%d", t.installation, t.name, kind, n)
}

// named is the tenant that an address is in the lab's log.
func (t *turn) named(address string) string {
	return t.follower.log.Naming().Tenant(netip.MustParseAddr(address))
}

// tenant is whose the n-th client's stores are in open mode, address where a tenant comes from.
func (t *turn) tenant(n int) string       { return t.named(t.address(n / 2)) }
func (t *turn) address(tenant int) string { return fmt.Sprintf("10.77.%d.%d", t.number, tenant+1) }

// tenants are those of the first clients.
func (t *turn) tenants(clients int) (tenants []string) {
	for n := 0; n < clients; n += 2 {
		tenants = append(tenants, t.tenant(n))
	}
	return tenants
}

// logged is what has come into the log since the turn began.
func (t *turn) logged() map[store.Type]int {
	counts := t.follower.counts()
	for kind, n := range t.before {
		counts[kind] -= n
	}
	maps.DeleteFunc(counts, func(_ store.Type, n int) bool { return n == 0 })
	return counts
}

// judge runs the checker as a program of its own.
func (t *turn) judge(ctx context.Context) error {
	check := exec.CommandContext(ctx, t.programs["chaoscheck"], t.Folder)
	check.Env = parts.Environment()
	output, err := check.CombinedOutput()
	fmt.Fprintf(t.out, "%s", output)
	if err != nil {
		return errors.Join(ErrBroken, err, t.kept())
	}
	return t.kept()
}

// kept fails when there were complaints, whoever judges.
func (t *turn) kept() error {
	complaints := t.Complaints()
	fmt.Fprintf(t.out, "%d complaints beside\n", len(complaints))
	if len(complaints) > 0 {
		return errors.Join(ErrBroken, errors.New(strings.Join(complaints, "\n")))
	}
	return nil
}
