package people_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/repo"
	"github.com/store-platform/store-platform/test/internal/shops"
)

// page is the gateway's, in a browser.
type page struct {
	*installation
	*shops.Tab
}

// page opens a browser, whose pictures are called so.
func (in *installation) page(called string) *page {
	in.Helper()
	clone, err := repo.Root()
	if err != nil {
		in.Fatal(err)
	}
	return &page{in, shops.OpenTabHere(in.T, filepath.Join(clone, ".local", "screenshots"), called)}
}

// of is the same page, of another test.
func (p *page) of(t *testing.T) *page {
	in := *p.installation
	in.T = t
	return &page{&in, p.Tab}
}

// Shoot also keeps what it looks like to who wants it dark, and fails where something is too faint in either.
func (p *page) Shoot(name string) shops.Act {
	return shops.Steps(p.Tab.Shoot(name), p.Legible(), p.Dark(p.Tab.Shoot(name+"-dark"), p.Legible()))
}

// do performs acts at a place of the page, opened anew, during which nothing on it may fail but that somebody isn't let in.
func (p *page) do(place string, acts ...shops.Act) {
	p.Helper()
	// From one place of a page to another, or to the same, a browser doesn't load it again.
	if err := p.Do(p.Open("about:blank")); err != nil {
		p.Fatal(err)
	}
	faults, err := p.DoAt(p.api+"/"+place, acts...)
	if err != nil {
		p.Fatal(err)
	}
	for _, fault := range faults {
		if !strings.Contains(fault, fmt.Sprint("answers ", http.StatusUnauthorized)) {
			p.Error(fault)
		}
	}
}

// leaves is somebody who sees on a phone who they are, and signs out there.
func (p *page) leaves(name string) {
	p.Helper()
	p.do("", p.Phone(
		p.Says("#me-name", name), p.Press("Sign out"), p.Says("#gate-note", "You are signed out."), p.Says("#gate-title", "Sign in"), p.Lacks("body", name),
	))
}

// asks fills the form that lets somebody in.
func (p *page) asks(email, secret, button string) shops.Act {
	return shops.Steps(p.Type("#gate-email", email), p.Type("#gate-password", secret), p.Press(button))
}

