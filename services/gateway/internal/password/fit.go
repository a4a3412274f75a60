package password

import (
	_ "embed"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Shortest and Longest bound a password, in characters.
const (
	Shortest = 10
	Longest  = 128
)

// common are those that are tried first: what is commonest in lists of passwords that have leaked, of the length that is wanted here.
//
//go:embed common.txt
var commonText string

var common = func() map[string]bool {
	all := map[string]bool{}
	for word := range strings.FieldsSeq(commonText) {
		all[word] = true
	}
	return all
}()

// Normal is a password as it is hashed: keyboards write the same character in several ways.
func Normal(password string) string { return norm.NFC.String(password) }

// Unfit says what is wrong with a new password for who has an address, as the end of a sentence about it; empty where nothing is. It asks for
// no digits or signs: they make passwords harder to remember than to guess (NIST SP 800-63B, 3.1.1.2).
func Unfit(password, email string) string {
	password = Normal(password)
	lower := strings.ToLower(password)
	local, _, _ := strings.Cut(email, "@")
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0):
		return "must be text"
	case n < Shortest:
		return "must have 10 characters at least"
	case n > Longest:
		return "must have 128 characters at most"
	case strings.EqualFold(password, email) || strings.EqualFold(password, local):
		return "must not be your e-mail address"
	case common[lower] || monotonous(lower):
		return "is one of the first that anybody would guess"
	}
	return ""
}

// monotonous is a word of one character, or of the same few over and over.
func monotonous(password string) bool {
	for n := 1; n <= 4; n++ {
		if len(password) > n && password == strings.Repeat(password[:n], len(password)/n+1)[:len(password)] {
			return true
		}
	}
	return false
}
