package readmodel

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// indexedBytes is as much of a text as is ordered by and found whole: an index of Postgres doesn't hold any length.
const indexedBytes = 256

// gramRunes are so many characters in a row as the index of texts holds together.
const gramRunes = 3

// Folded is a text without its case and its accents, in which names are ordered and searched. It is made here because what Postgres
// makes of a letter depends on the locale that its database was made in, and with the one of most containers it knows no letter beyond ASCII.
func Folded(text string) string {
	if ascii(text) {
		return strings.ToLower(text)
	}
	bare, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn))), text)
	if err != nil {
		bare = text
	}
	return cases.Fold().String(bare)
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Sorted is what a name is ordered by.
func Sorted(name string) string {
	return Cut(Folded(name))
}

// Cut is as much of a text as an index of Postgres holds, whatever else is in it.
func Cut(text string) string {
	if len(text) <= indexedBytes {
		return text
	}
	return strings.ToValidUTF8(text[:indexedBytes], "")
}

// Grams are all that gramRunes characters in a row make of a folded text, each once; none of a shorter one.
func Grams(folded string) []string {
	all := []rune(folded)
	grams, known := []string{}, map[string]bool{}
	for i := range max(0, len(all)-gramRunes+1) {
		gram := string(all[i : i+gramRunes])
		if !known[gram] {
			known[gram] = true
			grams = append(grams, gram)
		}
	}
	return grams
}
