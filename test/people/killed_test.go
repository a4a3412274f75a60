package people_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/test/internal/parts"
)

// Wherever between its keys a gateway is killed that makes an account, whoever asked has it by asking again, of another gateway; and who asks with
// another password then is told that it is taken.
func TestAGatewayThatIsKilledInASignUpLocksNobodyOut(t *testing.T) {
	broker := bustest.StartServer(t, &server.Options{})
	in := &installation{T: t, dir: t.TempDir()}
	in.gatewayAt(broker.ClientURL(), "second")
	second := in.api
	written := 0
	for ; ; written++ {
		way := newWay(t, broker.Addr().String())
		first := in.gatewayAt("nats://"+way.address, "first")
		email := fmt.Sprintf("maria.%d@example.com", written)
		asked := body("email", email, "name", "Maria", "password", password)
		way.stopBehind(written)
		answered, asking := make(chan int, 1), in.visitor()
		go func() {
			status, _, _ := asking.send(http.MethodPost, "/auth/signup", asked)
			answered <- status
		}()
		through := false
		select {
		case <-way.held:
			first.Stop(syscall.SIGKILL, parts.StopPatience)
			<-answered
		case status := <-answered:
			through = true
			if status != http.StatusCreated {
				t.Fatalf("behind %d writes the sign-up is answered %d", written, status)
			}
		}
		in.api = second
		again := in.visitor()
		again.did(http.StatusCreated, http.MethodPost, "/auth/signup", asked)
		if me := again.did(http.StatusOK, http.MethodGet, "/auth/me", ""); me["email"] != email {
			t.Errorf("behind %d writes it is %v", written, me)
		}
		in.visitor().did(http.StatusOK, http.MethodPost, "/auth/login", body("email", email, "password", password))
		in.visitor().did(http.StatusConflict, http.MethodPost, "/auth/signup", body("email", email, "name", "Mallory", "password", "another sentence"))
		if through {
			break
		}
	}
	// The account, what leads to it, and the account once more.
	if written < 3 {
		t.Errorf("it was killed at %d places only", written)
	}
}

// gatewayAt starts a gateway that has its broker at an address. It is the one that is asked from now on.
func (in *installation) gatewayAt(broker, name string) *parts.Process {
	in.Helper()
	address := in.address()
	command := exec.Command(in.program("store-gateway"))
	command.Env = parts.Environment("NATS_URL="+broker, "LISTEN="+address, "AUTH=accounts", "SIGNUP=open", "INSTALLATION="+id)
	in.api = "http://" + address
	return in.serve(name, address, command)
}

// way leads to a broker, and stops all that a client says from a write on.
type way struct {
	address string
	// held is closed when it is stopped.
	held chan struct{}
	left atomic.Int64
}

func newWay(t *testing.T, broker string) *way {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	w := &way{address: listener.Addr().String(), held: make(chan struct{})}
	w.left.Store(1 << 40)
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go w.carry(client, broker)
		}
	}()
	return w
}

// stopBehind lets so many writes to the accounts through, and nothing from the next one on.
func (w *way) stopBehind(writes int) { w.left.Store(int64(writes)) }

func (w *way) carry(client net.Conn, broker string) {
	defer client.Close()
	far, err := net.Dial("tcp", broker)
	if err != nil {
		return
	}
	defer far.Close()
	go func() {
		_, _ = far.(*net.TCPConn).WriteTo(client)
		_ = client.Close()
	}()
	// What a message holds ends as a line does, too.
	lines := bufio.NewReader(client)
	for {
		line, err := lines.ReadBytes('\n')
		if bytes.HasPrefix(line, []byte("HPUB $KV.accounts.")) || bytes.HasPrefix(line, []byte("PUB $KV.accounts.")) {
			if w.left.Add(-1) == -1 {
				close(w.held)
			}
		}
		if w.left.Load() < 0 {
			// Until the client is gone.
			_, _ = lines.WriteTo(io.Discard)
			return
		}
		if _, failed := far.Write(line); failed != nil || err != nil {
			return
		}
	}
}
