package shops

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// The windows that pages are looked at in.
const (
	desktopWidth, desktopHeight = 1280, 900
	phoneWidth, phoneHeight     = 390, 844
)

// Tab is a page of a headless browser.
type Tab struct {
	ctx    context.Context
	folder string
	prefix string
	shots  int
}

// OpenTab starts a browser that knows the way to the stores and to nobody else, until the test ends. Screenshots lie in the
// installation's folder, under the prefix.
func OpenTab(tb testing.TB, p *platform.Platform, prefix string) *Tab {
	tb.Helper()
	host, _, err := net.SplitHostPort(p.Stores)
	if err != nil {
		tb.Fatalf("read the door's address: %v", err)
	}
	return openTab(tb, "MAP *.localhost "+host+", MAP * ~NOTFOUND, EXCLUDE "+host, filepath.Join(p.State, "screenshots"), prefix)
}

// OpenTabHere is OpenTab where there is no platform: the browser knows the way to this machine's loopback, and screenshots lie in a folder.
func OpenTabHere(tb testing.TB, folder, prefix string) *Tab {
	tb.Helper()
	return openTab(tb, "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost", folder, prefix)
}

func openTab(tb testing.TB, ways, folder, prefix string) *Tab {
	tb.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		tb.Fatalf("find a browser: %v", err)
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(program), chromedp.Flag("headless", "new"),
		// It is root in tests, where Chromium has no sandbox of its own.
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("host-resolver-rules", ways),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-component-update", true),
		chromedp.WSURLReadTimeout(waittest.Patience()),
		chromedp.WindowSize(desktopWidth, desktopHeight), chromedp.UserDataDir(tb.TempDir()),
	)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		tb.Fatalf("make the folder of screenshots: %v", err)
	}
	ctx, cancel := context.WithCancel(tb.Context())
	allocator, release := chromedp.NewExecAllocator(ctx, options...)
	tab, closeTab := chromedp.NewContext(allocator)
	tb.Cleanup(func() {
		// The browser's own way out first, so that it doesn't write to its folder while that is removed.
		_ = chromedp.Cancel(tab)
		closeTab()
		release()
		cancel()
	})
	// Here, since it lives as long as what it is first asked for.
	if err := errors.Join(chromedp.Do(tab), knowNoPassword(tab)); err != nil {
		tb.Fatalf("start a browser: %v", err)
	}
	return &Tab{ctx: tab, folder: folder, prefix: prefix}
}

// knowNoPassword closes the browser's own window that asks for a password, as somebody does who has none: so the page behind
// it shows. With nobody there to close it, the browser shows an error.
func knowNoPassword(tab context.Context) error {
	asks, pauses := chromedp.Events(tab, fetch.AuthRequired), chromedp.Events(tab, fetch.RequestPaused)
	go func() {
		for ask, err := range asks {
			if err == nil {
				no := &fetch.AuthChallengeResponse{Response: fetch.AuthChallengeResponseResponseCancelAuth}
				_, _ = chromedp.Call(tab, fetch.ContinueWithAuth, fetch.ContinueWithAuthParams{RequestID: ask.RequestID, AuthChallengeResponse: no})
			}
		}
	}()
	go func() {
		for pause, err := range pauses {
			if err == nil {
				_, _ = chromedp.Call(tab, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: pause.RequestID})
			}
		}
	}()
	_, err := chromedp.Call(tab, fetch.Enable, fetch.EnableParams{
		HandleAuthRequests: new(true), Patterns: []*fetch.RequestPattern{{ResourceType: network.ResourceTypeDocument}},
	})
	return err
}

// Act is one thing that somebody does with a page, or waits for.
type Act = chromedp.Action[chromedp.Void]

// Steps are acts one after the other, as one.
func Steps(acts ...Act) Act { return chromedp.Steps(acts...) }

