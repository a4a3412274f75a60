package readmodel

import (
	"maps"
	"slices"
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

// gramRunes are most of the characters in a row that the index of texts holds together.
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

// Grams are all that one to gramRunes characters in a row make of folded texts, each once, in order.
func Grams(folded ...string) []string {
	known := map[string]bool{}
	for _, text := range folded {
		for long := 1; long <= gramRunes; long++ {
			for _, gram := range gramsOf(text, long) {
				known[gram] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(known))
}

// gramsOf are those of so many characters.
func gramsOf(folded string, long int) (grams []string) {
	all := []rune(folded)
	for i := range max(0, len(all)-long+1) {
		grams = append(grams, string(all[i:i+long]))
	}
	return grams
}

// gramsWithin are the fewest that hold what is searched for: those as long as there are, which stand in the fewest texts.
func gramsWithin(folded string) []string {
	return gramsOf(folded, min(gramRunes, utf8.RuneCountInString(folded)))
}
