package readmodel

import (
	"fmt"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
)

// List selects stores and says their order.
type List struct {
	// Scope is whose stores.
	Scope query.Scope
	// Statuses are those of which a store has one; none means all but Deleted, and that too where Deleted says so.
	Statuses []store.Status
	Engine   string
	Plan     string
	// Name is a whole one, Search part of one or of an id.
	Name    string
	Search  string
	Deleted bool
	// Order is query.Newest where it is empty.
	Order query.Order
	// Behind is the place of the last store of the page before; zero begins with the first.
	Behind Spot
	Limit  int
}

// Spot is the place of a store in the order of lists. Only one by name goes by Sorted.
type Spot struct {
	Opened uint64
	Sorted string
}

// conditions names only those that are asked for: with "$1 is null or" before each Postgres would settle on a plan that uses no index.
type conditions struct {
	where []string
	args  []any
}

func (c *conditions) value(v any) string {
	c.args = append(c.args, v)
	return fmt.Sprintf("$%d", len(c.args))
}

// and puts the values where the condition has question marks.
func (c *conditions) and(condition string, values ...any) {
	for _, v := range values {
		condition = strings.Replace(condition, "?", c.value(v), 1)
	}
	c.where = append(c.where, condition)
}

func (c *conditions) text(more ...string) string {
	return strings.Join(append(slices.Clone(c.where), more...), " and ")
}

// undeleted is no parameter: Postgres must know it to go by an index of these.
const undeleted = "status <> '" + string(store.Deleted) + "'"

// ordered are the columns of an order, and which places are behind one.
var ordered = map[query.Order]struct{ by, behind string }{
	query.Newest: {"opened desc", "opened < ?"},
	query.Oldest: {"opened", "opened > ?"},
	query.ByName: {"sorted, opened", "(sorted, opened) > (?, ?)"},
}

// search is how what is searched for is found.
type search int

const (
	// among all, however many these are, or among those that come first in the order of the page.
	amongAll search = iota
	amongFirst
	// countFirst is how many these are.
	countFirst
)

// firstOnes are so many. A text that so few have that a page of them isn't among these is found by its index; to gather what many
// have, only to sort it and leave most of it, would take longer than to look.
const firstOnes = 2000

// frequentOnes of the first make a text one that is counted by looking at each store.
const frequentOnes = 50

// statement reads a page and one row more, from what the newest tables list.
func (l List) statement(how search) (string, []any) {
	c := l.filters()
	if l.Order == "" {
		l.Order = query.Newest
	}
	order := ordered[l.Order]
	switch {
	case l.Behind == Spot{}:
	case l.Order == query.ByName:
		c.and(order.behind, l.Behind.Sorted, l.Behind.Opened)
	default:
		c.and(order.behind, l.Behind.Opened)
	}
	with := ""
	if l.searches() && how == amongAll {
		// Materialized: Postgres thinks that characters stand beside each other by chance, and takes what is frequent for rare.
		with = fmt.Sprintf("with found as materialized (select id from listed_grams where grams @> %s) ", c.value(gramsWithin(Folded(l.Search))))
		c.and("id in (select id from found)")
		c.and(textLike, l.pattern())
	}
	most := l.Limit + 1
	if how != amongAll {
		most = firstOnes
	}
	limit := c.value(most)
	page := func(more ...string) string {
		return fmt.Sprintf("select id, opened, sorted, text from listed where %s order by %s limit %s", c.text(more...), order.by, limit)
	}
	pages := page(l.unlessNamed()...)
	if len(l.Statuses) > 0 {
		// Each by the index of its status in the order of the page; with "in" Postgres would sort all of them, or look for few
		// among all others.
		var each []string
		for _, status := range l.Statuses {
			each = append(each, "("+page("status = "+c.value(string(status)))+")")
		}
		pages = fmt.Sprintf("select * from (%s) each order by %s limit %s", strings.Join(each, " union all "), order.by, limit)
	}
	switch how {
	case countFirst:
		return fmt.Sprintf("select count(*) from (%s) first", pages), c.args
	case amongFirst:
		pages = fmt.Sprintf("select * from (%s) first where %s order by %s limit %s",
			pages, strings.Replace(textLike, "?", c.value(l.pattern()), 1), order.by, c.value(l.Limit+1))
	}
	return fmt.Sprintf("%sselect page.opened, page.sorted, version, state from (%s) page join stores_4 using (id) order by %s",
		with, pages, strings.ReplaceAll(order.by, "opened", "page.opened")), c.args
}

