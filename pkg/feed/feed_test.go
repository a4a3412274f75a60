package feed_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/query"
)

func TestTicketsAreThoseOfEveryRelease(t *testing.T) {
	for text, want := range map[string]query.Scope{
		`{"tenant":"a"}`:             query.Of("a"),
		`{"tenant":"","all":true}`:   query.All(),
		`{"tenant":""}`:              {},
		`{}`:                         {},
		`null`:                       {},
		`{"tenant":"a","until":"…"}`: {},
	} {
		var ticket feed.Ticket
		if err := json.Unmarshal([]byte(text), &ticket); err != nil || ticket.Scope != want {
			t.Errorf("%s sees %+v (%v), want %+v", text, ticket.Scope, err, want)
		}
	}
	for _, s := range []query.Scope{{}, query.Of("a"), query.All()} {
		data, err := json.Marshal(feed.Ticket{Scope: s})
		if err != nil {
			t.Fatal(err)
		}
		var old struct {
			Tenant string `json:"tenant"`
			All    bool   `json:"all"`
		}
		if err := json.Unmarshal(data, &old); err != nil || old.Tenant != s.Tenant() || old.All != s.SeesAll() {
			t.Errorf("an older replica reads %s as %+v: %v", data, old, err)
		}
		if strings.Contains(string(data), "nobody") {
			t.Errorf("a ticket names nobody: %s", data)
		}
	}
}
