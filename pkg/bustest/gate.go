package bustest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/url"
	"strconv"
	"sync"
	"testing"
)

// Gate is a client's way to its broker that can be shut before one of the client's messages: what it has said until then has arrived, that
// message hasn't, and neither does what comes behind it. So somebody can be killed, or overtaken, between two of their own writes.
type Gate struct {
	// Address is host:port, where the client finds the broker.
	Address string

	ended chan struct{}

	mu     sync.Mutex
	before func(subject string) bool
	held   chan string
	opened chan struct{}
}

// NewGate leads to the broker at brokerURL until the test ends. What is held then is lost.
func NewGate(tb testing.TB, brokerURL string) *Gate {
	tb.Helper()
	target, err := url.Parse(brokerURL)
	if err != nil {
		tb.Fatal(err)
	}
	g := &Gate{ended: make(chan struct{})}
	door := newDoor(tb, func() {}, g.carry)
	door.LeadTo(target.Host)
	g.Address = door.Address
	tb.Cleanup(func() { close(g.ended) })
	return g
}

// ShutBefore shuts the gate before the next message whose subject is such a one, which held then tells.
func (g *Gate) ShutBefore(such func(subject string) bool) (held <-chan string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.before, g.held, g.opened = such, make(chan string, 1), make(chan struct{})
	return g.held
}

// Open lets pass what is held and all that comes, until it is shut again.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.opened)
	g.before = nil
}

// pass waits where the gate is shut before such a message, and says whether it may go on.
func (g *Gate) pass(subject string) bool {
	g.mu.Lock()
	shut, held, opened := g.before != nil && g.before(subject), g.held, g.opened
	g.mu.Unlock()
	if !shut {
		return true
	}
	select {
	case held <- subject:
	default: // Another connection's has come before it.
	}
	select {
	case <-opened:
		return true
	case <-g.ended:
		return false
	}
}

// carry takes the client's half of the protocol apart: lines, of which those that publish have as many bytes behind them as they say last.
func (g *Gate) carry(to io.Writer, from io.Reader) {
	said := bufio.NewReaderSize(from, 64<<10)
	for {
		line, err := said.ReadBytes('\n')
		if err != nil {
			return
		}
		words, behind := bytes.Fields(line), 0
		if len(words) > 2 && (string(words[0]) == "PUB" || string(words[0]) == "HPUB") {
			if !g.pass(string(words[1])) {
				return
			}
			behind, err = strconv.Atoi(string(words[len(words)-1]))
			behind += len("\r\n")
		}
		if err == nil {
			_, err = to.Write(line)
		}
		if _, copying := io.CopyN(to, said, int64(behind)); errors.Join(err, copying) != nil {
			return
		}
	}
}
