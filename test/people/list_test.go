package people_test

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/store-platform/store-platform/test/internal/repo"
	"github.com/store-platform/store-platform/test/internal/shops"
)

// aiming keeps the pointer moving over the list while something is done and until it counts so many stores: the first is still the one that it was
// then. Both are asked in one look, since what nobody aims at any more may move before the next.
func (p *page) aiming(do shops.Act, count, first string) shops.Act {
	return shops.Steps(
		chromedp.Evaluate[chromedp.Void](`window.aim = setInterval(() => document.querySelector("#list a").dispatchEvent(new PointerEvent("pointermove", { bubbles: true })), 20), undefined`),
		// It has moved once before anything comes.
		chromedp.Poll[chromedp.Void](`(document.querySelector("#list a").dispatchEvent(new PointerEvent("pointermove", { bubbles: true })), true)`),
		do,
		chromedp.Poll[chromedp.Void](`document.querySelector("#list-count").textContent === "`+count+`" && document.querySelector("#list > li:first-child").textContent.includes("`+first+`")`),
		chromedp.Evaluate[chromedp.Void](`clearInterval(window.aim)`),
	)
}

// An operator filters, orders and searches the list. What they typed stays whatever happens, and no row moves under the pointer.
func TestTheListIsFilteredAndHoldsStillOnThePage(t *testing.T) {
	in := install(t)
	clone, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	p := &page{in, shops.OpenTabHere(t, filepath.Join(clone, ".local", "screenshots"), "list")}
	in.signUp(boss, "Olga Staying", in.operatorsLink())
	amber, violet := in.tenants()
	worker := in.worker("provisioner")
	worker.fail(amber.store)
	made := func(name string) shops.Act {
		return act(func() {
			violet.chief.did(http.StatusAccepted, http.MethodPost, "/stores", body("name", name, "engine", "sample"))
		})
	}
	first := "#list > li:first-child"
	p.do("", p.asks(boss, password, "Sign in"), p.Says(first, "Violet ink"), p.Says(first, "Violet Works"), p.Says("#connection", "Live"), p.Says("#status-filter", "Failed (1)"), p.Shoot("everybodys"),
		p.aiming(made("Éclair"), "3", "Violet ink"), p.Says(first, "Éclair"),
		p.Choose("#order", "name"), p.Says(first, "Amber tea"), p.Says("#list > li:nth-child(2)", "Éclair"), p.Choose("#order", "oldest"), p.Says("#list > li:last-child", "Éclair"),
		p.Choose("#status-filter", "Failed"), p.Says("#list", "Amber tea"), p.Lacks("#list", "Éclair"), p.Choose("#status-filter", ""),
		p.Type("#search", "eclai"), p.Says("#list", "Éclair"), p.Lacks("#list", "Violet ink"), made("Eclairs"), p.Says("#list", "Eclairs"),
		chromedp.Poll[chromedp.Void](`document.querySelector("#search").value === "eclai" && document.querySelector("#order").value === "oldest"`), p.Shoot("filtered"),
		p.Choose("#engine-filter", "woocommerce"), p.Says("#list-empty", "Nothing matches"),
	)
}

// act is something that is done outside of the browser.
func act(do func()) shops.Act {
	return func(context.Context, *chromedp.Target) (chromedp.Void, error) {
		do()
		return chromedp.Void{}, nil
	}
}
