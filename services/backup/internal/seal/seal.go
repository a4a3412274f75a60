// Package seal encrypts what leaves the platform for a place that others run, and opens it again. The format is age's
// (https://age-encryption.org/v1) under a passphrase, so that `age --decrypt` opens an archive too where this program is
// lost. A passphrase and not a pair of keys: whoever takes a backup reads it back, and so has to have the secret anyway;
// and what only its holders can open only they can have made, which archives of age's public keys don't say.
package seal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// What is wrong with an archive. Every error of a Reader is one of these, or the error of what it reads from.
var (
	// ErrNoKey: there is nothing to encrypt or decrypt with.
	ErrNoKey = errors.New("there is no key")
	// ErrShortKey: a key can be guessed.
	ErrShortKey = errors.New("a key is too short")
	// ErrOtherKey: none of the keys is the one.
	ErrOtherKey = errors.New("none of the keys opens it: it was made with another one, or its head was changed")
	// ErrCut: the last part doesn't end as one does. A bit that was turned there looks the same.
	ErrCut = errors.New("it is cut short, or its last part was changed")
	// ErrChanged: a part before the last isn't as it was written.
	ErrChanged = errors.New("it was changed since it was written")
)

const (
	// shortest is how many characters a key has at least. That makes guesses hopeless by itself, so that the work of each
	// needn't: workFactor takes 4 MiB and hundredths of a second, and age's own, made for what people can remember, 256 MiB.
	shortest   = 24
	workFactor = 12
)

// Keys are passphrases: the first seals, and all of them are tried on what is opened, so that one can be replaced while
// archives of the one before are kept. They are nowhere printed.
type Keys []string

// Check fails with ErrNoKey or ErrShortKey. It says which key, and nothing of it.
func (k Keys) Check() error {
	if len(k) == 0 {
		return ErrNoKey
	}
	for i, key := range k {
		if len(strings.TrimSpace(key)) < shortest {
			return fmt.Errorf("%w: number %d has less than %d characters", ErrShortKey, i+1, shortest)
		}
	}
	return nil
}

// Seal encrypts to w what is written. Without Close it can't be opened.
func (k Keys) Seal(w io.Writer) (io.WriteCloser, error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	recipient, err := age.NewScryptRecipient(strings.TrimSpace(k[0]))
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	recipient.SetWorkFactor(workFactor)
	sealed, err := age.Encrypt(w, recipient)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return sealed, nil
}

// Open decrypts what Seal wrote. Each part of it is proved before it is handed out, and that it is all before io.EOF.
func (k Keys) Open(r io.Reader) (io.Reader, error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	identities := make([]age.Identity, len(k))
	for i, key := range k {
		identity, err := age.NewScryptIdentity(strings.TrimSpace(key))
		if err != nil {
			return nil, fmt.Errorf("decrypt: %w", err)
		}
		// Or a changed head could ask for more memory than there is.
		identity.SetMaxWorkFactor(workFactor)
		identities[i] = identity
	}
	from := &source{r: r}
	content, err := age.Decrypt(bufio.NewReader(from), identities...)
	if err != nil {
		return nil, from.explain(err)
	}
	return &reader{content: content, from: from}, nil
}

// source remembers how the archive ended: what age says of a short last part is what it says of a changed one.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil {
		s.err = err
	}
	return n, err
}

// explain makes age's error one of this package's. What couldn't be read isn't broken for that.
func (s *source) explain(err error) error {
	var other *age.NoIdentityMatchError
	switch {
	case errors.As(err, &other):
		return ErrOtherKey
	case s.err == nil:
		return ErrChanged
	case errors.Is(s.err, io.EOF):
		return ErrCut
	}
	return fmt.Errorf("read it: %w", s.err)
}

type reader struct {
	content io.Reader
	from    *source
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.content.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.from.explain(err)
	}
	return n, err
}
