package accounts

import (
	"net/mail"
	"strings"
	"testing"
)

// An address that is taken is one that mail can be sent to as it stands, and is taken again as it is.
func FuzzEmail(f *testing.F) {
	for _, text := range []string{
		"maria@example.com", " maria@example.com ", "Maria <maria@example.com>", `"a b"@example.com`, "a@[127.0.0.1]", "a@b\r\nBcc: c@d.e", "ä@exämple.com", "a\u0308@example.com",
		"a@localhost", "@", "a@.", "a@b..c", "a@example.com\x00", "\xff@example.com", "a@example.com (x)", strings.Repeat("a", 65) + "@example.com",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		email, err := Email(text)
		if err != nil {
			return
		}
		parsed, err := mail.ParseAddress(email)
		if err != nil || parsed.Address != email || strings.ContainsAny(email, "\r\n\x00 ,<>") {
			t.Errorf("%q becomes %q: %v", text, email, err)
		}
		if again, err := Email(email); again != email || err != nil {
			t.Errorf("%q becomes %q, and that %q: %v", text, email, again, err)
		}
	})
}

// A name that is taken is taken again as it is.
func FuzzName(f *testing.F) {
	for _, text := range []string{"Maria", "  Maria\u200d ", "\u200c", "a\nb", "\xff", "日本\u3000", strings.Repeat("ä", 81), "\u2800 \ufe0f"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := Name(text)
		if err != nil {
			return
		}
		if again, err := Name(name); again != name || err != nil {
			t.Errorf("%q becomes %q, and that %q: %v", text, name, again, err)
		}
	})
}
