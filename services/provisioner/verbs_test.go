package provisioner_test

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// onStanding are the verbs that may be asked of a store that stands, but for its removal. One that is added to the table is
// in these tests by that.
func onStanding() []store.Row {
	var rows []store.Row
	for _, verb := range slices.Sorted(maps.Keys(store.Verbs)) {
		if row := store.Verbs[verb]; len(row.From) > 0 && row.Hand == store.Provisioner {
			rows = append(rows, row)
		}
	}
	return rows
}

// course is one store on its way through the verbs.
type course struct {
	*bundle
	traps *traps
	id    store.ID
	pack  engine.Pack
}

// on is the installation for a test within its test.
func (b *bundle) on(t *testing.T) *bundle {
	within := *b
	within.t = t
	return &within
}

// stand makes a store of the pack.
func (b *bundle) stand(traps *traps, pack engine.Pack) *course {
	b.t.Helper()
	return b.standAll(traps, pack, 1)[0]
}

// standAll makes so many at once.
func (b *bundle) standAll(traps *traps, pack engine.Pack, n int) []*course {
	b.t.Helper()
	plan, err := pack.Plan("")
	if err != nil {
		b.t.Fatal(err)
	}
	all := make([]*course, n)
	for i := range all {
		all[i] = &course{bundle: b, traps: traps, id: b.api.NewID(b.t), pack: pack}
		b.createOf(all[i].id, pack, plan.Name)
	}
	for _, c := range all {
		b.awaitType(c.id, store.BecameReady)
	}
	return all
}

// asked is a command that was admitted.
type asked struct {
	store.Row
	generation uint64
	// before is how the store was, spec what a verb that changes it wants.
	before store.State
	spec   store.Spec
}

// ask has it admitted as a gateway does; an operation of the platform's own that allows no other is waited for.
func (c *course) ask(verb store.Verb) asked {
	c.t.Helper()
	var a asked
	waittest.Eventually(c.t, func() error {
		after, err := c.log.Update(c.t.Context(), c.id, func(s store.State) (*store.Message, error) {
			if err := store.Admit(s, verb); err != nil {
				return nil, err
			}
			a = asked{Row: store.Verbs[verb], before: s, spec: s.Spec}
			m := &store.Message{Type: store.Type(verb), Actor: "test", Time: time.Now()}
			if a.Changes {
				a.spec.Options = c.otherOptions(s.Spec.Options)
				m.Facts.Spec = &a.spec
			}
			return m, nil
		})
		a.generation = after.Generation
		var inFlight *store.InFlightError
		if err != nil && !errors.As(err, &inFlight) {
			c.t.Fatalf("ask for %s: %v\n%s", verb, err, c.told(c.id))
		}
		return err
	})
	return a
}

// otherOptions has another value for one of the options that a store takes over by new pods.
func (c *course) otherOptions(options map[string]any) map[string]any {
	for _, o := range c.pack.Options {
		if o.Change != engine.ChangeRestart || len(o.Enum) < 2 {
			continue
		}
		other := maps.Clone(options)
		if other == nil {
			other = map[string]any{}
		}
		is := other[o.Name]
		if is == nil {
			is = o.Default
		}
		other[o.Name] = o.Enum[0]
		if is == o.Enum[0] {
			other[o.Name] = o.Enum[1]
		}
		return other
	}
	c.t.Fatalf("no option of %s can be changed", c.pack.Name)
	return nil
}

func (c *course) awaitEnd(a asked) storelog.Entry {
	c.t.Helper()
	return c.await(c.id, "end of "+strconv.FormatUint(a.generation, 10), func(e storelog.Entry) bool {
		return e.Message.Generation == a.generation && e.Message.Type.IsTerminal()
	})
}

// do carries a verb out undisturbed.
func (c *course) do(verb store.Verb) {
	c.t.Helper()
	a := c.ask(verb)
	c.requireDone(a, c.awaitEnd(a))
}

// bringTo leads the store to where the verb is admitted.
func (c *course) bringTo(row store.Row) {
	c.t.Helper()
	s := c.state(c.id)
	switch {
	case slices.Contains(row.From, s.Standing):
	case s.Standing == store.SuspendedStanding:
		c.do(store.Resume)
	default:
		c.do(store.Suspend)
	}
}

