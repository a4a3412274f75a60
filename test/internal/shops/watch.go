package shops

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// lookEvery is how often a page is asked whether it is there.
const lookEvery = 100 * time.Millisecond

// Sight is a page that is opened to be looked at.
type Sight struct {
	// Name is that of its picture.
	Name    string
	Address string
	// Shows is a text on the page that a blank or broken one doesn't have.
	Shows string
	// Stranger looks without having signed in: that a page is told so, by a 401, is no fault of it.
	Stranger bool
}

// Look opens a page, waits until it shows what it should and has fetched all it wants, and keeps a picture. It returns what
// went wrong on the way, of which most can't be seen: requests to the shop that failed, what the page or the browser wrote to
// the console as an error, and exceptions that nobody caught. The error is that of a page that never came.
func (t *Tab) Look(s Sight) (faults []string, err error) {
	w, stop, err := t.watch(s.Address, s.Stranger)
	if err != nil {
		return nil, err
	}
	defer stop()
	t.shots++
	err = t.Do(
		t.Open(s.Address),
		w.settles(s.Shows),
		t.keep(fmt.Sprintf("%02d-%s", t.shots, s.Name)),
	)
	return w.heard(), err
}

// DoAt performs acts from an address on, as Do does, and returns what went wrong beside them, as Look does.
func (t *Tab) DoAt(address string, acts ...Act) (faults []string, err error) {
	w, stop, err := t.watch(address, false)
	if err != nil {
		return nil, err
	}
	defer stop()
	err = t.Do(append([]Act{t.Open(address)}, acts...)...)
	return w.heard(), err
}

func (t *Tab) watch(address string, stranger bool) (w *watch, stop func(), err error) {
	host, err := hostOf(address)
	if err != nil {
		return nil, nil, err
	}
	w = &watch{host: host, stranger: stranger, asked: map[network.RequestID]string{}}
	ctx, stop := context.WithCancel(t.ctx)
	if err := chromedp.Listen(ctx, w.hear); err != nil {
		stop()
		return nil, nil, fmt.Errorf("listen to the browser: %w", err)
	}
	return w, stop, nil
}

// watch is what one page does, told by the browser.
type watch struct {
	host     string
	stranger bool

	mu sync.Mutex
	// loader made the document that stands, and idle the one whose document has asked for nothing for half a second.
	loader, idle cdp.LoaderID
	// asked are the addresses of requests by their id.
	asked  map[network.RequestID]string
	faults []string
}

// hear runs in the loop that reads what the browser says, and must not ask it anything.
func (w *watch) hear(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *page.EventFrameNavigated:
		if e.Frame.ParentID == "" {
			w.loader = e.Frame.LoaderID
		}
	case *page.EventLifecycleEvent:
		if e.Name == "networkIdle" && e.LoaderID == w.loader {
			w.idle = e.LoaderID
		}
	case *network.EventRequestWillBeSent:
		w.asked[e.RequestID] = e.Request.URL
	case *network.EventResponseReceived:
		if refused := e.Response.Status == http.StatusUnauthorized && w.stranger; e.Response.Status >= 400 && !refused {
			w.blame(e.Response.URL, "answers %d", e.Response.Status)
		}
	case *network.EventLoadingFailed:
		// What the page itself has given up is no fault.
		if !e.Canceled {
			w.blame(w.asked[e.RequestID], "fails: %s %s", e.ErrorText, e.BlockedReason)
		}
	case *log.EventEntryAdded:
		// Requests are told above, with their status.
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			w.faults = append(w.faults, fmt.Sprintf("the browser says: %s (%s)", e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			w.faults = append(w.faults, "the page says: "+words(e.Args))
		}
	case *runtime.EventExceptionThrown:
		w.faults = append(w.faults, "nobody catches: "+e.ExceptionDetails.Text+" "+words([]*runtime.RemoteObject{e.ExceptionDetails.Exception}))
	}
}

// blame is for requests to the shop. What other hosts don't answer is theirs, and there are none for a browser of ours.
func (w *watch) blame(address, how string, args ...any) {
	if host, err := hostOf(address); err == nil && host == w.host {
		w.faults = append(w.faults, address+" "+fmt.Sprintf(how, args...))
	}
}

func (w *watch) heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.faults)
}

func (w *watch) settled() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.loader != "" && w.idle == w.loader
}

// settles waits until the page shows the text, on the shop's own host, and asks for nothing more.
func (w *watch) settles(text string) Act {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			seen, err := chromedp.Evaluate[string](`document.body?.innerText ?? ""`)(ctx, target)
			switch {
			case err == nil && strings.Contains(seen, text) && w.settled():
				return chromedp.Void{}, w.atHome(ctx, target)
			case ctx.Err() != nil && err == nil:
				err = ctx.Err()
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return chromedp.Void{}, errors.Join(fmt.Errorf("wait for %q: %w", text, ctx.Err()), err)
			}
		}
	}
}

func (w *watch) atHome(ctx context.Context, target *chromedp.Target) error {
	address, err := chromedp.Location()(ctx, target)
	if err != nil {
		return fmt.Errorf("read where the page is: %w", err)
	}
	if host, err := hostOf(address); err != nil || host != w.host {
		return fmt.Errorf("the page leads away to %s: %w", address, err)
	}
	return nil
}

// words are what somebody would read in the console.
func words(args []*runtime.RemoteObject) string {
	var said []string
	for _, arg := range args {
		switch {
		case arg == nil:
		case arg.Description != "":
			said = append(said, arg.Description)
		default:
			said = append(said, string(arg.Value))
		}
	}
	return strings.Join(said, " ")
}

func hostOf(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("read an address: %w", err)
	}
	return u.Host, nil
}
