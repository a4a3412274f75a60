package projection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
)

// moment is where in the projecting transaction a projector ends.
type moment struct {
	// at counts the client's messages from "begin", which is 1; zero is never.
	at int
	// executed: Postgres gets the message. answered: it gets it, and its answer to the commit has come as far as here.
	executed, answered bool
	// silent ends no process: nothing passes any more, as when the machine of Postgres is gone.
	silent bool
}

func (m moment) String() string {
	return fmt.Sprintf("message %d, executed %v, answered %v, silent %v", m.at, m.executed, m.answered, m.silent)
}

// wiretap stands between a projector and Postgres and reads what they say to each other, message by message.
type wiretap struct {
	tb       testing.TB
	listener net.Listener
	socket   string

	mu sync.Mutex
	// sessions are those that Postgres has not ended yet; over tells of an end.
	sessions int
	over     *sync.Cond
	// end is called at the moment, by the session that has come to it. No message passes while it runs.
	end    func()
	moment moment
	// said are the messages of the newest transaction, "begin" the first.
	said []string
}

func tapPostgres(tb testing.TB, postgres *pgx.ConnConfig) *wiretap {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	w := &wiretap{
		tb: tb, listener: listener, socket: filepath.Join(postgres.Host, fmt.Sprintf(".s.PGSQL.%d", postgres.Port)),
	}
	w.over = sync.NewCond(&w.mu)
	var accepting sync.WaitGroup
	accepting.Go(w.accept)
	tb.Cleanup(func() {
		_ = listener.Close()
		accepting.Wait()
		w.awaitEnd()
	})
	return w
}

func (w *wiretap) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		w.count(1)
		go func() {
			defer w.count(-1)
			if err := w.pass(client); err != nil {
				w.tb.Errorf("pass on what projector and Postgres say: %v", err)
			}
		}()
	}
}

func (w *wiretap) count(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sessions += n
	w.over.Broadcast()
}

// awaitEnd returns when Postgres has ended all sessions, with everything that it was told in them.
func (w *wiretap) awaitEnd() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.sessions > 0 {
		w.over.Wait()
	}
}

// arm chooses the moment of the next transaction; end must have ended the process when it returns.
func (w *wiretap) arm(m moment, end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.moment, w.end, w.said = m, end, nil
}

// armed says whether the moment is still to come.
func (w *wiretap) armed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.moment.at > 0
}

// transaction is what the projector said in the newest one.
func (w *wiretap) transaction() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said
}

// pass has one session from its start until Postgres has ended it, and so has given back what the session held.
func (w *wiretap) pass(client net.Conn) error {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("unix", w.socket)
	if err != nil {
		return fmt.Errorf("reach Postgres: %w", err)
	}
	defer func() { _ = server.Close() }()
	t := &talk{wiretap: w, client: client, server: server.(*net.UnixConn), sql: map[string]string{}}
	answers := make(chan error, 1)
	go func() {
		answers <- t.answer()
		if !t.silent.Load() {
			_ = client.Close()
		}
	}()
	err = t.ask()
	_ = t.server.CloseWrite()
	return errors.Join(err, <-answers)
}

// talk is one session.
type talk struct {
	*wiretap
	client net.Conn
	server *net.UnixConn
	// silent: the end of this side is kept from the projector.
	silent atomic.Bool
	// sql is what the prepared statements are.
	sql map[string]string
}

// ask passes on what the projector says, until it has ended.
func (t *talk) ask() error {
	from := pgproto3.NewBackend(t.client, t.client)
	var message pgproto3.FrontendMessage
	message, err := from.ReceiveStartupMessage()
	for ; err == nil; message, err = from.Receive() {
		stop, before := t.hear(message)
		if before {
			stop()
			return nil
		}
		data, err := message.Encode(nil)
		if err != nil {
			return fmt.Errorf("encode %T: %w", message, err)
		}
		if _, err := t.server.Write(data); err != nil {
			return fmt.Errorf("tell Postgres: %w", err)
		}
		if stop != nil {
			stop()
			return nil
		}
	}
	return unlessEnded(err)
}

// hear notes a message of the transaction. When the moment has come, stop is what ends the projector, before or after
// the message is passed on.
func (t *talk) hear(message pgproto3.FrontendMessage) (stop func(), before bool) {
	what := t.describe(message)
	t.mu.Lock()
	defer t.mu.Unlock()
	if what == "begin" {
		t.said = nil
	} else if len(t.said) == 0 || t.said[len(t.said)-1] == "commit" {
		return nil, false
	}
	t.said = append(t.said, what)
	if len(t.said) != t.moment.at || t.moment.answered {
		return nil, false
	}
	if t.moment.silent {
		t.moment = moment{}
		return t.fallSilent, true
	}
	return t.end, !t.moment.executed
}

// fallSilent returns when the projector has given the session up for good, which takes pgx a while, or the test ends.
func (t *talk) fallSilent() {
	t.silent.Store(true)
	_ = t.server.Close()
	stop := context.AfterFunc(t.tb.Context(), func() { _ = t.client.Close() })
	defer stop()
	_, _ = io.Copy(io.Discard, t.client)
}

func (t *talk) describe(message pgproto3.FrontendMessage) string {
	switch m := message.(type) {
	case *pgproto3.Query:
		return m.String
	case *pgproto3.Parse:
		t.sql[m.Name] = firstWords(m.Query)
		return "parse " + t.sql[m.Name]
	case *pgproto3.Bind:
		return "bind " + t.sql[m.PreparedStatement]
	default:
		return strings.TrimPrefix(fmt.Sprintf("%T", message), "*pgproto3.")
	}
}

func firstWords(sql string) string {
	words := strings.Fields(sql)
	return strings.Join(words[:min(3, len(words))], " ")
}

// answer passes on what Postgres says, until it has ended the session.
func (t *talk) answer() error {
	from := pgproto3.NewFrontend(t.server, t.server)
	for {
		message, err := from.Receive()
		if err != nil {
			return unlessEnded(err)
		}
		if done, ok := message.(*pgproto3.CommandComplete); ok && string(done.CommandTag) == "COMMIT" {
			t.mu.Lock()
			m, end := t.moment, t.end
			t.mu.Unlock()
			if m.answered {
				end()
			}
		}
		data, err := message.Encode(nil)
		if err != nil {
			return fmt.Errorf("encode %T: %w", message, err)
		}
		// The projector may be dead already.
		_, _ = t.client.Write(data)
	}
}

// unlessEnded: a connection that ends, or breaks because a process was killed, is what this is for.
func unlessEnded(err error) error {
	var broken *net.OpError
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &broken) {
		return nil
	}
	return err
}
