package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// moment is a clock that a test moves.
type moment struct {
	mu sync.Mutex
	at time.Time
}

func (m *moment) now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

func (m *moment) pass(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = m.at.Add(d)
}

// keeping is a gateway whose clock is a test's, and another beside it, with somebody who owns a tenant and has signed in.
type keeping struct {
	here, there    *Directory
	clock          *moment
	owner          Account
	tenant, secret string
}

func keeps(t *testing.T) (*keeping, *server.Server) {
	t.Helper()
	broker := bustest.StartServer(t, &server.Options{})
	nc := bustest.Connect(t, broker)
	k := &keeping{there: opened(t, nc), clock: &moment{at: time.Now()}}
	log, err := storelog.Open(t.Context(), nc)
	if err == nil {
		k.here, err = Open(t.Context(), log, 1, k.clock.now)
	}
	if err != nil {
		t.Fatal(err)
	}
	k.owner = verifiedUp(t, k.there, "maria@example.com")
	k.tenant = tenantOf(t, k.there, k.owner.ID).ID
	if k.secret, err = k.there.NewSession(t.Context(), k.owner); err != nil {
		t.Fatal(err)
	}
	return k, broker
}

// role is what who has signed in is here.
func (k *keeping) role(t *testing.T) (principal.Role, error) {
	t.Helper()
	s, err := k.here.SignedIn(t.Context(), k.secret, k.tenant)
	if err == nil && (s.Account != k.owner.ID || s.Place.Tenant != k.tenant) {
		t.Fatalf("somebody else: %+v", s)
	}
	return s.Place.Role, err
}

func (k *keeping) want(t *testing.T, when string, role principal.Role, want error) {
	t.Helper()
	if got, err := k.role(t); got != role || !errors.Is(err, want) {
		t.Errorf("%s: %q (%v), want %q (%v)", when, got, err, role, want)
	}
}

// What is taken away at another gateway goes on here for as long as an answer is kept, and no longer.
func TestWhatWasSaidIsKeptForItsTime(t *testing.T) {
	k, _ := keeps(t)
	k.want(t, "first", principal.Owner, nil)
	k.clock.pass(Kept - time.Millisecond)
	k.want(t, "before the end", principal.Owner, nil)
	if err := k.there.SignOut(t.Context(), k.secret); err != nil {
		t.Fatal(err)
	}
	k.want(t, "ended elsewhere", principal.Owner, nil)
	// Asking doesn't make an answer younger.
	k.clock.pass(time.Millisecond)
	k.want(t, "behind its time", "", ErrUnknown)
}

func TestWhoIsAskedAnewIsTheLeader(t *testing.T) {
	k, _ := keeps(t)
	k.want(t, "first", principal.Owner, nil)
	shown := principal.Credential{Kind: principal.BySession, ID: k.here.sessions.keyOf(k.secret)}
	if s, err := k.here.Stands(t.Context(), shown, k.tenant); err != nil || s.Place.Role != principal.Owner || s.Credential != shown {
		t.Fatalf("%+v, %v", s, err)
	}
	if err := k.there.SignOut(t.Context(), k.secret); err != nil {
		t.Fatal(err)
	}
	if _, err := k.here.Stands(t.Context(), shown, k.tenant); !errors.Is(err, ErrUnknown) {
		t.Errorf("ended elsewhere: %v", err)
	}
}

func TestOwnWritesAreSeenAtOnce(t *testing.T) {
	k, _ := keeps(t)
	for what, write := range map[string]func() error{
		"a session ended": func() error { return k.here.SignOut(t.Context(), k.secret) },
		"all sessions ended": func() error {
			a, err := k.here.Account(t.Context(), k.owner.ID)
			if err != nil {
				return err
			}
			return k.here.EndSessions(t.Context(), a)
		},
	} {
		now, err := k.here.Account(t.Context(), k.owner.ID)
		if err == nil {
			k.secret, err = k.here.NewSession(t.Context(), now)
		}
		if err != nil {
			t.Fatal(err)
		}
		k.want(t, "before "+what, principal.Owner, nil)
		if err := write(); err != nil {
			t.Fatal(err)
		}
		k.want(t, what, "", ErrUnknown)
	}
}

// What makes somebody a member, or begins another era, is true at every gateway at once.
func TestNobodyIsRefusedByWhatWasSaidBefore(t *testing.T) {
	k, _ := keeps(t)
	k.want(t, "first", principal.Owner, nil)
	other := tenantOf(t, k.there, verifiedUp(t, k.there, "ben@example.com").ID)
	if _, err := k.here.SignedIn(t.Context(), k.secret, other.ID); !errors.Is(err, ErrNoTenant) {
		t.Fatalf("no member: %v", err)
	}
	joined(t, k.there, other.ID, other.Members[0].Account, k.owner.ID, principal.Viewer)
	if s, err := k.here.SignedIn(t.Context(), k.secret, other.ID); err != nil || s.Place.Role != principal.Viewer {
		t.Errorf("a member by now: %+v (%v)", s.Place, err)
	}
	if err := k.there.EndSessions(t.Context(), k.owner); err != nil {
		t.Fatal(err)
	}
	now, err := k.there.Account(t.Context(), k.owner.ID)
	if err == nil {
		k.secret, err = k.there.NewSession(t.Context(), now)
	}
	if err != nil {
		t.Fatal(err)
	}
	k.want(t, "a session of the next era", principal.Owner, nil)
}

