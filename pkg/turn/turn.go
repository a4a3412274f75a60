// Package turn says whose turn it is: in which order the commands that wait for a hand are begun, so that no tenant waits
// behind all that another has asked for. Workers go by it, and events tells people their places by it. It is pure: it knows
// what it is told, of the log and of the time.
//
// Whose turn it is: the tenant's of whose commands the fewest are worked on; of several the one's that was served longest ago;
// and of a tenant's the one that was asked for first. So slots are shared out max-min fair without anybody knowing how many there are: whoever has
// one free gives it to the tenant that has least. A tenant alone has all of them. Who has more than its share when others come keeps
// what was begun, and begins nothing before they have as much; and nobody waits for ever, because who was served comes
// behind all that wait and have as little.
//
// What can't be begun is in nobody's way: what waits for something else than a slot (Park), for the time of its next try, and what
// was to be begun and wasn't (Pass).
package turn

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

// Lane is whose turns: a hand's commands may come by two ways, to slots of their own.
type Lane int

// By the first come all commands, by the second those of stores that stand.
const (
	All Lane = iota
	Standing
	lanes
)

// crashesAtLarge is what pkg/work tries alone: its attempts, told to be under way, are nearly all of dead workers.
const crashesAtLarge = 2

// remembered is of how many tenants it is known when they were served that have nothing in the line any more.
const remembered = 4096

// Line holds the commands of a hand that aren't settled: the newest of each store. It isn't safe for concurrent use.
type Line struct {
	hand    store.Hand
	at      map[store.ID]*command
	tenants map[string]*tenant
	// served has the message by which something of a tenant was begun last: all who hear the log know of the same, and have
	// the same order. newest is the last message that anything is known of.
	served map[string]*[lanes]uint64
	newest uint64
}

// command is one that waits or is worked on.
type command struct {
	id         store.ID
	generation uint64
	version    uint64
	of         *tenant
	stood      bool
	// working says that the log has an attempt under way, and holds counts who is about to make one here.
	working, suspect bool
	holds            int
	// parked names what is waited for beside a slot, for all that wait for the same.
	parked, engine string
	// due is when its next try is.
	due *time.Time
	// passed is until when nobody waits for it.
	passed time.Time
}

// tenant has its commands by generation.
type tenant struct {
	name     string
	commands []*command
	// running are those that are worked on, held those of them that the log doesn't know of yet.
	running, held [lanes]int
	served        *[lanes]uint64
}

// New makes the line of a hand.
func New(hand store.Hand) *Line {
	return &Line{hand: hand, at: map[store.ID]*command{}, tenants: map[string]*tenant{}, served: map[string]*[lanes]uint64{}}
}

// Hear tells of a message of the log, and how the store is behind it.
func (l *Line) Hear(m store.Message, s store.State) {
	l.Put(s)
	if m.Generation != s.Generation || store.Verbs[s.Verb].Hand != l.hand {
		return
	}
	switch m.Type {
	case store.AttemptStarted:
		served := l.servedOf(s.Tenant)
		served[All] = max(served[All], m.Seq)
		if s.Stood {
			served[Standing] = max(served[Standing], m.Seq)
		}
	case store.Waited:
		l.Park(s.ID, m.Facts.Reason)
	}
}

// Put tells how a store is. What is older than what is known already changes nothing.
func (l *Line) Put(s store.State) {
	l.newest = max(l.newest, s.Version)
	c := l.at[s.ID]
	if c != nil && s.Version <= c.version {
		return
	}
	if !s.InFlight() || store.Verbs[s.Verb].Hand != l.hand {
		l.Drop(s.ID)
		return
	}
	if c != nil && (c.generation != s.Generation || c.of.name != s.Tenant) {
		l.Drop(s.ID)
		c = nil
	}
	if c == nil {
		c = l.join(s)
	}
	begun := s.Working && !c.busy()
	l.change(c, func() {
		c.version, c.stood, c.engine, c.due = s.Version, s.Stood, s.Spec.Engine+" "+s.Spec.Version, s.NotBefore
		c.working, c.suspect, c.passed = s.Working, s.Crashes >= crashesAtLarge, time.Time{}
	})
	if begun {
		l.unpark(c)
	}
}

func (l *Line) join(s store.State) *command {
	of := l.tenants[s.Tenant]
	if of == nil {
		of = &tenant{name: s.Tenant, served: l.servedOf(s.Tenant)}
		l.tenants[s.Tenant] = of
	}
	c := &command{id: s.ID, generation: s.Generation, of: of}
	l.at[s.ID] = c
	of.commands = slices.Insert(of.commands, of.index(c.generation), c)
	return c
}

// servedOf is the memory of a tenant, which may have nothing in the line.
func (l *Line) servedOf(tenant string) *[lanes]uint64 {
	if l.served[tenant] == nil {
		l.forget()
		l.served[tenant] = &[lanes]uint64{}
	}
	return l.served[tenant]
}

// Drop forgets a store: nothing of it waits for this hand.
func (l *Line) Drop(id store.ID) {
	c := l.at[id]
	if c == nil {
		return
	}
	l.change(c, func() { c.working, c.holds = false, 0 })
	delete(l.at, id)
	c.of.commands = slices.DeleteFunc(c.of.commands, func(o *command) bool { return o == c })
	if len(c.of.commands) == 0 {
		delete(l.tenants, c.of.name)
	}
}

