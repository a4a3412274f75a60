package tiers

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/gotestsum/testjson"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAPackageIsInOneTierByWhatItsTestsAskFor(t *testing.T) {
	// In two parts, or this package would be taken for one that asks itself.
	asking := write(t, "api_test.go", `package x; var path = os.Getenv("TEST_`+`KUBECONFIG")`)
	for name, c := range map[string]struct {
		source listed
		deps   []string
		heavy  bool
		want   string
	}{
		"alone":              {source: listed{ImportPath: root + "pkg/store"}, deps: []string{"fmt", "os/exec"}, want: "unit"},
		"linking the bus":    {source: listed{ImportPath: root + "pkg/claim"}, deps: []string{"github.com/nats-io/nats.go/jetstream"}, want: "bus"},
		"linking Postgres":   {source: listed{ImportPath: root + "services/events"}, deps: []string{"github.com/jackc/pgx/v5"}, want: "bus"},
		"starting processes": {source: listed{ImportPath: root + "deploy/local/x", TestImports: []string{"os/exec"}}, want: "bus"},
		"heavy and alone":    {source: listed{ImportPath: root + "pkg/cluster/x", Imports: []string{"os/exec"}}, heavy: true, want: "unit"},
		"wanting an API": {
			source: listed{ImportPath: root + "services/provisioner", Dir: filepath.Dir(asking), XTestGoFiles: []string{"api_test.go"}},
			deps:   []string{"github.com/nats-io/nats.go"}, want: "apiserver",
		},
		"wanting it by the helper": {source: listed{ImportPath: root + "pkg/cluster"}, deps: []string{root + "pkg/cluster/clustertest"}, heavy: true, want: "apiserver"},
		"static":                   {source: listed{ImportPath: root + "test/static", TestImports: []string{"os/exec"}}, want: "static"},
		"the cluster's":            {source: listed{ImportPath: root + "test/cluster"}, deps: []string{"github.com/nats-io/nats.go"}, want: "cluster"},
		"the containers'":          {source: listed{ImportPath: root + "test/compose", TestImports: []string{"os/exec"}}, want: "compose"},
		"the chart's":              {source: listed{ImportPath: root + "test/installed", TestImports: []string{"os/exec"}}, want: "cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tierOf(c.source, c.deps, c.heavy)
			if err != nil || got != c.want {
				t.Errorf("tier %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

const transcript = `{"Action":"run","Package":"p","Test":"TestGood"}
{"Action":"pass","Package":"p","Test":"TestGood"}
{"Action":"run","Package":"p","Test":"TestBad"}
{"Action":"run","Package":"p","Test":"TestBad/part"}
{"Action":"output","Package":"p","Test":"TestBad/part","Output":"broken\n"}
{"Action":"fail","Package":"p","Test":"TestBad/part"}
{"Action":"fail","Package":"p","Test":"TestBad"}
{"Action":"run","Package":"p","Test":"TestAllowed"}
{"Action":"skip","Package":"p","Test":"TestAllowed"}
{"Action":"run","Package":"p","Test":"TestForgotten"}
{"Action":"output","Package":"p","Test":"TestForgotten","Output":"no such machine\n"}
{"Action":"skip","Package":"p","Test":"TestForgotten"}
{"Action":"fail","Package":"p"}
{"Action":"fail","Package":"doesnotbuild","Output":"FAIL"}
`

func TestASkipThatIsNotListedFails(t *testing.T) {
	run, err := testjson.ScanTestOutput(testjson.ScanConfig{Stdout: strings.NewReader(transcript)})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	r := &shift{runner: &runner{out: &out, skips: skips{"TestAllowed": "a reason"}}}
	r.count(run)
	want := []string{"doesnotbuild", "p TestBad/part", "p TestForgotten (skipped, and not in test/skips.txt)"}
	if r.tally.passed != 1 || r.tally.skipped != 1 || !slices.Equal(slices.Sorted(slices.Values(r.tally.failed)), want) {
		t.Errorf("%s: %q, want %q", r.tally.line(), r.tally.failed, want)
	}
	if !strings.Contains(out.String(), "no such machine") || !strings.Contains(out.String(), "a reason") {
		t.Errorf("the reasons of skips aren't shown:\n%s", out.String())
	}
	if line := r.tally.line(); line != "1 passed, 3 failed, 1 skipped" {
		t.Errorf("last line %q", line)
	}
}

func TestTheLongRunHasContainersAndChaosAndAShortOneHasNot(t *testing.T) {
	for _, o := range []Options{{}, {Long: true}} {
		for _, part := range tiers {
			if want := !part.part || o.Long && (part.name == "chaos" || part.name == "compose"); o.wants(part) != want {
				t.Errorf("with long %v, %s runs: %v", o.Long, part.name, !want)
			}
		}
	}
}

func TestSkipsNeedAReason(t *testing.T) {
	allowed, err := readSkips(write(t, "skips.txt", "# why\n\nTestA for a reason\n"))
	if err != nil || allowed["TestA"] != "for a reason" || len(allowed) != 1 {
		t.Errorf("read %v, %v", allowed, err)
	}
	if _, err := readSkips(write(t, "skips.txt", "TestA\n")); err == nil {
		t.Error("a skip without a reason was accepted")
	}
}
