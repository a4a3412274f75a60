package people_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/chromedp/chromedp"

	"github.com/store-platform/store-platform/pkg/store"
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

// filtered is an operator who filters, orders and searches the list. What they typed stays whatever happens, and no row moves under the pointer.
func (p *page) filtered(amber, violet tenant) {
	p.worker("provisioner").fail(amber.store)
	made := func(name string) shops.Act { return act(func() { violet.made(name) }) }
	first := "#list > li:first-child"
	p.do("", p.Says(first, "Violet ink"), p.Says(first, "Violet Works"), p.Says("#connection", "Live"), p.Says("#status-filter", "Failed (1)"), p.Shoot("everybodys"),
		p.aiming(made("Éclair"), "3", "Violet ink"), p.Says(first, "Éclair"),
		p.Choose("#order", "name"), p.Says(first, "Amber tea"), p.Says("#list > li:nth-child(2)", "Éclair"), p.Choose("#order", "oldest"), p.Says("#list > li:last-child", "Éclair"),
		p.Choose("#status-filter", "Failed"), p.Says("#list", "Amber tea"), p.Lacks("#list", "Éclair"), p.counts(1), p.Choose("#status-filter", "Queued"), p.counts(2),
		p.Choose("#status-filter", "Provisioning"), p.counts(0), p.Choose("#status-filter", ""), p.counts(3),
		p.Type("#search", "eclai"), p.Says("#list", "Éclair"), p.Lacks("#list", "Violet ink"), made("Eclairs"), p.Says("#list", "Eclairs"),
		chromedp.Poll[chromedp.Void](`document.querySelector("#search").value === "eclai" && document.querySelector("#order").value === "oldest"`), p.Shoot("filtered"),
		p.Choose("#engine-filter", "woocommerce"), p.Says("#list-empty", "Nothing matches"),
	)
	p.keepsTheCursor(violet)
	p.showsMore()
	p.keepsWhatWasFound()
	p.standsInLine(violet)
}

// counts waits until the chosen filter says how many rows there are, by its name, and there are so many.
func (p *page) counts(rows int) shops.Act {
	return chromedp.Poll[chromedp.Void](fmt.Sprintf(`(([chosen]) => chosen?.textContent === (chosen?.value || "All") + " (%[1]d)" && document.querySelectorAll("#list > li").length === %[1]d)(document.querySelector("#status-filter").selectedOptions)`, rows))
}

// keepsTheCursor is somebody who is at a row that goes elsewhere, since its store is called otherwise now.
func (p *page) keepsTheCursor(violet tenant) {
	p.Helper()
	id := violet.made("Zest")
	row := fmt.Sprintf(`#list a[href="#store/%s"]`, id)
	p.do("", p.Says("#list", "Zest"), p.Choose("#order", "name"), p.Says("#list > li:last-child", "Zest"), chromedp.Focus(chromedp.CSS(row)), p.Cursor(row),
		act(func() {
			violet.chief.did(http.StatusOK, http.MethodPatch, "/stores/"+string(id), body("name", "Aniseed"))
		}),
		p.Says("#list > li:nth-child(2)", "Aniseed"), p.Cursor(row))
}

// showsMore is somebody who has pages of one store, and asks for more until there is none.
func (p *page) showsMore() {
	p.Helper()
	behind := p.door(map[string]doorman{"/stores": narrow})
	p.from(behind, "", p.Says("#list", "Aniseed"), p.Says("#list-count", "1+"), p.Lacks("#list", "Eclairs"), p.Press("Show more stores"), p.Says("#list", "Eclairs"), p.Says("#list-count", "2+"),
		p.Press("Show more stores"), p.Says("#list-count", "3+"), p.Press("Show more stores"), p.Says("#list-count", "4+"), p.Press("Show more stores"), p.Says("#list", "Amber tea"),
		p.Lacks(".sidebar", "Show more stores"), p.Says("#list-count", "5"))
}

// narrow has pages hold one thing.
func narrow(w http.ResponseWriter, r *http.Request, through http.Handler) {
	wish := r.URL.Query()
	if wish.Has("limit") {
		wish.Set("limit", "1")
	}
	r.URL.RawQuery = wish.Encode()
	through.ServeHTTP(w, r)
}

// keepsWhatWasFound is somebody who wants to see others than when the list was asked for that comes now.
func (p *page) keepsWhatWasFound() {
	p.Helper()
	var there atomic.Bool
	held, answer := late()
	refused, asked, continued := make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
	tell := func(to chan struct{}) {
		select {
		case to <- struct{}{}:
		default:
		}
	}
	behind := p.door(map[string]doorman{
		"/stores": func(w http.ResponseWriter, r *http.Request, through http.Handler) {
			switch failed := r.URL.Query().Get("status") == "Failed"; {
			case !there.Load():
				new(said).answers(w, r, through)
				if failed {
					tell(refused)
				}
			case failed:
				tell(asked)
				held(w, r, through)
			default:
				through.ServeHTTP(w, r)
			}
		},
		"/feed": func(w http.ResponseWriter, r *http.Request, through http.Handler) {
			if r.URL.Query().Has("since") {
				tell(continued)
			}
			through.ServeHTTP(w, r)
		},
	})
	p.from(behind, "", p.Says("#list-empty", "Stores can’t be listed right now"), p.Choose("#status-filter", "Failed"), p.told(refused), act(func() { there.Store(true) }), p.told(asked),
		p.Choose("#status-filter", ""), p.Says("#list", "Violet ink"), p.keeps("#list", "Violet ink", answer, p.told(continued)))
}

// keeps does acts during which what the selector names never ceases to say something.
func (p *page) keeps(selector, words string, acts ...shops.Act) shops.Act {
	watched := fmt.Sprintf(`(e => (window.lost = false, new MutationObserver(() => { window.lost ||= !e.textContent.includes(%q); }).observe(e, { childList: true, subtree: true, characterData: true })))(document.querySelector(%q))`, words, selector)
	return shops.Steps(chromedp.Evaluate[chromedp.Void](watched), shops.Steps(acts...), func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		lost, err := chromedp.Evaluate[bool](`window.lost`)(ctx, target)
		if err == nil && lost {
			err = fmt.Errorf("%s didn't say %q for a while", selector, words)
		}
		return chromedp.Void{}, err
	})
}

// told waits until somebody outside of the browser says so.
func (p *page) told(by <-chan struct{}) shops.Act {
	return func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		select {
		case <-by:
			return chromedp.Void{}, nil
		case <-ctx.Done():
			return chromedp.Void{}, ctx.Err()
		}
	}
}

// standsInLine is a row whose place is known: it is said, until the store has its turn.
func (p *page) standsInLine(violet tenant) {
	p.Helper()
	var line said
	line.says(`{"place":3,"of":12,"eta":{"p50":40,"p95":110}}`)
	behind := p.door(map[string]doorman{"/stores": line.addsToEach})
	row := fmt.Sprintf(`#list a[href="#store/%s"]`, violet.store)
	p.from(behind, "", p.Says(row, "Place 3 of 12 in line."), p.Says("#connection", "Live"), p.Shoot("in-line"),
		act(func() {
			p.worker("provisioner").happen(violet.store, store.AttemptStarted, store.Facts{Attempt: 1})
		}), p.Says(row, "Provisioning"), p.Lacks(row, "Place"))
}

// act is something that is done outside of the browser.
func act(do func()) shops.Act {
	return func(context.Context, *chromedp.Target) (chromedp.Void, error) {
		do()
		return chromedp.Void{}, nil
	}
}
