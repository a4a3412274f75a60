package store

import (
	"fmt"
	"strings"
)

// MaxText is how many bytes a text of a message may have: every later message of its store carries it.
const MaxText = 4 << 10

// Bounded is the text, or its beginning and its end with a mark between them that says how much was left out: what went
// wrong stands at either end of what programs say, seldom in the middle. It cuts between characters.
func Bounded(text string) string {
	if len(text) <= MaxText {
		return text
	}
	// The mark and its number are shorter than what is set aside for them.
	const half = (MaxText - 64) / 2
	begin, end := whole(text[:half]), whole(text[len(text)-half:])
	return fmt.Sprintf("%s […%d bytes left out…] %s", begin, len(text)-len(begin)-len(end), end)
}

// whole drops what a cut has left of a character.
func whole(text string) string { return strings.ToValidUTF8(text, "") }

// Bounded is the facts with their texts bounded. Append writes no others; who compares what is to be said with what was
// said last bounds it first, or would find it news each time.
func (f Facts) Bounded() Facts {
	for _, text := range []*string{&f.Step, &f.Via, &f.Reason, &f.Message, &f.Detail} {
		*text = Bounded(*text)
	}
	return f
}
