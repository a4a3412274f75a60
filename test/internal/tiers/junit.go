package tiers

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jstemmer/go-junit-report/v2/gtr"
	"github.com/jstemmer/go-junit-report/v2/junit"
	"github.com/jstemmer/go-junit-report/v2/parser/gotest"
)

// writeJUnit makes one JUnit file of all batches and of the tiers' own checks, which forges know how to show.
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
		for _, batch := range b.Batches {
			packages, err := readEvents(filepath.Join(folder, batch.Events))
			if err != nil {
				return err
			}
			report.Packages = append(report.Packages, packages...)
		}
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

func readEvents(path string) ([]gtr.Package, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read what go test said: %w", err)
	}
	defer file.Close()
	report, err := gotest.NewJSONParser().Parse(file)
	if err != nil {
		return nil, fmt.Errorf("read what go test said in %s: %w", path, err)
	}
	return report.Packages, nil
}
