package accounts

import (
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
func Name(text string) (string, error) {
	trimmed := line.Trim(text)
	switch {
	case !line.Fits(trimmed):
		return "", &engine.FieldError{Field: "name", Message: line.Expected}
	case trimmed == "":
		return "", &engine.FieldError{Field: "name", Message: "must not be empty"}
	case utf8.RuneCountInString(trimmed) > longestName:
		return "", &engine.FieldError{Field: "name", Message: "must have 80 characters at most"}
	}
	return trimmed, nil
}

func fit(pass, email string) error {
	if why := password.Unfit(pass, email); why != "" {
		return &engine.FieldError{Field: "password", Message: why}
	}
	return nil
}
