package feed

import (
	"fmt"
	"strconv"
	"strings"
)

// Cursor is a place in one stream. The epoch tells that stream from one that was created later under the same name, so
// that a cursor from before is told, not guessed.
type Cursor struct {
	Epoch string
	Seq   uint64
}

// String is the form that clients carry.
func (c Cursor) String() string { return c.Epoch + "-" + strconv.FormatUint(c.Seq, 10) }

// ParseCursor reads what String wrote.
func ParseCursor(text string) (Cursor, error) {
	epoch, seq, ok := strings.Cut(text, "-")
	n, err := strconv.ParseUint(seq, 10, 64)
	if !ok || err != nil || epoch == "" {
		return Cursor{}, fmt.Errorf("%q is no cursor", text)
	}
	return Cursor{Epoch: epoch, Seq: n}, nil
}