// Do performs acts until one fails. The picture of what was there then is kept under the name "stuck".
func (t *Tab) Do(acts ...Act) error {
	for n, act := range acts {
		if err := chromedp.Do(t.ctx, within(act)); err != nil {
			where, _ := chromedp.Run(t.ctx, chromedp.Location())
			text, _ := chromedp.Run(t.ctx, chromedp.Text(chromedp.CSS("body")))
			return fmt.Errorf("act %d of %d, at %s: %w\n%.1000s", n+1, len(acts), where, errors.Join(err, chromedp.Do(t.ctx, t.keep("stuck"))), text)
		}
	}
	return nil
}

// within bounds an act, so that an element that never comes is told apart from a slow visit.
func within(act Act) Act {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		ctx, cancel := context.WithTimeout(ctx, waittest.Patience())
		defer cancel()
		return act(ctx, target)
	}
}

// Open goes to an address.
func (t *Tab) Open(address string) Act { return chromedp.Navigate(address) }

// See waits until what the selector names can be seen.
func (t *Tab) See(selector string) Act { return chromedp.WaitVisible(chromedp.CSS(selector)) }

// Gone waits until nothing is what the selector names.
func (t *Tab) Gone(selector string) Act {
	return chromedp.WaitNotPresent(chromedp.CSS(selector))
}

// Click clicks on the first that the selector names, once it can be clicked.
func (t *Tab) Click(selector string) Act {
	return steady(chromedp.Steps(
		chromedp.WaitEnabled(chromedp.CSS(selector)),
		chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible),
	))
}

// steady does again what met an element that the page was just putting another in the place of.
func steady(act Act) Act {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		for {
			done, err := act(ctx, target)
			if err == nil || !strings.Contains(err.Error(), "Could not find node") {
				return done, err
			}
			select {
			case <-ctx.Done():
				return done, err
			case <-time.After(lookEvery):
			}
		}
	}
}

// Press clicks on the button that says so, once it can be seen.
func (t *Tab) Press(words string) Act {
	return steady(chromedp.Click(chromedp.Search(fmt.Sprintf(`//button[normalize-space()=%q]`, words)), chromedp.NodeVisible, chromedp.NodeEnabled))
}

