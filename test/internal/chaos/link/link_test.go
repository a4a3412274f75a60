package link

import (
	"bufio"
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// echo answers lines.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for lines := bufio.NewScanner(c); lines.Scan(); {
					if _, err := c.Write(append(lines.Bytes(), '\n')); err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

func dial(t *testing.T, l *Link) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", l.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// ask sends a line and waits a while for the answer.
func ask(c *net.TCPConn, patience time.Duration) error {
	if _, err := c.Write([]byte("hello\n")); err != nil {
		return err
	}
	return hear(c, patience)
}

func hear(c *net.TCPConn, patience time.Duration) error {
	_ = c.SetReadDeadline(time.Now().Add(patience))
	_, err := c.Read(make([]byte, 16))
	return err
}

const (
	patience = 10 * time.Second
	// silence is how long a held line is listened to.
	silence = 100 * time.Millisecond
)

func TestALinkIsCutRefusedAndHeld(t *testing.T) {
	l, err := New("127.0.0.1:1", echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	c := dial(t, l)
	if err := ask(c, patience); err != nil {
		t.Fatalf("a whole link, of which one target is gone: %v", err)
	}
	l.Cut()
	if err := hear(c, patience); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a cut connection: %v", err)
	}
	c = dial(t, l)
	if err := ask(c, patience); err != nil {
		t.Fatalf("a new connection after a cut: %v", err)
	}
	l.Refuse()
	// The refusal may come before or after the dialler believes that it is connected.
	if refused, err := net.Dial("tcp", l.Address()); err == nil {
		t.Cleanup(func() { refused.Close() })
		if err := ask(refused.(*net.TCPConn), patience); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("a refused connection: %v", err)
		}
	}
	l.Heal(false)
	late, lost := dial(t, l), dial(t, l)
	if err := errors.Join(ask(late, patience), ask(lost, patience)); err != nil {
		t.Fatalf("after the mend: %v", err)
	}
	l.Hold()
	if err := ask(late, silence); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a held connection said %v", err)
	}
	l.Heal(false)
	if err := hear(late, patience); err != nil {
		t.Fatalf("what was held didn't arrive: %v", err)
	}
	l.Hold()
	l.Heal(true)
	if err := hear(lost, patience); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a connection whose bytes were lost: %v", err)
	}
}
