package question_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/question"
)

// list is a question that is answered in pages: with the items behind the first so many.
var list = query.Question[int, listed]{By: "test", Name: "list", Subject: "query.list", Patience: patience}

type listed struct {
	Items []string
	// Next is how many stand before the next page.
	Next int
}

// Turned to the end, the pages hold each item once, whatever the sizes; one that no answer carries ends the list with a refusal.
func TestAPageHoldsWhatTheBrokerCarries(t *testing.T) {
	nc := bustest.Start(t)
	fits := int(nc.MaxPayload())
	of := func(sizes ...int) (items []string) {
		for i, size := range sizes {
			items = append(items, strings.Repeat(string(rune('a'+i)), size))
		}
		return items
	}
	for name, c := range map[string]struct {
		items []string
		pages int
		fails bool
	}{
		"nothing":                      {nil, 1, false},
		"all at once":                  {of(1, 2, 3), 1, false},
		"two that fit each by itself":  {of(fits*3/4, fits*3/4), 2, false},
		"large ones before small ones": {of(fits*2/5, fits*2/5, fits*2/5, 1, 1, 1, 1, 1, 1), 2, false},
		"small ones before a large":    {of(1, 1, 1, 1, 1, 1, fits*9/10), 1, false},
		"one that nobody carries":      {of(1, fits, 1), 1, true},
		"one as large as three":        {of(fits*3, 1), 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := question.Service{Name: "test", Group: "test", Refuse: func(error) *question.Refusal { return &question.Refusal{Code: question.Unavailable} }}.Start(nc, question.AnswerInPages(list, from(c.items)))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = a.Stop() })
			got, pages, err := turned(t, nc)
			var refusal *question.Refusal
			switch {
			case c.fails && (!errors.As(err, &refusal) || refusal.Code != question.Internal):
				t.Errorf("%v, want a refusal", err)
			case !c.fails && err != nil:
				t.Error(err)
			case pages < c.pages:
				t.Errorf("it came in %d pages, want %d", pages, c.pages)
			case !c.fails && cmp.Diff(c.items, got) != "":
				t.Errorf("the pages hold %d items of %d, or in another order", len(got), len(c.items))
			}
		})
	}
}

func from(items []string) func(context.Context, int) (question.Pages[listed], error) {
	return func(_ context.Context, before int) (question.Pages[listed], error) {
		left := items[before:]
		return question.Pages[listed]{Items: len(left), Upto: func(count int) listed {
			page := listed{Items: left[:count]}
			if count < len(left) {
				page.Next = before + count
			}
			return page
		}}, nil
	}
}

func turned(t *testing.T, nc *nats.Conn) (items []string, pages int, err error) {
	t.Helper()
	for next := 0; ; {
		page, err := question.Ask(t.Context(), nc, list, next)
		if err != nil {
			return items, pages, err
		}
		pages++
		if items = append(items, page.Items...); page.Next == 0 {
			return items, pages, nil
		}
		if page.Next <= next {
			t.Fatalf("page %d goes on at %d, behind %d", pages, page.Next, next)
		}
		next = page.Next
	}
}
