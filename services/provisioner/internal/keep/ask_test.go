package keep

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/store-platform/store-platform/pkg/engine"
)

// asked is a shop's two answers, and how often it was asked for each.
type asked struct {
	Sight
	check, probe    error
	checked, probed int
}

func (a *asked) Check(context.Context) error { a.checked++; return a.check }
func (a *asked) Probe(context.Context) error { a.probed++; return a.probe }

var (
	errNoCheck = fmt.Errorf("GET /check answered 404: %w", engine.ErrNoCheck)
	empty      = &engine.ProbeError{Message: "GET /products answered 404"}
)

// The light question spares the shop its whole probe, and never outvotes it.
func TestTheLightQuestionIsEnoughWhereTheShopAnswersIt(t *testing.T) {
	var (
		silent = errors.New("connection refused")
		hangs  = fmt.Errorf("ask the store: %w", context.DeadlineExceeded)
		cause  = &engine.CauseError{Cause: engine.Cause{Reason: "DatabaseReadOnly"}}
		odd    = &engine.ProbeError{Message: "GET /check answered 200 without saying whether the shop sells"}
	)
	for name, c := range map[string]struct {
		shop   asked
		whole  bool
		want   error
		probed int
	}{
		"it sells":                                       {asked{}, false, nil, 0},
		"it sells, and shall prove it":                   {asked{probe: empty}, true, empty, 1},
		"it says why it doesn't":                         {asked{check: cause}, false, cause, 0},
		"it says why, and was asked more":                {asked{check: cause}, true, cause, 0},
		"nobody answers":                                 {asked{check: silent}, false, silent, 0},
		"it shows pages and keeps nothing, whoever asks": {asked{check: hangs}, true, hangs, 0},
		"an image without the question":                  {asked{check: errNoCheck}, false, nil, 1},
		"something that is no shop":                      {asked{check: errNoCheck, probe: empty}, false, empty, 1},
		"a page in the question's place":                 {asked{check: odd}, false, nil, 1},
	} {
		l := &look{entry: &entry{wholeDue: time.Now().Add(time.Hour)}}
		if c.whole {
			l.entry.wholeDue = time.Time{}
		}
		if err := l.ask(t.Context(), &c.shop); !errors.Is(err, c.want) || c.shop.probed != c.probed {
			t.Errorf("%s: %v, the whole probe was asked %d times", name, err, c.shop.probed)
		}
	}
}

// A shop makes a page of it to say that it knows no such page.
func TestAShopOfAnOlderImageIsSeldomAskedWhatItDoesNotKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := &asked{check: errNoCheck}
		l := &look{entry: &entry{}}
		looks := 0
		for end := time.Now().Add(wholeEvery); time.Now().Before(end); time.Sleep(lookAgain) {
			if err := l.ask(t.Context(), shop); err != nil {
				t.Fatalf("what is wrong with it: %v", err)
			}
			looks++
		}
		if shop.checked != 1 || shop.probed != looks {
			t.Errorf("at %d looks it was asked %d times what it doesn't know, %d times what it does", looks, shop.checked, shop.probed)
		}
		shop.check = nil
		if err := l.ask(t.Context(), shop); err != nil || shop.checked != 2 {
			t.Errorf("after an upgrade: %v, asked %d times", err, shop.checked)
		}
	})
}

// An ingress that starts knows no route, and says of every question that there is no such page.
func TestAnIngressWithoutRoutesSilencesNoCheck(t *testing.T) {
	keepsNothing := &engine.CauseError{Cause: engine.Cause{Reason: "DatabaseReadOnly"}}
	for name, begun := range map[string]asked{
		"of a shop that was asked before": {check: keepsNothing},
		"of one that answers nothing yet": {check: errNoCheck, probe: empty},
	} {
		shop := begun
		l := &look{entry: &entry{wholeDue: time.Now().Add(time.Hour)}}
		_ = l.ask(t.Context(), &shop)
		shop.check = errNoCheck
		_ = l.ask(t.Context(), &shop)
		shop.check, shop.probe = keepsNothing, nil
		if err := l.ask(t.Context(), &shop); !errors.Is(err, keepsNothing) {
			t.Errorf("%s: %v, asked %d times", name, err, shop.checked)
		}
	}
}
