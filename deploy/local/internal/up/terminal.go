package up

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Terminal is what the person who typed `make up` sees: lines that stay, and on a real
// terminal one line below them that says what goes on right now.
type Terminal struct {
	out   io.Writer
	live  bool
	began time.Time

	mu      sync.Mutex
	passing bool
}

// NewTerminal prints to out.
func NewTerminal(out *os.File) *Terminal {
	info, err := out.Stat()
	return &Terminal{out: out, live: err == nil && info.Mode()&os.ModeCharDevice != 0, began: time.Now()}
}

// Say prints a line about part that stays.
func (t *Terminal) Say(part, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	fmt.Fprintf(t.out, "%5s  %-12s %s\n", t.elapsed(), part, fmt.Sprintf(format, args...))
}

// Pass shows what part is doing until the next line; only a real terminal does.
func (t *Terminal) Pass(part, text string) {
	if !t.live {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	fmt.Fprintf(t.out, "%5s  %-12s %s", t.elapsed(), part, text)
	t.passing = true
}

// Write prints text as it is.
func (t *Terminal) Write(text []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	return t.out.Write(text)
}

func (t *Terminal) clear() {
	if t.passing {
		fmt.Fprint(t.out, "\r\x1b[K")
		t.passing = false
	}
}

func (t *Terminal) elapsed() string {
	seconds := int(time.Since(t.began).Seconds())
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}