// A silent broker says nothing of anybody: what it said holds for its time, and behind that nothing does.
func TestSilenceIsNoRefusal(t *testing.T) {
	k, broker := keeps(t)
	k.want(t, "first", principal.Owner, nil)
	broker.Shutdown()
	k.clock.pass(Kept - time.Millisecond)
	k.want(t, "while the answer holds", principal.Owner, nil)
	k.clock.pass(time.Millisecond)
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	s, err := k.here.SignedIn(short, k.secret, k.tenant)
	if role := s.Place.Role; role != "" || !storelog.Unanswered(err) || errors.Is(err, ErrUnknown) {
		t.Errorf("behind it: %q (%v)", role, err)
	}
}

// An answer that was under way while this gateway wrote may be from before.
func TestAnAnswerFromBeforeAWriteIsNotKept(t *testing.T) {
	m := newMemory(1, time.Now)
	keep := m.begin()
	m.drop("tenants.t-1")
	keep("tenants.t-1", nil)
	if _, kept := m.recall("tenants.t-1"); kept {
		t.Error("it is kept")
	}
	m.begin()("tenants.t-1", nil)
	if _, kept := m.recall("tenants.t-1"); !kept {
		t.Error("what was asked for behind it isn't")
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	m := newMemory(1, time.Now)
	for i := range mostKept + 1000 {
		m.begin()(fmt.Sprint("passes.", i), nil)
	}
	if n := m.said.Len(); n != mostKept {
		t.Errorf("%d answers are kept", n)
	}
}

// What was read is shared by all who are told of it, and nobody but the leader changes what the next one is told.
func TestWhoIsToldChangesNothingOfWhatTheNextIsTold(t *testing.T) {
	k, _ := keeps(t)
	if _, err := k.there.ChangeTenant(t.Context(), By{Operator: true}, k.tenant, TenantChange{Limits: &Limits{MaxStores: new(3)}}); err != nil {
		t.Fatal(err)
	}
	scopes := []principal.Scope{principal.ReadStores, principal.WriteStores}
	// A use that is to be noted is a write, behind which the leader is asked again.
	_, text, err := k.there.NewToken(t.Context(), Token{Account: k.owner.ID, Tenant: k.tenant, Role: principal.Owner, Scopes: scopes, LastUsed: k.clock.now()})
	if err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"first", "behind who has changed it"} {
		s, err := k.here.Bearing(t.Context(), text, "")
		if err != nil || !slices.Equal(s.Scopes, scopes) {
			t.Errorf("%s: %v (%v)", when, s.Scopes, err)
		}
		limits, err := k.here.LimitsOf(t.Context(), k.tenant)
		if err != nil || limits.MaxStores == nil || *limits.MaxStores != 3 {
			t.Fatalf("%s: %+v (%v)", when, limits, err)
		}
		s.Scopes[1], *limits.MaxStores = principal.Operate, 1000
	}
}

// What can't be read is refused to everybody who looks, and not to the first alone.
func TestWhatCannotBeReadIsNobodysStanding(t *testing.T) {
	k, _ := keeps(t)
	if _, err := k.there.accounts.kv.Put(t.Context(), "account."+k.owner.ID, []byte(`{"id":`)); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"first", "once more"} {
		if s, err := k.here.SignedIn(t.Context(), k.secret, k.tenant); err == nil || errors.Is(err, ErrUnknown) || errors.Is(err, ErrNoTenant) {
			t.Errorf("%s: %+v (%v)", when, s, err)
		}
	}
}

// Of who names no tenant it is the only one that they belong to, whatever their account says of others.
func TestTheOnlyTenantNeedNotBeNamed(t *testing.T) {
	k, _ := keeps(t)
	gone := tenantOf(t, k.there, verifiedUp(t, k.there, "ben@example.com").ID)
	if _, err := k.there.accounts.change(t.Context(), k.owner.ID, func(a *Account) (bool, error) {
		a.Tenants = append([]string{"t-nowhere222", gone.ID}, a.Tenants...)
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	if s, err := k.here.SignedIn(t.Context(), k.secret, ""); err != nil || s.Place.Tenant != k.tenant {
		t.Errorf("the only one is %+v (%v)", s.Place, err)
	}
	joined(t, k.there, gone.ID, gone.Members[0].Account, k.owner.ID, principal.Viewer)
	k.clock.pass(Kept)
	if s, err := k.here.SignedIn(t.Context(), k.secret, ""); err != nil || s.Place != (principal.Place{}) {
		t.Errorf("the one of two is %+v (%v)", s.Place, err)
	}
}

func TestAFeedTicketIsSpentOnce(t *testing.T) {
	k, _ := keeps(t)
	want := FeedTicket{Credential: principal.Credential{Kind: principal.BySession, ID: "session.x"}, Tenant: k.tenant}
	secret, err := k.here.IssueFeedTicket(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.there.SpendFeedTicket(t.Context(), secret); err != nil || got != want {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := k.here.SpendFeedTicket(t.Context(), secret); !errors.Is(err, ErrUnknown) {
		t.Errorf("once more: %v", err)
	}
}
