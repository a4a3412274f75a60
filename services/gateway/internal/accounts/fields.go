package accounts

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/line"
	"github.com/store-platform/store-platform/services/gateway/internal/password"
)

const (
	// longestEmail is in bytes, as RFC 5321 counts, and longestName in characters.
	longestEmail = 254
	longestName  = 80
)

// Email checks an address, and answers it as it is kept. It is one that mail can be sent to as it stands: a name beside it, quotes and
// comments are in the grammar of addresses, and in nobody's address.
func Email(text string) (string, error) {
	text = norm.NFC.String(strings.TrimSpace(text))
	parsed, err := mail.ParseAddress(text)
	local, domain, _ := strings.Cut(text, "@")
	if err != nil || len(text) > longestEmail || !line.Fits(text) || parsed.Address != text || parsed.Name != "" || len(local) > 64 ||
		strings.ContainsAny(text, "\"\\()<>[]:;, ") || !strings.Contains(strings.Trim(domain, "."), ".") && domain != "localhost" {
		return "", &engine.FieldError{Field: "email", Message: "must be an e-mail address"}
	}
	return text, nil
}

// Name checks what somebody is called.
func Name(text string) (string, error) { return Title(text, longestName) }

// Title checks a name that people give to something, or somebody, of so many characters at most.
func Title(text string, most int) (string, error) {
	trimmed := line.Trim(text)
	switch {
	case !line.Fits(trimmed):
		return "", &engine.FieldError{Field: "name", Message: line.Expected}
	case trimmed == "":
		return "", &engine.FieldError{Field: "name", Message: "must have a character that can be seen"}
	case utf8.RuneCountInString(trimmed) > most:
		return "", &engine.FieldError{Field: "name", Message: fmt.Sprintf("must have %d characters at most", most)}
	}
	return trimmed, nil
}

func fit(pass, email string) error {
	if why := password.Unfit(pass, email); why != "" {
		return &engine.FieldError{Field: "password", Message: why}
	}
	return nil
}