// belongings are what a merchant can't get back: passwords and volumes.
type belongings struct {
	secret  map[string][]byte
	volumes map[string]types.UID
}

func (c *course) belongings() belongings {
	c.t.Helper()
	claims, err := c.api.Admin.CoreV1().PersistentVolumeClaims(c.id.Namespace()).List(c.t.Context(), metav1.ListOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	has := belongings{secret: c.passwords(c.id), volumes: map[string]types.UID{}}
	for _, claim := range claims.Items {
		has.volumes[claim.Name] = claim.UID
	}
	return has
}

func (c *course) requireKept(has belongings) {
	c.t.Helper()
	if now := c.belongings(); len(has.secret) == 0 || !reflect.DeepEqual(has, now) {
		c.t.Errorf("the store had %d passwords and the volumes %v, and has %d and %v", len(has.secret), has.volumes, len(now.secret), now.volumes)
	}
	if _, code := c.credentials(string(c.id)); code != "" && c.state(c.id).Stands() {
		c.t.Errorf("its passwords are answered with %s", code)
	}
}

// failAt has the verb fail in the step: the cluster refuses what it asks for, or, where nobody but the shop is asked, the
// shop is shut and the operation called off.
func (c *course) failAt(a store.Verb, behind int) asked {
	c.t.Helper()
	row := store.Verbs[a]
	t := newTrap(a, behind)
	// Nothing of what stands is to be changed by a verb that works on what stands already.
	t.halfway = row.Steps[behind] == "release" && (row.Changes || row.Leaves != "")
	c.traps.set(c.id, t)
	defer c.traps.set(c.id, nil)
	if row.Steps[behind] == "http" {
		open := c.shut()
		defer open()
	}
	asked := c.ask(a)
	if row.Steps[behind] == "http" {
		c.await(c.id, "the question to the shop", func(e storelog.Entry) bool {
			return e.State.Generation == asked.generation && t.catches(e.State)
		})
		c.cancel()
	}
	c.requireFailed(asked, behind, c.awaitEnd(asked))
	return asked
}

// cancel calls the operation off, as a gateway does.
func (c *course) cancel() {
	c.t.Helper()
	_, err := c.log.Update(c.t.Context(), c.id, func(s store.State) (*store.Message, error) {
		if err := store.AdmitCancel(s); err != nil {
			return nil, err
		}
		return &store.Message{
			Type: store.BecameFailed, Actor: "test", Generation: s.Generation, Time: time.Now(),
			Facts: store.Facts{Reason: store.ReasonCancelled, Message: "It was called off."},
		}, nil
	})
	if err != nil {
		c.t.Fatalf("cancel: %v\n%s", err, c.told(c.id))
	}
}

// requireFailed: the store stands as it stood, and the failure knows what was wanted.
func (c *course) requireFailed(a asked, behind int, end storelog.Entry) {
	c.t.Helper()
	s, was, step := end.State, a.before, a.Steps[behind]
	if end.Message.Type != store.BecameFailed || step != "http" && end.Message.Facts.Step != step {
		c.t.Fatalf("%s ended as %s in step %q, want it failed in %q:\n%s", a.Verb, end.Message.Type, end.Message.Facts.Step, step, c.told(c.id))
	}
	standing := was.Standing
	if a.Verb == store.Mend && standing == store.Up {
		standing = store.DegradedStanding
	}
	if s.Standing != standing || s.URL == "" || s.URL != was.URL || !s.Stood || s.InFlight() {
		c.t.Errorf("%s failed at %s: the store was %s at %q and is %s at %q", a.Verb, step, was.Standing, was.URL, s.Standing, s.URL)
	}
	if !reflect.DeepEqual(s.Running, was.Running) || !reflect.DeepEqual(s.Spec, was.Spec) {
		c.t.Errorf("%s failed at %s: it ran %+v and runs %+v; wanted was %+v and is %+v", a.Verb, step, was.Running, s.Running, was.Spec, s.Spec)
	}
	i := slices.IndexFunc(s.Failures, func(f store.Failure) bool { return f.Generation == a.generation })
	switch {
	case i < 0 && a.Forgets:
	case i < 0 || a.Forgets:
		c.t.Errorf("%s failed at %s: the failures are %+v", a.Verb, step, s.Failures)
	case a.Changes && !reflect.DeepEqual(s.Failures[i].Spec, &a.spec):
		c.t.Errorf("%s failed at %s: it wanted %+v, and remembers %+v", a.Verb, step, a.spec, s.Failures[i].Spec)
	}
}

// again tries what failed, with its own arguments.
func (c *course) again(failed asked) {
	c.t.Helper()
	verb := store.Retry
	if failed.Forgets {
		verb = failed.Verb
	}
	a := c.ask(verb)
	end := c.awaitEnd(a)
	a.Row, a.spec = failed.Row, failed.spec
	c.requireDone(a, end)
}

func (c *course) requireDone(a asked, end storelog.Entry) {
	c.t.Helper()
	s, was, standing := end.State, a.before, a.Leaves
	if standing == "" && was.Standing == store.SuspendedStanding {
		standing = store.SuspendedStanding
	} else if standing == "" {
		standing = store.Up
	}
	if s.Standing != standing || s.Outcome != store.Succeeded || s.URL != was.URL || s.Doing() != a.Verb || len(s.Failures) > 0 {
		c.t.Fatalf("%s left it %s at %q with failures %+v, want %s:\n%s", a.Verb, s.Standing, s.URL, s.Failures, standing, c.told(c.id))
	}
	if a.Changes && (!reflect.DeepEqual(s.Running.Options, a.spec.Options) || !reflect.DeepEqual(s.Spec.Options, a.spec.Options)) {
		c.t.Errorf("%s wanted %v, and left %v of %v", a.Verb, a.spec.Options, s.Running.Options, s.Spec.Options)
	}
	if page := c.showsPage(c.id); page != (standing == store.SuspendedStanding) {
		c.t.Errorf("%s left it %s, and its visitors meet the page: %t", a.Verb, standing, page)
	}
}

// doomed is a store that was asked to be deleted while an operation was at it.
type doomed struct {
	id store.ID
	in asked
}

// deleteAt has the store deleted in the step, and leaves it to others to wait for its end.
func (c *course) deleteAt(row store.Row, behind int) doomed {
	c.t.Helper()
	c.bringTo(row)
	t := newTrap(row.Verb, behind)
	t.holds = true
	c.traps.set(c.id, t)
	defer c.traps.set(c.id, nil)
	if row.Steps[behind] == "http" {
		open := c.shut()
		defer open()
	}
	a := c.ask(row.Verb)
	if row.Steps[behind] == "http" {
		c.await(c.id, "the question to the shop", func(e storelog.Entry) bool {
			return e.State.Generation == a.generation && t.catches(e.State)
		})
	} else {
		c.awaitClosed(t.sprung, string(row.Verb)+" comes to step "+row.Steps[behind])
	}
	c.command(c.id, store.DeleteCommand, nil)
	return doomed{c.id, a}
}

// requireDeleted waits until all of them are gone, and the operations that were at them have ended for that.
func (b *bundle) requireDeleted(all []doomed) {
	b.t.Helper()
	var ids []store.ID
	for _, d := range all {
		c := &course{bundle: b, id: d.id}
		b.awaitType(d.id, store.BecameDeleted)
		if end := c.awaitEnd(d.in); end.Message.Type != store.Superseded {
			b.t.Errorf("%s ended as %s:\n%s", d.in.Verb, end.Message.Type, b.told(d.id))
		}
		if s := b.state(d.id); s.Status != store.Deleted || s.InFlight() {
			b.t.Errorf("the store is %s, in flight: %t", s.Status, s.InFlight())
		}
		ids = append(ids, d.id)
	}
	b.requireAllGone(ids)
}

// shut keeps the store's visitors out until the returned function is called.
func (c *course) shut() (open func()) {
	c.shop.shut.Store(c.id, true)
	return func() { c.shop.shut.Delete(c.id) }
}