// All that the page has of accounts, as people meet it: the first operator, who then is refused once and let in; somebody who comes by an invite
// and joins a second tenant; somebody who has an account and is invited; and somebody whom a provider knows, and nobody else. Each picture is
// taken as a desk and as a phone show it.
func TestPeopleComeAndGoOnThePage(t *testing.T) {
	t.Parallel()
	in := install(t)
	p := in.page("people")
	p.staysStill()
	p.do("", p.Cursor("#gate-email"), p.Says("#gate-title", "Sign in"), p.Says("#gate-providers", "Sign in with Example House"), p.Shoot("sign-in"))
	p.do("#invite="+in.operatorsLink(),
		p.Cursor("#gate-name"), p.Says("#gate-title", "Make an account"), p.Says("#gate-text", "you look after the platform"), p.Shoot("sign-up"),
		p.Type("#gate-name", "Olga Staying"), p.asks(boss, password, "Make the account"),
		p.Says("#me-name", "Olga Staying"), p.Says("#list-title", "Stores"), p.Says("#connection", "Live"), p.Shoot("operator"),
	)
	p.leaves("Olga Staying")
	p.do("",
		p.Cursor("#gate-email"), p.asks(boss, "another sentence", "Sign in"), p.Says("#gate-error", "The address or the password is wrong."),
		p.Cursor("#gate-password"), p.Shoot("refused"),
		p.Type("#gate-password", password), p.Press("Sign in"), p.Says("#me-name", "Olga Staying"), p.Lacks("#gate", "Sign in"),
	)
	p.leaves("Olga Staying")
	amber, violet := in.tenants()

	p.do("#invite="+amber.invite("member"),
		p.Cursor("#gate-name"), p.Says("#gate-text", "you take the invite"),
		p.Type("#gate-name", "Maria Rossi"), p.asks("maria@example.com", password, "Make the account"),
		p.Says("#me-name", "Maria Rossi"), p.Says("#list", "Amber tea"), p.Lacks("#me", "Amber"), p.Says("#connection", "Live"),
		// Who looks after nothing has no such page, nor the way to it.
		p.Lacks("nav", "Operators"), p.Shoot("one-tenant"),
	)
	p.do("#invite="+violet.invite("viewer"),
		p.Says("#account-text", "You are invited to join a tenant."), p.Says("#list", "Amber tea"), p.Shoot("invited"),
		p.Press("Join"), p.Lacks("#account-note", "invited"), p.Says("#tenant", "Amber Agency"), p.Says("#tenant", "Violet Works"),
		p.Choose("#tenant", violet.id), p.Says("#list", "Violet ink"), p.Lacks("#list", "Amber tea"), p.Shoot("two-tenants"),
		p.Choose("#tenant", amber.id), p.Says("#list", "Amber tea"), p.Lacks("#list", "Violet ink"),
	)
	p.leaves("Maria Rossi")

	in.signUp("piet@example.com", "Piet Mees", "")
	p.do("#invite="+violet.invite("owner"),
		p.Cursor("#gate-name"), p.Press("I have an account"), p.Cursor("#gate-email"), p.asks("piet@example.com", password, "Sign in"),
		p.Says("#me-name", "Piet Mees"), p.Says("#account-text", "You are invited to join a tenant."), p.Press("Join"), p.Says("#list", "Violet ink"),
	)
	p.leaves("Piet Mees")

	// Dora signs out at the provider, too, where the page leads.
	p.comes("", doraUser, p.Says("#me-name", "Dora"), p.Says("#account-text", "You belong to no tenant yet."), p.Says("#list-empty", "No stores yet"),
		p.Shoot("no-tenant"), p.Press("Sign out"), p.Gone("#sign-out"))
	p.comes("#invite="+amber.invite("viewer"), cleoUser, p.Says("#me-name", cleoName), p.Says("#account-text", "You are invited to join a tenant."),
		p.Press("Join"), p.Says("#list", "Amber tea"))
}

// comes is somebody who signs in at the provider from a place of the page, and what they do then.
func (p *page) comes(place, user string, acts ...shops.Act) {
	p.Helper()
	p.do(place, p.Click("#gate-providers a"), p.See("#username"))
	if err := p.Do(append([]shops.Act{p.Type("#username", user), p.Type("#password", providersPassword), p.Press("Login")}, acts...)...); err != nil {
		p.Fatal(err)
	}
}

// tenant is one with a store.
type tenant struct {
	id    string
	chief *visitor
	store store.ID
}

// tenants are two that the operator has founded.
func (in *installation) tenants() (amber, violet tenant) {
	in.Helper()
	return in.founded("Amber Agency", "Amber tea"), in.founded("Violet Works", "Violet ink")
}

func (in *installation) founded(name, called string) tenant {
	in.Helper()
	chief := in.visitor()
	chief.did(http.StatusOK, http.MethodPost, "/auth/login", body("email", boss, "password", password))
	chief.tenant, _ = chief.did(http.StatusCreated, http.MethodPost, "/tenants", body("name", name))["id"].(string)
	t := tenant{id: chief.tenant, chief: chief}
	t.store = t.made(called)
	return t
}

// made is another store of the tenant's.
func (t tenant) made(called string) store.ID {
	t.chief.in.Helper()
	id, _ := t.chief.did(http.StatusAccepted, http.MethodPost, "/stores", body("name", called, "engine", "sample"))["id"].(string)
	return store.ID(id)
}

// invite makes one for whoever has its secret.
func (t tenant) invite(role string) string {
	t.chief.in.Helper()
	text, _ := t.chief.did(http.StatusCreated, http.MethodPost, "/tenants/"+t.id+"/invites", body("role", role))["invite"].(string)
	return text
}
