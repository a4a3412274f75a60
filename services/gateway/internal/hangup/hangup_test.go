package hangup

import (
	"net"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func peers(t *testing.T) (server net.Conn, client *net.TCPConn) {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.DialTCP("tcp", nil, l.Addr().(*net.TCPAddr)); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = server.Close(), client.Close() })
	return server, client
}

func TestWhoGoesIsNoticed(t *testing.T) {
	for name, leave := range map[string]func(c *net.TCPConn) error{
		"closed": (*net.TCPConn).Close,
		"broken": func(c *net.TCPConn) error { _ = c.SetLinger(0); return c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			server, client := peers(t)
			gone, stop := Watch(server)
			defer stop()
			if err := leave(client); err != nil {
				t.Fatal(err)
			}
			<-gone
		})
	}
}

// Neither who says nothing has gone, nor who has sent another request, which is there to be read afterwards.
func TestWhoStaysIsReadAfterwards(t *testing.T) {
	server, client := peers(t)
	gone, stop := Watch(server)
	stop()
	more, stop := Watch(server)
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 1)
	stop()
	if _, err := server.Read(got); err != nil || got[0] != 'x' {
		t.Errorf("what came meanwhile is read as %q, %v", got, err)
	}
	select {
	case <-gone:
		t.Error("who said nothing has gone")
	case <-more:
		t.Error("who has sent something has gone")
	default:
	}
	// A connection that is no socket is never gone.
	pipe, end := net.Pipe()
	defer pipe.Close()
	gone, stop = Watch(pipe)
	defer stop()
	_ = end.Close()
	select {
	case <-gone:
		t.Error("a pipe's end was noticed")
	default:
	}
}
