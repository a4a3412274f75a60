package bench

import (
	"fmt"
	"net/url"

	"github.com/store-platform/store-platform/test/internal/people"
)

// filterAim is pages a second of each filter.
const filterAim = 500

// filtered is a list as an operator asks for it among everybody's stores, and what of the database that is.
type filtered struct {
	query url.Values
	// where and by are the select's.
	where, by string
	arguments []any
}

func (l listing) filters() []filtered {
	return []filtered{
		{query: url.Values{}, where: "status <> 'Deleted'", by: "opened desc"},
		{query: url.Values{"order": {"oldest"}}, where: "status <> 'Deleted'", by: "opened"},
		{query: url.Values{"order": {"name"}}, where: "status <> 'Deleted'", by: "sorted, opened"},
		{query: url.Values{"status": {"Ready"}}, where: "status = 'Ready'", by: "opened desc"},
		{query: url.Values{"status": {"Ready", "Failed"}}, where: "status = any(array['Ready', 'Failed'])", by: "opened desc"},
		{query: url.Values{"engine": {"sample"}}, where: "status <> 'Deleted' and engine = $1", by: "opened desc", arguments: []any{"sample"}},
		{query: url.Values{"plan": {"small"}}, where: "status <> 'Deleted' and plan = $1", by: "opened desc", arguments: []any{"small"}},
		{query: url.Values{"tenant": {l.tenant.ID}}, where: "status <> 'Deleted' and tenant = $1", by: "opened desc", arguments: []any{l.tenant.ID}},
		{query: url.Values{"tenant": {l.tenant.ID}, "order": {"name"}}, where: "status <> 'Deleted' and tenant = $1", by: "sorted, opened", arguments: []any{l.tenant.ID}},
		{query: url.Values{"q": {"a"}}, where: "status <> 'Deleted' and text like $1", by: "opened desc", arguments: []any{"%a%"}},
	}
}

// listFilters holds the first page of each filter and order, asked for by an operator, against the same select.
func listFilters(b *bench) {
	l := b.listing()
	askers := b.askers(l.url, func() [2]string { return [2]string{"X-Api-Key", people.AdminKey} })
	b.await("list stores", l.events, startPatience, askers[0].list)
	for _, f := range l.filters() {
		f.query.Set("limit", "50")
		page := "/stores?" + f.query.Encode()
		get := func(a *asker) error { return a.get(page) }
		b.allOf(askers, len(askers), get)
		bare, end := b.pageReaders(l.database, barePage(f.where, f.by), f.arguments...)
		ours, theirs := b.allOf(askers, b.sizes.reads, get), bare(b.sizes.reads)
		end()
		b.report(line{
			what: fmt.Sprintf("GET %s of %d stores", page, l.all), platform: perSecond(ours), bare: perSecond(theirs), ratio: ours / theirs,
			aim: fmt.Sprintf("≥ %d/s", filterAim), met: ours >= filterAim,
			how: fmt.Sprintf("%d pages; %d clients at one gateway and one events service, against the same select by %d connections", b.sizes.reads, b.sizes.clients, pageConnections),
		})
	}
}