const textLike = "text like ?"

// searches says whether anything is left to search for without case and accents.
func (l List) searches() bool { return Folded(l.Search) != "" }

func (l List) pattern() string { return "%" + likeLiteral.Replace(Folded(l.Search)) + "%" }

// unlessNamed is what holds of statuses where none is named.
func (l List) unlessNamed() []string {
	if l.Deleted {
		return []string{"true"}
	}
	return []string{undeleted}
}

// filters are all but those of status and place.
func (l List) filters() *conditions {
	c := &conditions{}
	if !l.Scope.SeesAll() {
		c.and("tenant = ?", l.Scope.Tenant())
	}
	if l.Engine != "" {
		c.and("engine = ?", l.Engine)
	}
	if l.Plan != "" {
		c.and("plan = ?", l.Plan)
	}
	if l.Name != "" {
		c.and("sorted = ?", Sorted(l.Name))
	}
	return c
}

// counts is how many a list would hold, by status, of those that the index of texts finds among all, or by looking at each. Who asks for no text
// is answered from what is counted already.
func (l List) counts(how search) (string, []any) {
	if l.Name == "" && !l.searches() {
		return l.summed()
	}
	c := l.filters()
	l.withStatuses(c)
	from := "listed"
	if l.searches() {
		c.and(textLike, l.pattern())
	}
	if l.searches() && how == amongAll {
		c.and("grams @> ?", gramsWithin(Folded(l.Search)))
		from = "listed join listed_grams using (id)"
	}
	return "select status, count(*) from " + from + " where " + c.text() + " group by status", c.args
}

func (l List) summed() (string, []any) {
	c := &conditions{}
	// Everybody's is that of All, whose tenant is empty.
	c.and("tenant = ?", l.Scope.Tenant())
	if l.Engine != "" {
		c.and("engine = ?", l.Engine)
	}
	if l.Plan != "" {
		c.and("plan = ?", l.Plan)
	}
	l.withStatuses(c)
	return "select status, sum(stores)::bigint from listed_counts where " + c.text() + " group by status having sum(stores) > 0", c.args
}

func (l List) withStatuses(c *conditions) {
	if len(l.Statuses) == 0 {
		c.where = append(c.where, l.unlessNamed()...)
		return
	}
	c.and("status = any(?)", words(l.Statuses))
}

func words(statuses []store.Status) []string {
	words := make([]string, len(statuses))
	for i, status := range statuses {
		words[i] = string(status)
	}
	return words
}

// plain says that the tables of before know all that is asked for.
func (l List) plain() bool {
	return len(l.Statuses) < 2 && l.Plan == "" && l.Name == "" && (l.Order == "" || l.Order == query.Newest)
}

// before is statement of the tables of before, which every release's projector keeps.
func (l List) before() (string, []any) {
	c := &conditions{}
	// A history that began unreadably, and was gone on behind, has a row and is nobody's store.
	c.and("status <> ''")
	if !l.Scope.SeesAll() {
		c.and("tenant = ?", l.Scope.Tenant())
	}
	if len(l.Statuses) == 1 {
		c.and("status = ?", string(l.Statuses[0]))
	} else if !l.Deleted {
		c.and(undeleted)
	}
	if l.Engine != "" {
		c.and("engine = ?", l.Engine)
	}
	if l.Search != "" {
		pattern := "%" + likeLiteral.Replace(l.Search) + "%"
		c.and("(name ilike ? or id ilike ?)", pattern, pattern)
	}
	if l.Behind.Opened != 0 {
		c.and("opened < ?", l.Behind.Opened)
	}
	return fmt.Sprintf("select opened, '', version, state from stores where %s order by opened desc limit %s", c.text(), c.value(l.Limit+1)), c.args
}

// likeLiteral takes the meaning from what a pattern would give one to.
var likeLiteral = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
