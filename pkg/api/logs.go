package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
)

// LogLine is a line of GET /stores/{id}/logs.
type LogLine struct {
	// At is when it was written, by its node's clock.
	At        time.Time `json:"at"`
	Pod       string    `json:"pod"`
	Container string    `json:"container"`
	Line      string    `json:"line"`
	// Cut: the line is longer, and this its beginning.
	Cut bool `json:"cut,omitempty"`
	// End stands alone in the last line, of which Logs makes a LogsEnd.
	End string `json:"end,omitempty"`
}

// LogsEnd is why logs end before their time, in a sentence.
type LogsEnd string

func (e LogsEnd) Error() string { return "the logs end: " + string(e) }

// Logs reads the body of an answer with logs, each line as it comes. It ends where all was told, or with an error behind the last line: a
// LogsEnd where the gateway says why there is no more, otherwise the connection was lost. The body is the caller's to close. Of empty lines,
// which come where nothing is written for long, nobody hears.
func Logs(body io.Reader) iter.Seq2[LogLine, error] {
	return func(yield func(LogLine, error) bool) {
		for lines := json.NewDecoder(body); ; {
			var line LogLine
			err := lines.Decode(&line)
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(LogLine{}, fmt.Errorf("read the logs: %w", err))
				return
			case line.End != "":
				yield(LogLine{}, LogsEnd(line.End))
				return
			case !yield(line, nil):
				return
			}
		}
	}
}
