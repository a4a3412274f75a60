package people_test

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/store-platform/store-platform/test/internal/repo"
	"github.com/store-platform/store-platform/test/internal/shops"
)

// An operator is asked about those whom a backup has brought back for as long as these wait, also after they have chosen for which tenant they
// act; and what they are asked comes late, and moves nothing.
func TestWhoWaitsAfterARestoreIsToldOnThePageForEachTenant(t *testing.T) {
	in := install(t)
	clone, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	p := &page{in, shops.OpenTabHere(t, filepath.Join(clone, ".local", "screenshots"), "restored")}
	in.signUp(boss, "Olga Staying", in.operatorsLink())
	amber, _ := in.tenants()
	var waiting said
	waiting.says(`{"waiting":true,"accounts":2,"tenants":1}`)
	held, answer := late()
	behind := in.door(map[string]doorman{"/accounts/restored": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		held(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { waiting.answers(w, r, nil) }))
	}})
	p.do("", p.asks(boss, password, "Sign in"), p.Says("#me-name", "Olga Staying"))
	asked := p.Says("#account-note", "Restored from a backup, and waiting: accounts 2, tenants 1")
	p.from(behind, "", p.Says("#me-name", "Olga Staying"), p.Still(".sidebar-head .button", answer, asked), p.Says("#account-yes", "Let them in"),
		p.Shoot("asked"), p.Choose("#tenant", amber.id), p.Lacks("#account-note", "Restored"), answer, asked, p.Says("#account-yes", "Let them in"))
}
