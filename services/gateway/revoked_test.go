package gateway

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// street is a tenant of three: its owner, a member and a viewer.
type street struct {
	*town
	tenant                string
	owner, member, viewer directory.Account
}

func (b *testBundle) street() *street {
	b.t.Helper()
	s := &street{town: b.town(), tenant: "t-street2222"}
	live := func(id string) directory.Account {
		return s.settle(directory.Account{ID: id, Tenants: []string{s.tenant}, Verified: true})
	}
	s.owner, s.member, s.viewer = live("a-owner22222"), live("a-member2222"), live("a-viewer2222")
	s.found(directory.Tenant{ID: s.tenant}, member(s.owner.ID, principal.Owner), member(s.member.ID, principal.Member), member(s.viewer.ID, principal.Viewer))
	return s
}

// headerOf are headers as a WebSocket's client takes them.
func headerOf(headers []string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return h
}

// listens opens the feed as somebody and returns both ends.
func (b *testBundle) listens(u *upstream, query string, headers ...string) (near, far *websocket.Conn) {
	b.t.Helper()
	near, _, err := b.dial(query, headerOf(headers))
	if err != nil {
		b.t.Fatal(err)
	}
	far = received(b.t, u.conns)
	b.t.Cleanup(func() { near.Close(); far.Close() })
	if err := errors.Join(near.SetReadDeadline(time.Now().Add(patience)), far.SetReadDeadline(time.Now().Add(patience))); err != nil {
		b.t.Fatal(err)
	}
	return near, far
}

