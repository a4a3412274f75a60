package supervise

import (
	"bytes"
	"os"
	"unicode/utf8"
)

// Bounds of what lastLine reads and answers: a line for a terminal, not a report.
const (
	tailBytes = 4096
	lineBytes = 300
)

// lastLine is the last line of a log that says anything, or nothing when there is none.
func lastLine(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return ""
	}
	tail := make([]byte, min(info.Size(), tailBytes))
	n, _ := file.ReadAt(tail, info.Size()-int64(len(tail)))
	tail = bytes.TrimSpace(tail[:n])
	line := tail[bytes.LastIndexByte(tail, '\n')+1:]
	if len(line) > lineBytes {
		line = line[:lineBytes]
	}
	if !utf8.Valid(line) {
		return string(bytes.ToValidUTF8(line, nil))
	}
	return string(line)
}
