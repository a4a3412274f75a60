package tiers

import (
	"bytes"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/gotestsum/testjson"
)

const timed = `{"Action":"run","Package":"p","Test":"TestSlow"}
{"Action":"run","Package":"p","Test":"TestSlow/part"}
{"Action":"pass","Package":"p","Test":"TestSlow/part","Elapsed":7.5}
{"Action":"pass","Package":"p","Test":"TestSlow","Elapsed":8}
{"Action":"run","Package":"p","Test":"TestQuick"}
{"Action":"output","Package":"p","Test":"TestQuick","Output":"broken\n"}
{"Action":"fail","Package":"p","Test":"TestQuick","Elapsed":0.25}
{"Action":"fail","Package":"p","Elapsed":9}
`

func TestARunKeepsWhatItCost(t *testing.T) {
	run, err := testjson.ScanTestOutput(testjson.ScanConfig{Stdout: strings.NewReader(timed)})
	if err != nil {
		t.Fatal(err)
	}
	r := &shift{runner: &runner{out: new(bytes.Buffer), repo: t.TempDir()}}
	if err := os.MkdirAll(r.reportPath(), 0o755); err != nil {
		t.Fatal(err)
	}
	r.bill = bill{Tier: "unit", Wall: 12, CPU: 20, Budget: 10, Passed: 1, Failed: 2}
	events, err := r.eventsFile(batch{tier: "unit", dir: "services/gateway", race: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := events.WriteString(timed); err != nil {
		t.Fatal(err)
	}
	r.note(batch{dir: "services/gateway", packages: []string{"p"}, race: true}, run, batchCost{Events: filepath.Base(events.Name())})
	r.settle("gofmt", time.Now(), "a.go", os.ErrInvalid)
	r.bill.slowestFirst()

	var said bytes.Buffer
	printBills(&said, []bill{r.bill}, bill{Tier: "all", Wall: 13, Budget: 12})
	for _, want := range []string{"7.5 s  p TestSlow/part", "unit       12      10           20       1       2", "unit took 12 s, 2 s more than its budget", "all took 13 s, 1 s more"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("it doesn't say %q:\n%s", want, said.String())
		}
	}
	// The parent's time is its part's.
	if strings.Contains(said.String(), "8.0 s") {
		t.Errorf("a test is listed beside its parts:\n%s", said.String())
	}
	if err := r.keepBills([]bill{r.bill}); err != nil {
		t.Fatal(err)
	}
	expectJUnit(t, filepath.Join(r.reportPath(), "junit.xml"))
}

func expectJUnit(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var suites struct {
		Suites []struct {
			Name     string `xml:"name,attr"`
			Tests    int    `xml:"tests,attr"`
			Failures int    `xml:"failures,attr"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(data, &suites); err != nil {
		t.Fatal(err)
	}
	found := map[string][2]int{}
	for _, s := range suites.Suites {
		found[s.Name] = [2]int{s.Tests, s.Failures}
	}
	if len(found) != 2 || found["p"] != [2]int{3, 1} || found["make test-unit"] != [2]int{1, 1} {
		t.Errorf("suites with tests and failures: %v\n%s", found, data)
	}
}
