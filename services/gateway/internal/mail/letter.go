package mail

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/wneessen/go-mail"
)

// Kind is what a letter is about.
type Kind string

// The kinds, each a file of the same name below letters: its first line is the subject.
const (
	// VerifyEmail asks whoever reads the address to say that it is theirs.
	VerifyEmail Kind = "verify"
	// ResetPassword has a link to set another password with.
	ResetPassword Kind = "reset"
	// Invited has a link to become a member of a tenant with.
	Invited Kind = "invite"
	// PasswordChanged says that it was.
	PasswordChanged Kind = "password"
	// EmailChanged says, at the address that there was before, that it was.
	EmailChanged Kind = "email"
)

// Kinds lists them.
var Kinds = []Kind{VerifyEmail, ResetPassword, Invited, PasswordChanged, EmailChanged}

// Letter is one to be sent.
type Letter struct {
	Kind Kind
	To   string
	// Secret is what its link opens; empty of a letter without one.
	Secret string
	// Life is for how long.
	Life time.Duration
	// Tenant is what an invited is invited to.
	Tenant string
}

//go:embed letters/*.txt
var letters embed.FS

var texts = template.Must(template.New("").Option("missingkey=error").ParseFS(letters, "letters/*.txt"))

// write makes a message of a letter, of plain text: there is nothing in it to load or to click on unseen.
func (p *Post) write(l Letter) (*mail.Msg, error) {
	var text strings.Builder
	err := texts.ExecuteTemplate(&text, string(l.Kind)+".txt", struct{ Link, Life, Tenant, Page string }{
		Link: p.link(l), Life: spoken(l.Life), Tenant: l.Tenant, Page: p.page.String(),
	})
	if err != nil {
		return nil, fmt.Errorf("write a letter: %w", err)
	}
	subject, body, _ := strings.Cut(text.String(), "\n\n")
	message := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := message.From(p.from); err != nil {
		return nil, fmt.Errorf("write a letter: %w", err)
	}
	if err := message.To(l.To); err != nil {
		// The error would name whom it is for.
		return nil, fmt.Errorf("write a letter: its address can't be written to")
	}
	message.Subject(subject)
	message.SetDate()
	message.SetMessageID()
	// Machines that answer letters leave this one alone (RFC 3834).
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetBodyString(mail.TypeTextPlain, body)
	return message, nil
}

// link leads to the page. The secret stands behind the #, which no browser sends anywhere and no server logs.
func (p *Post) link(l Letter) string {
	if l.Secret == "" {
		return ""
	}
	to := *p.page
	to.Fragment = string(l.Kind) + "=" + l.Secret
	return to.String()
}

// spoken says a life as people do.
func spoken(life time.Duration) string {
	if days := life / (24 * time.Hour); days > 1 {
		return fmt.Sprintf("%d days", days)
	}
	if hours := life / time.Hour; hours > 1 {
		return fmt.Sprintf("%d hours", hours)
	}
	return fmt.Sprintf("%d minutes", life/time.Minute)
}
