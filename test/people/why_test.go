package people_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"

	"github.com/chromedp/chromedp"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/shops"
)

// hostile is what somebody's program writes who would like the page to do something.
const hostile = `<img src=x onerror="document.title='taken'">`

// said is an answer that a test gives, and changes: a status and a body.
type said struct{ now atomic.Pointer[string] }

func (s *said) says(text string) { s.now.Store(&text) }

// answers gives it, or a problem while there is none.
func (s *said) answers(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	text := s.now.Load()
	if text == nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"code":"unavailable","detail":"Nobody has answered."}`)
		return
	}
	_, _ = io.WriteString(w, *text)
}

// adds has the gateway's own answer of a store say where in line it is, and addsToEach that of a list.
func (s *said) adds(w http.ResponseWriter, r *http.Request, through http.Handler) {
	s.rewrites(w, r, through, func(answer map[string]any) []any { return []any{answer} })
}

func (s *said) addsToEach(w http.ResponseWriter, r *http.Request, through http.Handler) {
	s.rewrites(w, r, through, func(answer map[string]any) []any {
		stores, _ := answer["stores"].([]any)
		return stores
	})
}

func (s *said) rewrites(w http.ResponseWriter, r *http.Request, through http.Handler, stores func(answer map[string]any) []any) {
	real := httptest.NewRecorder()
	through.ServeHTTP(real, r)
	answer := map[string]any{}
	if err := json.Unmarshal(real.Body.Bytes(), &answer); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if text := s.now.Load(); text != nil {
		for _, store := range stores(answer) {
			store.(map[string]any)["line"] = json.RawMessage(*text)
		}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// writes streams what a container writes until nobody reads it any more, which it tells.
func writes(given context.Context, lines <-chan string, gone chan<- string) doorman {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		w.WriteHeader(http.StatusOK)
		flush := http.NewResponseController(w)
		for {
			_ = flush.Flush()
			select {
			case <-r.Context().Done():
				// Who waits for it may have given up.
				select {
				case gone <- r.URL.RawQuery:
				case <-given.Done():
				}
				return
			case line := <-lines:
				_, _ = io.WriteString(w, line+"\n")
				if strings.HasPrefix(line, `{"end"`) {
					return
				}
			}
		}
	}
}

func logged(container, line string) string {
	text, _ := json.Marshal(map[string]string{"at": "2026-12-01T12:00:00Z", "pod": "shop-0", "container": container, "line": line})
	return string(text)
}

// whyAnswers are as an explanation and a look at the cluster are, with what a hostile image would have them say.
const (
	explanation = `{"store":"%s","status":"Queued","sentence":"%s","reason":"ImagePull","detail":"Failed to pull <img src=x onerror=alert(1)>","object":"pod/shop-0",
		"next":"Correct the image’s name.","for":"merchant","runbook":"%s","chain":[
		{"at":"2026-12-01T12:00:00Z","kind":"command","title":"create","seq":7},{"at":"2026-12-01T12:00:05Z","kind":"step","title":"namespace","ok":true,"seq":9},
		{"at":"2026-12-01T12:00:09Z","kind":"event","title":"FailedPull","text":"<img src=x onerror=alert(1)>","object":"pod/shop-0","ok":false}],"missing":["cluster"]}`
	watched = `{"at":"2026-12-01T12:00:00Z","wrong":{"reason":"CrashLoopBackOff","message":"The shop ends as soon as it has started.","object":"pod/shop-0","detail":"exit code 1","for":"merchant"},
		"workloads":[{"kind":"StatefulSet","name":"shop","wanted":1,"available":0,"updated":1}],
		"pods":[{"name":"shop-0","phase":"Running","since":"2026-12-01T12:00:00Z","ready":false,"message":"<img src=x onerror=alert(1)>","containers":[
		{"name":"prepare","init":true,"state":"ended","ready":true,"restarts":0},{"name":"cache","state":"running","ready":true,"restarts":0},
		{"name":"shop","state":"waiting","reason":"CrashLoopBackOff","ready":false,"restarts":17,"last":{"exitCode":1,"reason":"Error","at":"2026-12-01T12:00:00Z"}}]}],
		"volumes":[{"claim":"data-shop-0","phase":"Bound","requested":1073741824,"capacity":1073741824}],"routes":[],"crons":[],"events":[],"more":["pods","events"]}`
)

// explained is an operator at a store's page, which says where in line it is, why it is where it is, what runs of it and what that writes, and goes on
// by the feed. What can't be told is said, and the rest stays. Nothing of it becomes markup, whatever a program in the cluster writes.
func (p *page) explained() {
	grey := p.founded("Grey Guild", "Grey salt")
	at, worker := "/stores/"+string(grey.store), p.worker("provisioner")
	var line, why, what said
	lines, gone := make(chan string), make(chan string, 8)
	var over atomic.Bool
	behind := p.door(map[string]doorman{
		at: line.adds, at + "/explain": why.answers, at + "/monitoring": what.answers, at + "/logs": unlessOver(&over, writes(p.Context(), lines, gone)),
	})
	line.says(`{"place":3,"of":12,"why":"Two of your stores are being made.","eta":{"p50":40,"p95":110}}`)

	fold := func(n int) string { return fmt.Sprintf("#detail details.fold:nth-child(%d)", n) }
	one, two, three := fold(1), fold(2), fold(3)
	p.from(behind, "#store/"+string(grey.store),
		p.Says(".line", "Place 3 of 12 in line. Two of your stores are being made."), p.Says(".line", "40 s to go, usually within 2 min"), p.Says("#connection", "Live"),
		p.Click(one+" summary"), p.Says(one, "This can’t be told right now. Nobody has answered."), p.Says("#detail-name", "Grey salt"), p.Shoot("unknown"),
	)
	why.says(fmt.Sprintf(explanation, grey.store, "It waits for a place.", "/docs#stores"))
	line.says(`{"place":1,"of":11,"why":"It is next."}`)
	worker.happen(grey.store, store.Waited, store.Facts{Reason: "InLine", Message: "It waits for a place."})
	p.goesOn(
		p.Says(one, "It waits for a place."), p.Says(one, "For whoever has the store: Correct the image’s name."), p.Says(one, "nothing is known of the cluster"),
		p.Says(one+" .chain", "<img src=x onerror=alert(1)>"), p.See(one+` a[href$="/docs#stores"]`), p.Says(".line", "Place 1 of 11 in line. It is next."),
		p.Lacks(".line", "usually"), p.Shoot("explained"), p.Click(one+" summary"),
	)
	why.says(fmt.Sprintf(strings.Replace(explanation, `"merchant"`, `"operator"`, 1), grey.store, "It can’t start.", "javascript:alert(1)"))
	what.says(watched)
	p.goesOn(
		p.Click(one+" summary"), p.Says(one, "It can’t start."), p.Says(one, "For whoever looks after the platform: Correct"), p.Lacks(one, "What this means"), p.Click(one+" summary"),
		p.Click(two+" summary"), p.Says(two, "The shop ends as soon as it has started."), p.Says(two, "For whoever has the store."), p.Says(two, "17"), p.Says(two, "1.0 GiB"), p.Says(two, "Pods (a part is left out)"), p.Lacks(two, "Volumes (a part"),
		p.Says(two, "<img src=x onerror=alert(1)>"), p.Gone("#detail img"), p.Shoot("monitoring"), p.Click(two+" summary"),
	)
	p.followed(three, lines, gone)

	// A store about which nothing is known to be wrong leads to no words of what that means.
	why.says(strings.Replace(fmt.Sprintf(explanation, grey.store, "It is next.", ""), `"runbook":"",`, "", 1))
	p.goesOn(p.Click(one+" summary"), p.Says(one, "It is next."), p.Lacks(one, "What this means"), p.Click(one+" summary"))
	for _, text := range []string{"It waits on.", "It still waits."} {
		worker.happen(grey.store, store.Waited, store.Facts{Reason: "InLine", Message: text})
	}
	p.goesOn(p.Says(".timeline", "It still waits."))
	p.leftWaiting(grey)

	// A stream says as well as any answer that somebody is signed out.
	over.Store(true)
	p.from(behind, "#store/"+string(grey.store), p.Click(three+" summary"), p.Says("#gate-note", "You were signed out."), p.Cursor("#gate-email"))
}

// unlessOver answers that nobody asks any more, from some time on.
func unlessOver(over *atomic.Bool, answers doorman) doorman {
	return func(w http.ResponseWriter, r *http.Request, through http.Handler) {
		if !over.Load() {
			answers(w, r, through)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"code":"unauthenticated","detail":"Nobody is known to ask."}`)
	}
}

