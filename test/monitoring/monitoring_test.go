// Package monitoring holds what operators watch the platform by to its form, and the alerts to their tests. It holds tests only. That
// the services say what rules and boards ask for, and that alerts fire in faults, is test/chaos's, test/scaling's and test/cluster's.
package monitoring

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/test/internal/monitoring"
	"github.com/store-platform/store-platform/test/internal/repo"
)

func TestMain(m *testing.M) {
	guard.Main()
	os.Exit(m.Run())
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func rules(t *testing.T) []monitoring.Rule {
	t.Helper()
	all, err := monitoring.Rules(root(t))
	if err != nil || len(all) < 15 {
		t.Fatalf("%d rules: %v", len(all), err)
	}
	return all
}

func boards(t *testing.T) []monitoring.Board {
	t.Helper()
	all, err := monitoring.Boards(root(t))
	if err != nil || len(all) == 0 {
		t.Fatalf("%d boards: %v", len(all), err)
	}
	return all
}

func promtool(t *testing.T, words ...string) {
	t.Helper()
	if _, err := monitoring.Promtool(t.Context(), words...); err != nil {
		t.Error(err)
	}
}

// tests are promtool's own.
const tests = "alerts.yaml"

func TestAlertsFireWhenTheyShouldAndNotBefore(t *testing.T) {
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", monitoring.RulesFile(root(t)))
	promtool(t, "test", "rules", tests)
}

// A test that waits for nothing would pass.
func TestEachAlertIsSeenFiringAndQuiet(t *testing.T) {
	data, err := os.ReadFile(tests)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Tests []struct {
			Cases []struct {
				Alert    string `yaml:"alertname"`
				Expected []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, c := range test.Cases {
			fires[c.Alert] = fires[c.Alert] || len(c.Expected) > 0
			quiet[c.Alert] = quiet[c.Alert] || len(c.Expected) == 0
		}
	}
	for _, rule := range rules(t) {
		if rule.Alert != "" && (!fires[rule.Alert] || !quiet[rule.Alert]) {
			t.Errorf("%s says of %s that it fires: %v, and that it doesn't: %v", tests, rule.Alert, fires[rule.Alert], quiet[rule.Alert])
		}
	}
}

// faults are the packages that see alerts fire by what is said in a real fault.
var faults = []string{"test/internal/chaos", "test/cluster"}

// What nobody has seen firing may ask for what nobody says.
func TestEachAlertHasAFault(t *testing.T) {
	var sources strings.Builder
	for _, folder := range faults {
		paths, err := filepath.Glob(filepath.Join(root(t), filepath.FromSlash(folder), "*.go"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%d files in %s: %v", len(paths), folder, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(text)
		}
	}
	for _, rule := range rules(t) {
		if rule.Alert != "" && !strings.Contains(sources.String(), fmt.Sprintf("%q", rule.Alert)) {
			t.Errorf("no fault raises %s in %v", rule.Alert, faults)
		}
	}
}

// tree is where the repository's files are seen.
const tree = "https://github.com/store-platform/store-platform/blob/main/"

func TestEachAlertLeadsToItsRunbook(t *testing.T) {
	told := map[string]bool{}
	for _, rule := range rules(t) {
		if rule.Alert == "" {
			continue
		}
		path, anchor, _ := strings.Cut(strings.TrimPrefix(rule.Annotations["runbook_url"], tree), "#")
		text, err := os.ReadFile(filepath.Join(root(t), filepath.FromSlash(path)))
		if err != nil {
			t.Errorf("the runbook of %s: %v", rule.Alert, err)
			continue
		}
		_, section, found := strings.Cut(string(text), "\n## "+rule.Alert+"\n")
		if !found || anchor != strings.ToLower(rule.Alert) {
			t.Errorf("%s leads to %s#%s", rule.Alert, path, anchor)
		}
		section, _, _ = strings.Cut(section, "\n## ")
		for _, part := range []string{"**Means.** ", "**See.** ", "**Do.** ", "**Ends** "} {
			if !strings.Contains(section, "\n"+part) {
				t.Errorf("%s doesn't say %q of %s", path, part, rule.Alert)
			}
		}
		told[rule.Alert] = true
		if severity := rule.Labels["severity"]; severity != "critical" && severity != "warning" {
			t.Errorf("%s is %q", rule.Alert, severity)
		}
		if rule.Alert != "StorePlatformUnseen" && !strings.Contains(rule.Annotations["summary"], "{{ $labels.namespace }}") {
			t.Errorf("the summary of %s doesn't name the installation", rule.Alert)
		}
	}
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "alerts.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, heading := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch(string(text), -1) {
		if !told[heading[1]] {
			t.Errorf("docs/alerts.md has a section of %s, which is no alert", heading[1])
		}
	}
}

func TestWhatIsRecordedIsLookedAt(t *testing.T) {
	var asked []string
	for _, rule := range rules(t) {
		asked = append(asked, rule.Expr)
	}
	for _, board := range boards(t) {
		for _, panel := range board.Panels {
			asked = append(asked, panel.Queries()...)
		}
	}
	for _, rule := range rules(t) {
		if rule.Record != "" && !strings.Contains(strings.Join(asked, "\n"), rule.Record) {
			t.Errorf("nobody looks at %s", rule.Record)
		}
	}
}

// Grafana's own form isn't to be had here: these are what it can't do without, and what somebody who looks can't.
func TestBoardsAreWhole(t *testing.T) {
	uids := map[string]bool{}
	for _, board := range boards(t) {
		if board.UID == "" || uids[board.UID] || board.Title == "" || !slices.Contains(board.Tags, "store-platform") {
			t.Errorf("%s: uid %q, title %q, tags %v", board.File, board.UID, board.Title, board.Tags)
		}
		uids[board.UID] = true
		var variables []string
		for _, variable := range board.Templating.List {
			variables = append(variables, variable.Name)
		}
		if !slices.Equal(variables, []string{"datasource", "namespace"}) {
			t.Errorf("%s asks for %v", board.File, variables)
		}
		taken := map[string]string{}
		for _, panel := range board.Panels {
			for _, fault := range wrongIn(panel) {
				t.Errorf("%s, %s: %s", board.File, panel.Title, fault)
			}
			for x := panel.GridPos.X; x < panel.GridPos.X+panel.GridPos.W; x++ {
				for y := panel.GridPos.Y; y < panel.GridPos.Y+panel.GridPos.H; y++ {
					place := fmt.Sprint(x, y)
					if taken[place] != "" || x >= 24 {
						t.Fatalf("%s: %s lies over %s, or beyond the edge", board.File, panel.Title, taken[place])
					}
					taken[place] = panel.Title
				}
			}
		}
	}
}

func wrongIn(panel monitoring.Panel) (all []string) {
	if panel.Title == "" || panel.Description == "" || panel.Datasource["uid"] != "${datasource}" {
		all = append(all, fmt.Sprintf("description %q, data from %v", panel.Description, panel.Datasource))
	}
	if len(panel.Targets) == 0 || panel.GridPos.W == 0 || panel.GridPos.H == 0 {
		all = append(all, "shows nothing")
	}
	names := map[string]bool{}
	for _, target := range panel.Targets {
		if names[target.RefID] {
			all = append(all, "two queries are called "+target.RefID)
		}
		names[target.RefID] = true
		if !strings.Contains(target.Expr, `namespace="$namespace"`) && !strings.HasPrefix(target.Expr, "ALERTS{") {
			all = append(all, "asks all installations: "+target.Expr)
		}
	}
	return all
}