// hears says whether what is told at one end comes out at the other.
func hears(t *testing.T, near, far *websocket.Conn) {
	t.Helper()
	if err := far.WriteMessage(websocket.TextMessage, []byte("still")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := near.ReadMessage(); err != nil || string(got) != "still" {
		t.Errorf("who may listen hears %q (%v)", got, err)
	}
}

// soon is how soon all has to end: ten seconds in production, of whose waits the installation of the test has a tenth, and what the
// machine is busy with.
const soon = time.Second + 5*time.Second

// What one gateway has been told ends at the others, feeds included, and nobody else's does.
func TestWhatIsRevokedAtOneGatewayEndsAtTheOthers(t *testing.T) {
	u := newUpstream(t)
	b := setup(t, withFeed(u), withAccounts)
	s, other := b.street(), b.second(withFeed(u), withAccounts)
	owner := s.session(s.owner, s.tenant)
	token, bearer := s.token(s.member.ID, s.tenant, principal.Member, principal.ReadStores)
	_, viewers := s.token(s.viewer.ID, s.tenant, principal.Viewer, principal.ReadStores)
	one, all := s.session(s.member, s.tenant), s.session(s.member, s.tenant)
	ownNear, ownFar := b.listens(u, "", owner...)
	for _, c := range []struct {
		what         string
		of           []string
		method, path string
		by           []string
	}{
		{"a token", bearer, http.MethodDelete, "/auth/tokens/" + token.ID, all},
		{"a session", one, http.MethodPost, "/auth/logout", one},
		{"all sessions", all, http.MethodDelete, "/auth/sessions", all},
		{"a token of who has left", viewers, http.MethodDelete, "/tenants/" + s.tenant + "/members/" + s.viewer.ID, owner},
	} {
		near, _ := b.listens(u, "", c.of...)
		if a := b.get("/stores/sabcdefghijk", c.of...); a.status != http.StatusNotFound {
			t.Fatalf("%s: answered %d %s", c.what, a.status, a.body)
		}
		began := time.Now()
		if a := other.do(c.method, c.path, "", c.by...); a.status != http.StatusNoContent {
			t.Fatalf("%s: its end is answered %d %s", c.what, a.status, a.body)
		}
		wantClose(t, near, feed.CloseRevoked)
		b.await(c.what+" ends", func() bool { return b.get("/stores/sabcdefghijk", c.of...).status == http.StatusUnauthorized })
		if took := time.Since(began); took > soon {
			t.Errorf("%s ended %s later", c.what, took)
		}
	}
	hears(t, ownNear, ownFar)
}

// Who is no member any more, and has signed in, is told of nothing; a suspended tenant's people read on.
func TestAMembershipEndsAtEveryGateway(t *testing.T) {
	u := newUpstream(t)
	b := setup(t, withFeed(u), withAccounts)
	s, other := b.street(), b.second(withFeed(u), withAccounts)
	headers := s.session(s.member, s.tenant)
	near, _ := b.listens(u, "", headers...)
	ownNear, ownFar := b.listens(u, "", s.session(s.owner, s.tenant)...)
	if a := other.do(http.MethodDelete, "/tenants/"+s.tenant+"/members/"+s.member.ID, "", s.session(s.owner, s.tenant)...); a.status != http.StatusNoContent {
		t.Fatalf("answered %d %s", a.status, a.body)
	}
	wantClose(t, near, feed.CloseRevoked)
	b.await("the member has left", func() bool { return b.get("/stores", headers...).status == http.StatusNotFound })
	if a := other.do(http.MethodPatch, "/tenants/"+s.tenant, `{"suspended":true}`, "X-Api-Key", "sesame"); a.status != http.StatusOK {
		t.Fatalf("answered %d %s", a.status, a.body)
	}
	owner := s.session(s.owner, s.tenant)
	b.await("the tenant is suspended", func() bool { return b.do(http.MethodPost, "/stores", `{}`, owner...).status == http.StatusForbidden })
	hears(t, ownNear, ownFar)
}

// A gateway that is cut off from the broker can't tell who anybody is. It says so, and whoever listens is sent elsewhere by and by: what they may hear may
// have been taken back. Who holds its own key may stay.
func TestAGatewayThatIsCutOffRefusesNobody(t *testing.T) {
	u := newUpstream(t)
	b := setup(t, withFeed(u), withAccounts)
	way := bustest.NewDoor(t)
	way.LeadTo(b.broker.Addr().String())
	s, far := b.street(), b.second(withFeed(u), withAccounts, func(c *Config) { c.NATS.URL = "nats://" + way.Address })
	_, bearer := s.token(s.member.ID, s.tenant, principal.Member, principal.ReadStores)
	session := s.session(s.owner, s.tenant)
	ended := s.session(s.viewer, s.tenant)
	near, _ := far.listens(u, "", bearer...)
	keyNear, keyEnd := far.listens(u, "", asOperator...)
	built := b.built("sabcdefghijk", s.tenant)
	for _, headers := range [][]string{bearer, session, ended} {
		if a := far.get("/stores/"+string(built.ID), headers...); a.status != http.StatusOK {
			t.Fatalf("answered %d %s", a.status, a.body)
		}
	}
	way.Cut()
	far.await("the gateway is cut off", func() bool { return far.get("/readyz").status == http.StatusServiceUnavailable })
	if a := b.do(http.MethodPost, "/auth/logout", "", ended...); a.status != http.StatusNoContent {
		t.Fatalf("answered %d %s", a.status, a.body)
	}
	tick := time.NewTicker(withinKept / 4)
	defer tick.Stop()
	// Until what was kept has had its time, and beyond.
	for range 12 {
		<-tick.C
		for _, headers := range [][]string{bearer, session, ended, {"Authorization", "Bearer sp_nobodys"}, {"X-Api-Key", "sesame", "X-Tenant", s.tenant}} {
			wantProblem(t, far.get("/stores/"+string(built.ID), headers...), http.StatusServiceUnavailable, problem.BrokerUnavailable)
		}
	}
	// What is the same for everybody is shown to whoever comes, with whatever cookie.
	if a := far.get("/", session...); a.status != http.StatusOK {
		t.Errorf("the page is answered %d", a.status)
	}
	wantClose(t, near, websocket.CloseTryAgainLater)
	hears(t, keyNear, keyEnd)
	way.LeadTo(b.broker.Addr().String())
	far.await("the gateway is back", func() bool { return far.get("/stores/"+string(built.ID), bearer...).status == http.StatusOK })
	wantProblem(t, far.get("/stores/"+string(built.ID), ended...), http.StatusUnauthorized, problem.Unauthenticated)
	near, end := far.listens(u, "", bearer...)
	hears(t, near, end)
}

// withinKept is how long an answer holds in the installation of a test.
const withinKept = directory.Kept / 10

// A page that has a token can't show it where it listens, so it fetches a ticket, which is good once, at any gateway, for as long as the token is.
func TestATicketOpensTheFeedOnce(t *testing.T) {
	u := newUpstream(t)
	b := setup(t, withFeed(u), withAccounts)
	s, other := b.street(), b.second(withFeed(u), withAccounts)
	token, bearer := s.token(s.member.ID, s.tenant, principal.Member, principal.ReadStores)
	fetch := func() string {
		a := b.do(http.MethodPost, "/feed/tickets", "", bearer...)
		if a.status != http.StatusCreated {
			t.Fatalf("answered %d %s", a.status, a.body)
		}
		ticket := decoded[struct {
			Ticket  string
			Expires time.Time
		}](t, a)
		if left := time.Until(ticket.Expires); left <= 0 || left > directory.FeedTicketLife {
			t.Errorf("it expires in %s", left)
		}
		return ticket.Ticket
	}
	ticket := fetch()
	near, far := other.listens(u, "?ticket="+ticket)
	hears(t, near, far)
	for _, path := range []string{"/feed?ticket=" + ticket, "/feed?ticket=", "/stores?ticket=" + fetch()} {
		wantProblem(t, other.get(path), http.StatusUnauthorized, problem.Unauthenticated)
	}
	unused := fetch()
	if a := b.do(http.MethodDelete, "/auth/tokens/"+token.ID, "", s.session(s.member, s.tenant)...); a.status != http.StatusNoContent {
		t.Fatalf("answered %d %s", a.status, a.body)
	}
	wantClose(t, near, feed.CloseRevoked)
	wantProblem(t, other.get("/feed?ticket="+unused), http.StatusUnauthorized, problem.Unauthenticated)
}

// A browser sends cookies along with whatever any page has it send. So who changes something by one says which page that is; a token no page has
// that wasn't given it.
func TestACookieAloneChangesNothing(t *testing.T) {
	b := setup(t, withAccounts)
	s := b.street()
	cookie := s.session(s.owner, s.tenant)[:2]
	_, bearer := s.token(s.owner.ID, s.tenant, principal.Owner, principal.WriteStores)
	for _, c := range []struct {
		name   string
		header []string
		status int
	}{
		{"no page", cookie, http.StatusForbidden},
		{"this page", append([]string{"Origin", b.url}, cookie...), http.StatusAccepted},
		{"this page, in the browser's words", append([]string{"Sec-Fetch-Site", "same-origin"}, cookie...), http.StatusAccepted},
		{"another page", append([]string{"Origin", "http://evil.example"}, cookie...), http.StatusForbidden},
		{"another page, in the browser's words", append([]string{"Sec-Fetch-Site", "cross-site"}, cookie...), http.StatusForbidden},
		{"a token", bearer, http.StatusAccepted},
		{"a token and a cookie", append(bearer, cookie...), http.StatusAccepted},
		{"a void token and a cookie", append([]string{"Origin", b.url, "X-Api-Key", "sp_nobodys"}, cookie...), http.StatusUnauthorized},
	} {
		a := b.do(http.MethodPost, "/stores", `{}`, append([]string{"X-Tenant", s.tenant}, c.header...)...)
		if a.status != c.status {
			t.Errorf("%s: answered %d %s", c.name, a.status, a.body)
		}
		if a.status == http.StatusForbidden {
			wantProblem(t, a, http.StatusForbidden, problem.ForeignOrigin)
		}
	}
	if a := b.get("/auth/me", cookie...); a.status != http.StatusOK {
		t.Errorf("who only looks is answered %d %s", a.status, a.body)
	}
}

// The log names who acts by ids, and an account's are apart from those of its tokens.
func TestWhoActsIsNamedOnTheLog(t *testing.T) {
	b := setup(t, withAccounts)
	s := b.street()
	token, bearer := s.token(s.owner.ID, s.tenant, principal.Owner, principal.WriteStores)
	for actor, headers := range map[string][]string{
		s.owner.ID: s.session(s.owner, ""), s.owner.ID + "/" + token.ID: bearer, principal.Admin: {"X-Api-Key", "sesame", "X-Tenant", s.tenant},
	} {
		made := b.create(`{}`, headers...)
		entry, err := b.log.Message(t.Context(), made.Version)
		if err != nil {
			t.Fatal(err)
		}
		if text := string(entry.Data); made.Tenant != s.tenant || !strings.Contains(text, `"actor":"`+actor+`"`) {
			t.Errorf("%s made a store of %s: %s", actor, made.Tenant, text)
		}
	}
}
