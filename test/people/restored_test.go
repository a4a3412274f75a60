package people_test

import (
	"fmt"
	"net/http"

	"github.com/chromedp/chromedp"

	"github.com/store-platform/store-platform/test/internal/shops"
)

// restored is an operator who is asked about those whom a backup has brought back for as long as these wait, also after they have chosen for which
// tenant they act; and what they are asked comes late, moves nothing, and covers nothing that somebody is at.
func (p *page) restored(amber tenant) {
	var waiting said
	waiting.says(`{"waiting":true,"accounts":2,"tenants":1}`)
	lately := func() (behind string, answer shops.Act) {
		held, answer := late()
		return p.door(map[string]doorman{"/accounts/restored": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			held(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { waiting.answers(w, r, nil) }))
		}}), answer
	}
	behind, answer := lately()
	asked := p.Says("#account-note", "Restored from a backup, and waiting: accounts 2, tenants 1")
	p.from(behind, "", p.Says("#me-name", "Olga Staying"), p.Still(".sidebar-head .button", answer, asked), p.Says("#account-yes", "Let them in"),
		p.Shoot("asked"), p.Choose("#tenant", amber.id), p.Lacks("#account-note", "Restored"), answer, asked, p.Says("#account-yes", "Let them in"))
	const at = "#detail .fold:last-child summary"
	// A door of its own: a page that was left may ask on at the other.
	behind, answer = lately()
	p.from(behind, "#store/"+string(amber.store), p.Says("#detail-name", "Amber tea"), p.Phone(atTheFoot(at), answer, asked, uncovered(at)))
}

// atTheFoot puts the cursor somewhere, which is scrolled to where a window ends.
func atTheFoot(selector string) shops.Act {
	return chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(e => (e.focus({ preventScroll: true }), scrollBy(0, e.getBoundingClientRect().bottom - innerHeight), undefined))(document.querySelector(%q))`, selector))
}

// uncovered waits until one sees all of what the selector names.
func uncovered(selector string) shops.Act {
	return chromedp.Poll[chromedp.Void](fmt.Sprintf(`(({ left, right, top, bottom }, e) => [top + 1, bottom - 1].every(y => e.contains(document.elementFromPoint((left + right) / 2, y))))(document.querySelector(%[1]q).getBoundingClientRect(), document.querySelector(%[1]q))`, selector))
}
