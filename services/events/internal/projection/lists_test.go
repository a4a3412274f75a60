package projection

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// checkListed holds what stores are listed by, and what is counted of that, against the stores.
func (b *testBundle) checkListed(tb testing.TB, folded []store.State) {
	tb.Helper()
	var want, texts []string
	counts := map[string]int{}
	for _, s := range folded {
		if s.Status == "" {
			continue
		}
		want = append(want, fmt.Sprintf("%s%s%s%s%s%s", s.ID, s.Tenant, s.Status, s.Spec.Engine, s.Spec.Plan, readmodel.Sorted(s.Spec.Name)))
		texts = append(texts, fmt.Sprintf("%s %s\n%s", s.ID, readmodel.Folded(s.Spec.Name), s.ID))
		for _, whose := range []string{s.Tenant, ""} {
			counts[whose+s.Spec.Engine+s.Spec.Plan+string(s.Status)]++
		}
	}
	slices.Sort(want)
	slices.Sort(texts)
	var counted []string
	for of, n := range counts {
		counted = append(counted, fmt.Sprintf("%s%d", of, n))
	}
	slices.Sort(counted)
	if slices.Contains(b.texts(tb, "select (l.opened = s.opened)::text from listed l join stores s using (id)"), "false") {
		tb.Error("stores are listed as opened elsewhere than they were")
	}
	for sql, want := range map[string][]string{
		"select id || tenant || status || engine || plan || sorted from listed":                                                                     want,
		"select id || ' ' || text from listed":                                                                                                      texts,
		"select tenant || engine || plan || status || stores from listed_counts where stores <> 0":                                                  counted,
		"select id from listed left join listed_grams using (id) where not coalesce(grams @> array[substr(id, 2, 3), substr(sorted, 2, 2)], false)": nil,
	} {
		if diff := cmp.Diff(want, b.texts(tb, sql)); diff != "" {
			tb.Errorf("%s differs (-log +rows):\n%s", sql, diff)
		}
	}
}

// texts reads a column of them, sorted.
func (b *testBundle) texts(tb testing.TB, sql string) (all []string) {
	tb.Helper()
	rows, err := b.pool.Query(tb.Context(), sql)
	if err != nil {
		tb.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			tb.Fatal(err)
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}
