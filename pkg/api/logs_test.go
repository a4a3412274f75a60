package api_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/api"
)

func TestLogsAreReadAsTheyCome(t *testing.T) {
	const one, two = `{"at":"2026-01-02T03:04:05.6Z","pod":"shop-0","container":"shop","line":"one"}`, `{"at":"2026-01-02T03:04:06Z","pod":"shop-0","container":"shop","line":"two","cut":true}`
	for name, c := range map[string]struct{ body, told, ended string }{
		"nothing":       {"", "", ""},
		"all":           {one + "\n" + two + "\n", "one two", ""},
		"quiet between": {"\n\n" + one + "\n\n\n" + two + "\n\n", "one two", ""},
		"a word on why": {one + "\n\n" + `{"end":"The store was deleted."}` + "\n", "one", "the logs end: The store was deleted."},
		"cut off":       {one + "\n" + two[:20], "one", "read the logs: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			var ended error
			for line, err := range api.Logs(strings.NewReader(c.body)) {
				if err != nil {
					ended = err
					continue
				}
				if line.At.IsZero() || line.Pod != "shop-0" || line.Container != "shop" || line.Cut != (line.Line == "two") {
					t.Errorf("told was %+v", line)
				}
				told = append(told, line.Line)
			}
			if got := strings.Join(told, " "); got != c.told {
				t.Errorf("told was %q, want %q", got, c.told)
			}
			if said := fmt.Sprint(ended); said != c.ended && (ended != nil || c.ended != "") {
				t.Errorf("it ends with %s, want %s", said, c.ended)
			}
			if end, said := errors.AsType[api.LogsEnd](ended); said != (name == "a word on why") {
				t.Errorf("it ends with %q", end)
			}
		})
	}
	// A line that has come is told before the next.
	from, to := io.Pipe()
	defer to.Close()
	go func() { _, _ = io.WriteString(to, one+"\n") }()
	for line, err := range api.Logs(from) {
		if err != nil || line.Line != "one" {
			t.Errorf("told was %+v, %v", line, err)
		}
		break
	}
}
