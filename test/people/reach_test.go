package people_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/shops"
)

// reached is somebody without a mouse, at a desk and with a phone's window, and somebody who listens.
func (p *page) reached(violet tenant) {
	for _, place := range []string{"#store/" + string(violet.store), "#operators", "#new"} {
		p.do(place, p.Says("#connection", "Live"), p.tabs(), p.Phone(p.tabs()))
	}
	p.listens(violet)
}

// toReach are what the keyboard has yet to come to; of several radio buttons it comes to one.
const toReach = `(window.unreached = new Set([...document.querySelectorAll("a[href], button, input:not([type=radio]), select, summary, [tabindex='0']")]
	.filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.disabled)), window.unreached.size)`

// atHand is what is wrong with what the keyboard has come to: one doesn't see that, or not the thing itself. There are so many left.
const atHand = `(() => {
	const e = document.activeElement;
	if (!window.unreached.delete(e)) return [window.unreached.size, ""];
	const { left, right, top, bottom } = e.getBoundingClientRect(), style = getComputedStyle(e);
	const wrong = style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2 ? "has no edge"
		: e.contains(document.elementFromPoint((left + right) / 2, (top + bottom) / 2)) ? "" : "is covered";
	return [window.unreached.size, wrong && [e.tagName, e.id, e.textContent.slice(0, 40), wrong].join(" ")];
})()`

// tabs goes through all of a page by the keyboard. It begins anywhere.
func (p *page) tabs() shops.Act {
	left, look := chromedp.Evaluate[int](toReach), chromedp.Evaluate[[2]any](atHand)
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		all, err := left(ctx, target)
		var wrong []string
		rest := float64(all)
		// Once around, and once more to where it began.
		for n := 0; err == nil && rest > 0 && n < 3*all; n++ {
			if _, err = chromedp.KeyEvent(kb.Tab)(ctx, target); err != nil {
				break
			}
			var at [2]any
			if at, err = look(ctx, target); err == nil {
				rest, _ = at[0].(float64)
				if text, _ := at[1].(string); text != "" {
					wrong = append(wrong, text)
				}
			}
		}
		if err == nil && (rest > 0 || all == 0 || len(wrong) > 0) {
			err = fmt.Errorf("of %d things the keyboard doesn't come to %.0f; %s", all, rest, strings.Join(wrong, "; "))
		}
		return chromedp.Void{}, err
	}
}

// hears writes down what a screen reader says by itself.
const hears = `(window.heard = [], new MutationObserver((changes) => {
	for (const region of new Set(changes.map(({ target }) => (target.nodeType === 1 ? target : target.parentElement)?.closest("[role=status], [role=alert], [aria-live=polite]")))) {
		if (region?.checkVisibility() && region.textContent.trim()) window.heard.push(region.textContent.trim());
	}
}).observe(document.body, { childList: true, subtree: true, characterData: true }))`

// listens is told of a store that is made, while the list is looked at, once: when that has come to its end.
func (p *page) listens(violet tenant) {
	p.Helper()
	id, worker := violet.made("Violet silk"), p.worker("provisioner")
	row := fmt.Sprintf(`#list a[href="#store/%s"]`, id)
	p.do("", p.Says(row, "Queued"), p.Says("#connection", "Live"), chromedp.Evaluate[chromedp.Void](hears), act(func() {
		worker.happen(id, store.AttemptStarted, store.Facts{Attempt: 1})
		for _, step := range store.Verbs[store.Create].Steps {
			worker.happen(id, store.StepCompleted, store.Facts{Attempt: 1, Step: step})
		}
		worker.happen(id, store.BecameReady, store.Facts{Attempt: 1, URL: "http://silk.localhost/"})
	}), p.Says(row, "Ready"), chromedp.Poll[chromedp.Void](`window.heard.includes("Violet silk is Ready")`), p.hasHeard(1))
}

// hasHeard fails where other than so many things were said.
func (p *page) hasHeard(times int) shops.Act {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		heard, err := chromedp.Evaluate[[]string](`window.heard`)(ctx, target)
		if err == nil && len(heard) != times {
			err = fmt.Errorf("said aloud: %q", heard)
		}
		return chromedp.Void{}, err
	}
}