// forget keeps the memory of who was served bounded: who was served longest ago comes as if it never was.
func (l *Line) forget() {
	if len(l.served)-len(l.tenants) <= remembered {
		return
	}
	var gone []string
	for name := range l.served {
		if l.tenants[name] == nil {
			gone = append(gone, name)
		}
	}
	slices.SortFunc(gone, func(a, b string) int { return cmp.Compare(l.served[a][All], l.served[b][All]) })
	for _, name := range gone[:len(gone)/2] {
		delete(l.served, name)
	}
}

// Park says that the command waits for something beside a slot, by its name. When one that waited for that is begun, nobody
// who wants the same of a store waits for it any more.
func (l *Line) Park(id store.ID, what string) {
	if c := l.at[id]; c != nil && !c.working {
		c.parked = what
	}
}

// Come says that the command may be begun now, whatever was said of it.
func (l *Line) Come(id store.ID) {
	if c := l.at[id]; c != nil {
		c.passed = time.Time{}
		l.unpark(c)
	}
}

// Pass has nobody wait for the command until then, or until something is told of it. A newer one of the store's isn't meant.
func (l *Line) Pass(id store.ID, generation uint64, until time.Time) {
	if c := l.at[id]; c != nil && c.generation == generation {
		c.passed = until
	}
}

// PassOver passes all that could be begun and aren't kept.
func (l *Line) PassOver(lane Lane, now, until time.Time, kept func(of string, generation uint64) bool) {
	for _, c := range l.at {
		if c.waits(lane, now) && !kept(c.of.name, c.generation) {
			c.passed = until
		}
	}
}

// Hold says that the command is about to be begun, before the log can tell. Each is taken back by one Release.
func (l *Line) Hold(id store.ID, generation uint64) {
	c := l.at[id]
	if c == nil || c.generation != generation {
		return
	}
	l.change(c, func() { c.holds++ })
	l.unpark(c)
}

// Release takes a Hold back.
func (l *Line) Release(id store.ID, generation uint64) {
	if c := l.at[id]; c != nil && c.generation == generation && c.holds > 0 {
		l.change(c, func() { c.holds-- })
	}
}

// unpark has what waits for the same thing as a command that needs to no more wait in the line again.
func (l *Line) unpark(c *command) {
	what := c.parked
	if what == "" {
		return
	}
	for _, o := range l.at {
		if o.parked == what && o.engine == c.engine {
			o.parked = ""
		}
	}
}

// change keeps count of what is worked on.
func (l *Line) change(c *command, do func()) {
	c.count(-1)
	do()
	c.count(1)
}

func (c *command) count(n int) {
	if !c.busy() {
		return
	}
	for _, lane := range []Lane{All, Standing} {
		if lane == Standing && !c.stood {
			continue
		}
		if !c.suspect {
			c.of.running[lane] += n
		}
		if !c.working {
			c.of.held[lane] += n
		}
	}
}

func (c *command) busy() bool { return c.working || c.holds > 0 }

// waits says whether only a slot is missing for it to be begun.
func (c *command) waits(lane Lane, now time.Time) bool {
	return !c.busy() && c.parked == "" && (lane == All || c.stood) && !now.Before(c.passed) && store.Operation{NotBefore: c.due}.Pause(now) == 0
}

// index is where a generation stands, or would.
func (t *tenant) index(generation uint64) int {
	return sort.Search(len(t.commands), func(i int) bool { return t.commands[i].generation >= generation })
}

// first is the oldest that waits; nil where none does.
func (t *tenant) first(lane Lane, now time.Time) *command {
	for _, c := range t.commands {
		if c.waits(lane, now) {
			return c
		}
	}
	return nil
}

// claim is how good a tenant's is to the next slot: the least comes first.
type claim struct {
	running int
	served  uint64
	oldest  uint64
}

func (a claim) before(b claim) bool {
	return cmp.Or(cmp.Compare(a.running, b.running), cmp.Compare(a.served, b.served), cmp.Compare(a.oldest, b.oldest)) < 0
}

// claim takes a tenant of whose something is about to be begun for served last of all.
func (l *Line) claim(t *tenant, lane Lane, oldest *command) claim {
	served := t.served[lane]
	if t.held[lane] > 0 {
		served = l.newest + 1
	}
	return claim{running: t.running[lane], served: served, oldest: oldest.generation}
}

// First is the command whose turn it is, by its generation, and the tenant it is of; zero where none waits.
func (l *Line) First(lane Lane, now time.Time) (generation uint64, of string) {
	var best claim
	for name, t := range l.tenants {
		c := t.first(lane, now)
		if c == nil {
			continue
		}
		if has := l.claim(t, lane, c); of == "" || has.before(best) {
			best, generation, of = has, c.generation, name
		}
	}
	return generation, of
}

// About is a command's place in the line, roughly and in no time: as if each tenant that has anything there had as much.
func (l *Line) About(id store.ID) int {
	c := l.at[id]
	if c == nil {
		return 1
	}
	return min(len(l.at), (c.of.index(c.generation)+1)*len(l.tenants))
}
