package monitoring

import (
	"slices"
	"testing"
	"time"
)

func scraped(t *testing.T, at time.Time, page string) *Scrape {
	t.Helper()
	s := NewScrape()
	s.at = at
	if err := s.Add("events-1", page); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatGoesOnGoesOnAsItDid(t *testing.T) {
	began := time.Now()
	earlier := scraped(t, began, "# TYPE lag gauge\nlag 4\nage{of=\"all\"} 10\ntold_total{kind=\"a\"} 1\nasked_total 9\n")
	later := scraped(t, began.Add(30*time.Second), "lag 6\nage{of=\"all\"} 8\ntold_total{kind=\"a\"} 3\ntold_total{kind=\"b\"} 1\nasked_total 5\nnew 7\nunknown NaN\nfull{namespace=\"b\",of=\"all\"} 3\n")
	const place, elsewhere = `{namespace="store-platform",pod="events-1"`, `full{pod="events-1",namespace="b",of="all"}`
	queries := []string{`sum by (kind) (rate(told_total[5m])) + lag + age{of="all"} + asked_total + new + unknown + full`}
	for _, c := range []struct {
		how   string
		going Going
		want  map[string]string
	}{
		{"steady", Steady(earlier, later), map[string]string{
			"lag" + place + "}": "6+0x9", "age" + place + `,of="all"}`: "8+0x9", "new" + place + "}": "7+0x9", elsewhere: "3+0x9",
			// It was started anew.
			"asked_total" + place + "}": "5+0x9", "told_total" + place + `,kind="a"}`: "3+4x9", "told_total" + place + `,kind="b"}`: "1+2x9",
		}},
		{"growing", Growing(earlier, later), map[string]string{
			"lag" + place + "}": "6+4x9", "age" + place + `,of="all"}`: "8-4x9", "new" + place + "}": "7+0x9", elsewhere: "3+0x9",
			"asked_total" + place + "}": "5+0x9", "told_total" + place + `,kind="a"}`: "3+4x9", "told_total" + place + `,kind="b"}`: "1+2x9",
		}},
	} {
		got := c.going.series(queries, 9)
		for _, s := range got {
			if c.want[s.Series] != s.Values {
				t.Errorf("%s: %s is %s, want %q", c.how, s.Series, s.Values, c.want[s.Series])
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %d series, want %d", c.how, len(got), len(c.want))
		}
	}
}

func TestWhatNobodySaysIsFound(t *testing.T) {
	names := Names{}
	names.Note(scraped(t, time.Now(), "work_busy{lane=\"all\"} 1\n"))
	for query, want := range map[string][]string{
		`sum by (lane) (work_busy{lane="all"}) > 0.95`:                                 nil,
		`max by (lane, hand) (rate(work_busy{land="all"}[5m]))`:                        {"hand", "land"},
		`work_bussy / work_busy`:                                                       {"work_bussy"},
		`namespace:stores:ratio > 1 or kube_cronjob_created{cronjob="lane"} offset 1h`: nil,
	} {
		if got := names.Unsaid([]string{query}); !slices.Equal(got, want) {
			t.Errorf("of %s nobody says %v, want %v", query, got, want)
		}
	}
}
