package tiers

import (
	"fmt"
	"os"
	"strings"
)

// skips are the tests that may be skipped, with the reason: one line each, "TestName reason". Any other skip fails the
// run, so that a test that quietly stopped running is noticed.
type skips map[string]string

func readSkips(path string) (skips, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the list of allowed skips: %w", err)
	}
	allowed := skips{}
	for n, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, found := strings.Cut(line, " ")
		if !found {
			return nil, fmt.Errorf("%s:%d: %s is allowed to be skipped without a reason", path, n+1, name)
		}
		allowed[name] = strings.TrimSpace(reason)
	}
	return allowed, nil
}
