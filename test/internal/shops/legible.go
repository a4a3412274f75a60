package shops

import (
	"context"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Dark does acts where the page is shown to somebody who wants it dark.
func (t *Tab) Dark(acts ...Act) Act {
	return chromedp.Steps(wanting("dark"), chromedp.Steps(acts...), wanting(""))
}

// wanting has the page shown in a colour scheme; empty for the browser's own.
func wanting(scheme string) Act {
	return func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return chromedp.Void{}, err
	}
}

// faint are the texts that one sees and that stand out from what is behind them by less than WCAG 2.2 wants at AA (1.4.3), and the fields whose edge
// does (1.4.11). What can't be used just now needn't stand out.
const faint = `(() => {
  const read = (text) => { const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number); return [r, g, b, a]; };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const behind = (e) => {
    if (!e) return [255, 255, 255, 1];
    const own = read(getComputedStyle(e).backgroundColor);
    return own[3] === 1 ? own : over(own, behind(e.parentElement));
  };
  const light = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((x) => x / 255).map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const apart = (one, other) => { const [a, b] = [light(one), light(other)].sort((x, y) => y - x); return (a + 0.05) / (b + 0.05); };
  const seen = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getBoundingClientRect().width > 1 && !e.closest(":disabled");
  const found = [];
  const judge = (what, least, one, other) => { const n = apart(over(one, other), other); if (n < least) found.push(what + ": " + n.toFixed(2)); };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = texts.nextNode(); n; n = texts.nextNode()) {
    const e = n.parentElement, text = n.textContent.trim();
    if (!text || !seen(e)) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    judge(text.slice(0, 40), size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5, read(style.color), behind(e));
  }
  for (const e of document.querySelectorAll("select, input:not([type=checkbox], [type=radio])")) {
    if (!seen(e)) continue;
    judge("#" + e.id, 4.5, read(getComputedStyle(e).color), behind(e));
    if (e.placeholder) judge("#" + e.id + "::placeholder", 4.5, read(getComputedStyle(e, "::placeholder").color), behind(e));
    judge("the edge of #" + e.id, 3, read(getComputedStyle(e).borderTopColor), behind(e.parentElement));
  }
  return found;
})()`

// Legible fails for what can't be told from what is behind it by everybody.
func (t *Tab) Legible() Act {
	look := chromedp.Evaluate[[]string](faint)
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		found, err := look(ctx, target)
		if err == nil && len(found) > 0 {
			err = fmt.Errorf("too faint: %s", strings.Join(found, "; "))
		}
		return chromedp.Void{}, err
	}
}
