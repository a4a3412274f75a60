// Package cuttest cuts connections for tests at a byte: in the middle of a handshake, of a frame, of a text, or between
// them.
package cuttest

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// Whole is a byte more than a connection of a test ever carries.
const Whole = 1 << 30

// Seed is what a test draws its cuts from: the same in every short run, another in each that may be long. The log says it.
func Seed(tb testing.TB) uint64 {
	tb.Helper()
	seed := uint64(1)
	if !testing.Short() {
		seed = rand.Uint64()
	}
	tb.Logf("seed %d", seed)
	return seed
}

// Cut says where a connection ends, counted from its beginning.
type Cut struct {
	// Read and Write are how many bytes it carries before it does.
	Read, Write int
	// Rude ends it with a reset, which takes back what is under way; otherwise it is closed.
	Rude bool
}

// Conn is a connection that ends at a byte.
type Conn struct {
	net.Conn
	mu   sync.Mutex
	left Cut
	over bool
}

// New cuts conn.
func New(conn net.Conn, at Cut) *Conn { return &Conn{Conn: conn, left: at} }

// Over says whether it came to the cut.
func (c *Conn) Over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

func (c *Conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	left := c.left.Read
	c.mu.Unlock()
	if left == 0 {
		c.end()
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.Conn.Read(p[:min(len(p), left)])
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left.Read -= n
	return n, err
}

func (c *Conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	count := min(len(p), c.left.Write)
	c.left.Write -= count
	c.mu.Unlock()
	n, err := c.Conn.Write(p[:count])
	if err == nil && count < len(p) {
		c.end()
		err = io.ErrShortWrite
	}
	return n, err
}

func (c *Conn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if tcp, ok := c.Conn.(*net.TCPConn); ok && c.left.Rude {
		_ = tcp.SetLinger(0)
	}
	_ = c.Conn.Close()
}
