package seal

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

const key = "p0123456789abcdef0123456789abcdef"

func sealed(t *testing.T, content string) []byte {
	t.Helper()
	var archive bytes.Buffer
	w, err := Keys{key}.Seal(&archive)
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

func opened(archive io.Reader) ([]byte, error) {
	content, err := Keys{key}.Open(archive)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(content)
}

// Wherever it is cut, and whichever byte of it is changed, nothing that it didn't hold comes out, and not all without an error.
func TestNothingElseComesOut(t *testing.T) {
	const content = "what the log says"
	whole := sealed(t, content)
	if have, err := opened(bytes.NewReader(whole)); err != nil || string(have) != content {
		t.Fatalf("the whole says %q, %v", have, err)
	}
	step := 1
	if testing.Short() {
		step = 9
	}
	for at := 0; at < len(whole); at += step {
		have, err := opened(bytes.NewReader(whole[:at]))
		if !errors.Is(err, ErrCut) || !strings.HasPrefix(content, string(have)) {
			t.Errorf("cut at %d of %d: %q, %v", at, len(whole), have, err)
		}
		changed := bytes.Clone(whole)
		changed[at] ^= 1
		have, err = opened(bytes.NewReader(changed))
		told := errors.Is(err, ErrCut) || errors.Is(err, ErrChanged) || errors.Is(err, ErrOtherKey)
		if !told || !strings.HasPrefix(content, string(have)) {
			t.Errorf("changed at %d of %d: %q, %v", at, len(whole), have, err)
		}
	}
}

// An archive that couldn't be read to its end is none that is cut short.
func TestWhatCannotBeReadIsNotBroken(t *testing.T) {
	whole := sealed(t, strings.Repeat("what the log says", 10_000))
	for _, broken := range []error{errors.New("the network is away"), io.ErrUnexpectedEOF} {
		for _, at := range []int{0, 50, len(whole) / 2} {
			_, err := opened(io.MultiReader(bytes.NewReader(whole[:at]), iotest.ErrReader(broken)))
			if !errors.Is(err, broken) || errors.Is(err, ErrCut) || errors.Is(err, ErrChanged) {
				t.Errorf("away at %d: %v, want %v", at, err, broken)
			}
		}
	}
}
