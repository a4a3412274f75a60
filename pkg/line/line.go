// Package line is about text of one line that one person writes and another reads: names, options, reasons. Which
// characters may stand in such a text is said here and nowhere else, whoever takes it in.
package line

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Without the joiners several scripts are misspelt, and pictures that are made of others fall apart. Alone they show
// nothing.
const (
	nonJoiner = '\u200c'
	joiner    = '\u200d'
)

// braille is the one pattern of its script without dots: a symbol by its category, a blank to the eye.
const braille = '\u2800'

// Expected says to who wrote a text that doesn't fit what is wanted of it.
const Expected = "must be printable text in one line"

// Fits says whether text can be shown in one line as it stands: letters, marks, signs and pictures of any script, blanks
// of any width, joiners. Everything else either breaks the line, or turns the text around it, or hides something from who
// reads it; what isn't UTF-8, and the character that stands for it, is no text at all.
func Fits(text string) bool {
	for _, r := range text {
		if r == utf8.RuneError || !unicode.IsGraphic(r) && r != joiner && r != nonJoiner {
			return false
		}
	}
	return true
}

// Trim takes blanks, breaks and joiners off both ends. Of a text that fits and shows nothing, nothing is left.
func Trim(text string) string {
	text = strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == joiner || r == nonJoiner })
	if Fits(text) && !strings.ContainsFunc(text, shows) {
		return ""
	}
	return text
}

// shows says whether there is something to see of a character that fits.
func shows(r rune) bool {
	return r != braille && !unicode.In(r, unicode.Zs, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