// leftWaiting goes back to the list while the open store is about to be asked for anew: the list shows what comes then.
func (p *page) leftWaiting(grey tenant) {
	p.Helper()
	const gone = `(window.left ??= performance.now(), performance.now() - window.left > 2500)`
	p.goesOn(chromedp.Evaluate[chromedp.Void](`location.hash = "", undefined`), chromedp.Poll[chromedp.Void](gone), act(func() { grey.made("Grey flour") }),
		p.Says("#list", "Grey flour"), p.Says("#list", "Grey salt"))
}

// followed reads what a store writes.
func (p *page) followed(fold string, lines chan<- string, gone <-chan string) {
	p.Helper()
	write := func(text string) {
		select {
		case lines <- text:
		case <-p.Context().Done():
		}
	}
	// Those that write nothing are there to be chosen, too.
	p.goesOn(p.Click(fold+" summary"), p.Says(fold, "Following"), p.Says("#logs-container", "prepare (prepares the others)"), p.Says("#logs-container", "cache"))
	write(logged("shop", "\x1b[31mred\x1b[0m "+hostile))
	p.goesOn(p.Says(".log", "red "+hostile), p.Gone("#detail img"), p.Shoot("logs"))
	for n := range 2500 {
		write(logged("database", fmt.Sprintf("line %04d", n)))
	}
	p.goesOn(p.Says(".log > div:last-child", "line 2499"), p.See(".log > div:nth-child(2000)"), p.Gone(".log > div:nth-child(2001)"), p.scrolled(true),
		p.Says("#logs-container", "database"), chromedp.Evaluate[chromedp.Void](`document.querySelector(".log").scrollTop = 400, undefined`), p.scrolled(false))
	write(logged("shop", "one more"))
	// What was opened for this alone ends when another container is chosen, and when the part is closed.
	p.goesOn(p.Says(".log > div:last-child", "one more"), p.scrolled(false), p.Choose("#logs-container", "database"))
	if query := <-gone; !strings.Contains(query, "follow=true") || strings.Contains(query, "container=") {
		p.Errorf("asked %s", query)
	}
	write(logged("database", "only this"))
	p.goesOn(p.Says(".log", "only this"), p.Gone(".log > div:nth-child(2)"))
	write(`{"end":"The store was deleted."}`)
	p.goesOn(p.Says(fold, "It ends here: The store was deleted."), p.Press("Read again"), p.Says(fold, "Following"), p.Shoot("logs-again"), p.Click(fold+" summary"))
	if query := <-gone; !strings.Contains(query, "container=database") {
		p.Errorf("asked %s", query)
	}
	// There is a run before where a container was started again, or nobody knows whether it was.
	const before = `(e => e.disabled === %t)(document.querySelectorAll(".log-controls input")[1])`
	for container, had := range map[string]bool{"shop": true, "cache": false, "prepare": false, "database": true, "": true} {
		p.goesOn(p.Click(fold+" summary"), p.Choose("#logs-container", container), chromedp.Poll[chromedp.Void](fmt.Sprintf(before, !had)), p.Click(fold+" summary"))
	}
	for len(gone) > 0 {
		<-gone
	}
}

// scrolled says whether the lines are shown to their end.
func (p *page) scrolled(end bool) shops.Act {
	return chromedp.Poll[chromedp.Void](fmt.Sprintf(`(e => (e.scrollHeight - e.scrollTop - e.clientHeight < 8) === %t)(document.querySelector(".log"))`, end))
}

// from is do at a door.
func (p *page) from(behind, place string, acts ...shops.Act) {
	p.Helper()
	if err := p.Do(append([]shops.Act{p.Open("about:blank"), p.Open(behind + "/" + place)}, acts...)...); err != nil {
		p.Fatal(err)
	}
}

// goesOn performs acts where the page is.
func (p *page) goesOn(acts ...shops.Act) {
	p.Helper()
	if err := p.Do(acts...); err != nil {
		p.Fatal(err)
	}
}
