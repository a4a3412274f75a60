package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/mailtest"
	"github.com/store-platform/store-platform/pkg/porttest"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/services/gateway/internal/api"
	"github.com/store-platform/store-platform/services/gateway/internal/directory"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// mailed is a gateway that writes to people, who find it where it listens.
type mailed struct {
	*peopled
	office *mailtest.Office
}

func setupMailed(t *testing.T) *mailed {
	t.Helper()
	office := mailtest.Open(t)
	address, err := porttest.Address()
	if err != nil {
		t.Fatal(err)
	}
	b := setup(t, func(c *Config) {
		c.Auth, c.AdminKey, c.SignUp = authAccounts, "sesame", "open"
		c.Listen, c.PublicURL = address, "http://"+address
		c.SMTPURL, c.MailFrom = "smtp://"+office.Address, "Stores <stores@example.com>"
	})
	d, err := directory.Open(t.Context(), b.log, 1, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return &mailed{&peopled{testBundle: b, directory: d}, office}
}

// letter is the link in the one that comes next, which must be to somebody.
func (m *mailed) letter(to, kind string) mailtest.Link {
	m.t.Helper()
	l := m.office.Next(m.t)
	if l.To != to {
		m.t.Fatalf("the next letter is to %s, want one to %s: %s", l.To, to, l.Body)
	}
	link := l.Link(m.t)
	if link.Kind != kind || link.Page != m.url+"/" {
		m.t.Fatalf("%s is sent %+v, want one to %s", to, link, kind)
	}
	return link
}

// told is the next letter, which has somebody know something and nothing to follow.
func (m *mailed) told(to, subject string) {
	m.t.Helper()
	l := m.office.Next(m.t)
	if l.To != to || l.Header.Get("Subject") != subject || strings.Contains(l.Body, "#") {
		m.t.Errorf("the next letter is to %s, %q: %s", l.To, l.Header.Get("Subject"), l.Body)
	}
}

// of is a browser in which somebody is signed in already.
func (b *peopled) of(p person) *browser {
	b.t.Helper()
	w := b.browser()
	name, value, _ := strings.Cut(p.header[1], "=")
	w.cookies[name] = value
	return w
}

// follows is somebody who clicks on a link and does what the page then shows: it sends what stands behind the # with what somebody types, who is
// the one with this address and password.
func (w *browser) follows(link mailtest.Link, email, password string) answer {
	w.t.Helper()
	page := w.gets(http.StatusOK, "GET", strings.TrimPrefix(link.Page, w.url), "")
	if !strings.Contains(string(page.body), `src="/assets/app.js"`) {
		w.t.Fatalf("the link leads to %s", page.body)
	}
	signedIn := w.send("GET", "/auth/me", "").status == http.StatusOK
	switch {
	case link.Kind == "verify":
		return w.send("POST", "/auth/verify", fmt.Sprintf(`{"link":%q}`, link.Secret))
	case link.Kind == "reset":
		return w.send("POST", "/auth/reset/confirm", fmt.Sprintf(`{"link":%q,"password":%q}`, link.Secret, password))
	case signedIn:
		return w.send("POST", "/invites/take", fmt.Sprintf(`{"invite":%q}`, link.Secret))
	}
	return w.send("POST", "/auth/signup", account(email, password, link.Secret))
}

// wantMe checks who an answer says that one is.
func wantMe(t *testing.T, a answer, status int, email string, verified bool) {
	t.Helper()
	if a.status != status {
		t.Fatalf("answered %d, want %d: %s", a.status, status, a.body)
	}
	if me := decoded[api.Me](t, a); me.Email != email || me.Verified != verified {
		t.Errorf("it is %+v, want %s, verified: %t", me, email, verified)
	}
}

// Of all who hold a letter that proves an address, its account alone can follow it, and once.
func TestALetterProvesAnAddressOnce(t *testing.T) {
	m := setupMailed(t)
	maria, mallory := m.browser(), m.browser()
	wantMe(t, maria.send("POST", "/auth/signup", account("maria@example.com", sentence, "")), http.StatusCreated, "maria@example.com", false)
	proves := m.letter("maria@example.com", "verify")
	wantMe(t, mallory.send("POST", "/auth/signup", account("mallory@example.com", sentence, "")), http.StatusCreated, "mallory@example.com", false)
	m.letter("mallory@example.com", "verify")

	wantProblem(t, m.browser().follows(proves, "", ""), http.StatusUnauthorized, problem.Unauthenticated)
	wantProblem(t, mallory.follows(proves, "", ""), http.StatusNotFound, problem.LinkUnknown)
	asReset := mailtest.Link{Page: proves.Page, Kind: "reset", Secret: proves.Secret}
	wantProblem(t, m.browser().follows(asReset, "", other), http.StatusNotFound, problem.LinkUnknown)
	for email, w := range map[string]*browser{"maria@example.com": maria, "mallory@example.com": mallory} {
		wantMe(t, w.send("GET", "/auth/me", ""), http.StatusOK, email, false)
	}
	wantMe(t, maria.follows(proves, "", ""), http.StatusOK, "maria@example.com", true)
	wantProblem(t, maria.follows(proves, "", ""), http.StatusNotFound, problem.LinkUnknown)
	wantProblem(t, mallory.follows(proves, "", ""), http.StatusNotFound, problem.LinkUnknown)

	maria.gets(http.StatusOK, "PATCH", "/auth/me", fmt.Sprintf(`{"email":"magdalena@example.com","current":%q}`, sentence))
	moves := m.letter("magdalena@example.com", "verify")
	wantProblem(t, mallory.follows(moves, "", ""), http.StatusNotFound, problem.LinkUnknown)
	wantMe(t, maria.send("GET", "/auth/me", ""), http.StatusOK, "maria@example.com", true)
	wantMe(t, maria.follows(moves, "", ""), http.StatusOK, "magdalena@example.com", true)
	m.told("maria@example.com", "Your e-mail address was changed")
	wantProblem(t, maria.follows(moves, "", ""), http.StatusNotFound, problem.LinkUnknown)
	wantMe(t, mallory.send("GET", "/auth/me", ""), http.StatusOK, "mallory@example.com", false)
}

// Whose the address is has a password by a letter, whoever is signed in where it is followed; of all such letters one is good, and once.
func TestALetterSetsAPasswordOnce(t *testing.T) {
	m := setupMailed(t)
	maria, piet := m.joins("Maria"), m.joins("Piet")
	for _, email := range []string{"nobody@example.com", "PIET@example.com", "piet@example.com"} {
		if asked := decoded[api.Asked](t, m.browser().gets(http.StatusAccepted, "POST", "/auth/reset", fmt.Sprintf(`{"email":%q}`, email))); asked.By != "mail" {
			t.Errorf("of %s it is said %+v", email, asked)
		}
	}
	// Two letters, and none to nobody before them.
	first, second := m.letter("piet@example.com", "reset"), m.letter("piet@example.com", "reset")
	asVerify := mailtest.Link{Page: first.Page, Kind: "verify", Secret: first.Secret}
	wantProblem(t, m.of(piet).follows(asVerify, "", ""), http.StatusNotFound, problem.LinkUnknown)

	before, err := m.directory.Account(t.Context(), maria.account)
	if err != nil {
		t.Fatal(err)
	}
	shared := m.of(maria)
	wantMe(t, shared.follows(second, "", sentence), http.StatusOK, "piet@example.com", true)
	wantMe(t, shared.send("GET", "/auth/me", ""), http.StatusOK, "piet@example.com", true)
	if after, err := m.directory.Account(t.Context(), maria.account); err != nil || after.Hash != before.Hash || after.Era != before.Era {
		t.Errorf("who was signed in there is %+v behind it, and was %+v; %v", after, before, err)
	}
	m.told("piet@example.com", "Your password was changed")
	m.of(piet).out("behind another password")
	for _, late := range []mailtest.Link{second, first} {
		wantProblem(t, m.browser().follows(late, "", other), http.StatusNotFound, problem.LinkUnknown)
	}
	wantProblem(t, m.browser().send("POST", "/auth/login", credentials("piet@example.com", other)), http.StatusUnauthorized, problem.SignInRefused)
	wantMe(t, m.browser().send("POST", "/auth/login", credentials("piet@example.com", sentence)), http.StatusOK, "piet@example.com", true)
}

// invited has an owner invite somebody, and answers what that one is sent.
func (m *mailed) invited(owner person, tenant, to string, role principal.Role) mailtest.Link {
	m.t.Helper()
	made := did[api.NewInvite](m.peopled, http.StatusCreated, owner.header, "POST", "/tenants/"+tenant+"/invites", fmt.Sprintf(`{"role":%q,"email":%q}`, role, to))
	if !made.Mailed {
		m.t.Errorf("%+v isn't mailed", made)
	}
	return m.letter(to, "invite")
}

// Who is invited by letter comes with a new account or the one that there is, alone, and as one member however often the letter is followed.
func TestALetterInvitesOne(t *testing.T) {
	m := setupMailed(t)
	maria, piet, mallory := m.joins("Maria"), m.joins("Piet"), m.joins("Mallory")
	tenant := m.founds(maria)

	invite := m.invited(maria, tenant, "newcomer@example.com", principal.Viewer)
	wantProblem(t, m.browser().follows(invite, "thief@example.com", sentence), http.StatusUnprocessableEntity, problem.InvalidField)
	wantProblem(t, m.of(piet).follows(invite, "", ""), http.StatusForbidden, problem.Forbidden)
	newcomer := m.browser()
	wantMe(t, newcomer.follows(invite, "Newcomer@example.com", sentence), http.StatusCreated, "Newcomer@example.com", false)
	m.letter("Newcomer@example.com", "verify")
	m.wantMembers(maria, tenant, principal.Owner, principal.Viewer)
	if again := newcomer.follows(invite, "", ""); again.status != http.StatusOK {
		t.Errorf("a second time it is answered %d %s", again.status, again.body)
	}
	wantProblem(t, m.of(mallory).follows(invite, "", ""), http.StatusNotFound, problem.NotFound)
	wantProblem(t, m.browser().follows(invite, "thief@example.com", sentence), http.StatusUnprocessableEntity, problem.InvalidField)
	m.wantMembers(maria, tenant, principal.Owner, principal.Viewer)

	invite = m.invited(maria, tenant, "piet@example.com", principal.Member)
	wantProblem(t, m.of(mallory).follows(invite, "", ""), http.StatusForbidden, problem.Forbidden)
	for range 2 {
		if a := m.of(piet).follows(invite, "", ""); a.status != http.StatusOK || decoded[api.Tenant](t, a).Role != principal.Member {
			t.Errorf("who has an account is answered %d %s", a.status, a.body)
		}
	}
	wantProblem(t, m.of(mallory).follows(invite, "", ""), http.StatusNotFound, problem.NotFound)
	m.wantMembers(maria, tenant, principal.Owner, principal.Viewer, principal.Member)
}

// wantMembers checks of which roles a tenant's members are, in the order in which they came.
func (m *mailed) wantMembers(owner person, tenant string, want ...principal.Role) {
	m.t.Helper()
	list := did[api.MemberList](m.peopled, http.StatusOK, owner.header, "GET", "/tenants/"+tenant+"/members", "").Members
	var have []principal.Role
	for _, one := range list {
		have = append(have, one.Role)
	}
	if fmt.Sprint(have) != fmt.Sprint(want) {
		m.t.Errorf("the members are %v, want %v", have, want)
	}
}

// Links end with the life that their letters name: the broker has them for that long, and nobody has them behind it.
func TestALinkEndsWithTheLifeThatItsLetterNames(t *testing.T) {
	m := setupMailed(t)
	maria, piet := m.joins("Maria"), m.joins("Piet")
	tenant := m.founds(maria)
	newcomer := m.browser()
	for prefix, c := range map[string]struct {
		life    time.Duration
		words   string
		ask     func()
		refused func(link mailtest.Link)
	}{
		"verify": {24 * time.Hour, "within 24 hours", func() {
			newcomer.gets(http.StatusCreated, "POST", "/auth/signup", account("newcomer@example.com", sentence, ""))
		}, func(link mailtest.Link) {
			wantProblem(t, newcomer.follows(link, "", ""), http.StatusNotFound, problem.LinkUnknown)
		}},
		"reset": {time.Hour, "within 60 minutes", func() {
			newcomer.gets(http.StatusAccepted, "POST", "/auth/reset", `{"email":"piet@example.com"}`)
		}, func(link mailtest.Link) {
			wantProblem(t, m.browser().follows(link, "", sentence), http.StatusNotFound, problem.LinkUnknown)
		}},
		"invite": {7 * 24 * time.Hour, "within 7 days", func() {
			did[api.NewInvite](m.peopled, http.StatusCreated, maria.header, "POST", "/tenants/"+tenant+"/invites", `{"role":"owner","email":"piet@example.com"}`)
		}, func(link mailtest.Link) {
			wantProblem(t, m.of(piet).follows(link, "", ""), http.StatusNotFound, problem.NotFound)
			m.wantMembers(maria, tenant, principal.Owner)
		}},
	} {
		c.ask()
		letter := m.office.Next(t)
		if !strings.Contains(letter.Body, c.words) {
			t.Errorf("it isn't said that it is good %s: %s", c.words, letter.Body)
		}
		kept := "link."
		if prefix == "invite" {
			kept = "invite."
		}
		m.ages(kept, c.life)
		c.refused(letter.Link(t))
	}
}

// ages has the newest pass below a prefix, which must live so long, come to its end.
func (m *mailed) ages(prefix string, life time.Duration) {
	m.t.Helper()
	ctx := m.t.Context()
	js, err := jetstream.New(m.conn)
	if err != nil {
		m.t.Fatal(err)
	}
	stream, err := js.Stream(ctx, storelog.StreamOf(storelog.BucketPasses))
	if err != nil {
		m.t.Fatal(err)
	}
	var newest *jetstream.RawStreamMsg
	for seq := stream.CachedInfo().State.LastSeq; newest == nil && seq > 0; seq-- {
		msg, err := stream.GetMsg(ctx, seq)
		if err == nil && strings.Contains(msg.Subject, "."+prefix) && len(msg.Data) > 0 {
			newest = msg
		}
	}
	if newest == nil {
		m.t.Fatalf("there is nothing below %s", prefix)
	}
	if has, err := time.ParseDuration(newest.Header.Get(jetstream.MsgTTLHeader)); err != nil || has != life {
		m.t.Errorf("%s lives for %s, want %s; %v", newest.Subject, has, life, err)
	}
	if _, err := js.Publish(ctx, newest.Subject, newest.Data, jetstream.WithMsgTTL(time.Second)); err != nil {
		m.t.Fatal(err)
	}
	waittest.Eventually(m.t, func() error {
		msg, err := stream.GetLastMsgForSubject(ctx, newest.Subject)
		if err == nil && len(msg.Data) > 0 {
			return fmt.Errorf("%s is there still", newest.Subject)
		}
		return nil
	})
}
