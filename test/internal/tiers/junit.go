package tiers

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jstemmer/go-junit-report/v2/gtr"
	"github.com/jstemmer/go-junit-report/v2/junit"
	"gotest.tools/gotestsum/testjson"
)

// writeJUnit makes one JUnit file of all tests and of the tiers' own checks, which forges know how to show.
func writeJUnit(folder string, bills []bill) error {
	var report gtr.Report
	for _, b := range bills {
		checks := gtr.Package{Name: "make test-" + b.Tier}
		for _, t := range b.Tests {
			if t.check {
				checks.Tests = append(checks.Tests, t.junit(len(checks.Tests)))
			}
		}
		if len(checks.Tests) > 0 {
			report.Packages = append(report.Packages, checks)
		}
		report.Packages = append(report.Packages, b.suites...)
	}
	file, err := os.Create(filepath.Join(folder, "junit.xml"))
	if err != nil {
		return fmt.Errorf("write the JUnit report: %w", err)
	}
	suites := junit.CreateFromReport(report, "")
	return errors.Join(suites.WriteXML(file), file.Close())
}

func (t testCost) junit(id int) gtr.Test {
	test := gtr.NewTest(id, t.Name)
	test.Duration, test.Result = time.Duration(t.Wall*float64(time.Second)), gtr.Pass
	if t.Error != "" {
		test.Result, test.Output = gtr.Fail, []string{t.Error}
	}
	return test
}

// suiteOf is a package as JUnit has it. What a test that passed has said stays in the events.
func suiteOf(name string, p *testjson.Package, run *testjson.Execution) gtr.Package {
	suite := gtr.Package{Name: name, Duration: p.Elapsed()}
	add := func(result gtr.Result, cases []testjson.TestCase) {
		for _, c := range cases {
			test := gtr.NewTest(len(suite.Tests), c.Test.Name())
			test.Duration, test.Result = c.Elapsed, result
			if result != gtr.Pass {
				test.Output = run.OutputLines(c)
			}
			suite.Tests = append(suite.Tests, test)
		}
	}
	add(gtr.Pass, p.Passed)
	add(gtr.Fail, p.Failed)
	add(gtr.Skip, p.Skipped)
	return suite
}