// Choose picks an entry of a select, which tells of it once.
func (t *Tab) Choose(selector, value string) Act {
	return steady(chromedp.Steps(
		chromedp.WaitEnabled(chromedp.CSS(selector)),
		// A select's list is the system's own and can't be clicked on. chromedp.SetValue wouldn't do: it loses an empty value on the way.
		chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(e => {
			e.value = %q;
			for (const told of ["input", "change"]) e.dispatchEvent(new Event(told, { bubbles: true }));
		})(document.querySelector(%q))`, value, selector)),
	))
}

// Says waits until what the selector names can be seen to say something.
func (t *Tab) Says(selector, words string) Act { return hears(selector, words, true) }

// Lacks waits until it doesn't, or not any more.
func (t *Tab) Lacks(selector, words string) Act { return hears(selector, words, false) }

func hears(selector, words string, want bool) Act {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		// What is hidden has a text as well.
		text := chromedp.Evaluate[string](fmt.Sprintf(`(e => e?.checkVisibility() ? e.innerText : "")(document.querySelector(%q))`, selector))
		for {
			said, err := text(ctx, target)
			if err != nil || strings.Contains(said, words) == want {
				return chromedp.Void{}, err
			}
			select {
			case <-ctx.Done():
				return chromedp.Void{}, fmt.Errorf("wait until %s says %q (%t); it says %q: %w", selector, words, want, said, ctx.Err())
			case <-time.After(lookEvery):
			}
		}
	}
}

// Type fills a field by its keys.
func (t *Tab) Type(selector, text string) Act {
	return steady(chromedp.Steps(
		chromedp.Clear(chromedp.CSS(selector)),
		chromedp.SendKeys(chromedp.CSS(selector), text, chromedp.NodeVisible),
	))
}

// Cursor waits until a script of the page has put the cursor into a field. Whoever types before it does has what it was
// typed over.
func (t *Tab) Cursor(selector string) Act {
	there := chromedp.Evaluate[bool](fmt.Sprintf(`document.activeElement === document.querySelector(%q)`, selector))
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		for {
			if yes, err := there(ctx, target); yes || err != nil {
				return chromedp.Void{}, err
			}
			select {
			case <-ctx.Done():
				return chromedp.Void{}, fmt.Errorf("wait for the cursor in %s: %w", selector, ctx.Err())
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
}

// errMoved is something that moved away under the finger.
var errMoved = errors.New("it moved")

// Still does acts during which what the selector names stays where it is, and as large as it is.
func (t *Tab) Still(selector string, acts ...Act) Act {
	place := chromedp.Evaluate[string](fmt.Sprintf(`JSON.stringify(document.querySelector(%q).getBoundingClientRect())`, selector))
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		before, err := place(ctx, target)
		if err != nil {
			return chromedp.Void{}, err
		}
		if _, err := chromedp.Steps(acts...)(ctx, target); err != nil {
			return chromedp.Void{}, err
		}
		after, err := place(ctx, target)
		if err == nil && after != before {
			err = fmt.Errorf("%s: %w: from %s to %s", selector, errMoved, before, after)
		}
		return chromedp.Void{}, err
	}
}

// Deafen cuts the page's WebSocket and lets it have no other, as behind a proxy that passes none, until it is opened anew.
func (t *Tab) Deafen() Act {
	return chromedp.Evaluate[chromedp.Void](`window.WebSocket = class extends EventTarget { close() {} }, dispatchEvent(new Event("offline")), undefined`)
}

// Where reads the path of the page.
func (t *Tab) Where(into *string) Act {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		address, err := chromedp.Location()(ctx, target)
		if err != nil {
			return chromedp.Void{}, err
		}
		u, err := url.Parse(address)
		if err == nil {
			*into = u.Path
		}
		return chromedp.Void{}, err
	}
}

// errTooWide is a page that one must push sideways on a phone.
var errTooWide = errors.New("the page is wider than a phone")

// Shoot keeps pictures of the whole page as a desk and as a phone show it, and fails when the phone's is too wide.
func (t *Tab) Shoot(name string) Act {
	t.shots++
	name = fmt.Sprintf("%02d-%s", t.shots, name)
	return chromedp.Steps(
		t.keep(name),
		chromedp.EmulateViewport(phoneWidth, phoneHeight, chromedp.EmulateScale(2), chromedp.EmulateMobile),
		t.keep(name+"-phone"),
		func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
			wide, err := chromedp.Evaluate[int](`document.documentElement.scrollWidth`)(ctx, target)
			if err == nil && wide > phoneWidth {
				err = fmt.Errorf("%s: %w: %d", name, errTooWide, wide)
			}
			return chromedp.Void{}, err
		},
		// Not just back to the window's: a page that comes next could still be laid out for the phone.
		chromedp.EmulateViewport(desktopWidth, desktopHeight),
	)
}

// Phone does acts where the page is on a phone.
func (t *Tab) Phone(acts ...Act) Act {
	return chromedp.Steps(
		chromedp.EmulateViewport(phoneWidth, phoneHeight, chromedp.EmulateScale(2), chromedp.EmulateMobile),
		chromedp.Steps(acts...),
		chromedp.EmulateViewport(desktopWidth, desktopHeight),
	)
}

// keep writes what the page looks like, all of it, as a PNG.
func (t *Tab) keep(name string) Act {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		picture, err := chromedp.FullScreenshot(100)(ctx, target)
		if err != nil {
			return chromedp.Void{}, err
		}
		return chromedp.Void{}, os.WriteFile(filepath.Join(t.folder, t.prefix+"-"+name+".png"), picture, 0o644)
	}
}
