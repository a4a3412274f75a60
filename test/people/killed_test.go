package people_test

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/test/internal/parts"
)

// Wherever between its keys a gateway is killed that makes an account, whoever asked has it by asking again, of another gateway; and who asks with
// another password then is told that it is taken.
func TestAGatewayThatIsKilledInASignUpLocksNobodyOut(t *testing.T) {
	t.Parallel()
	broker := bustest.StartServer(t, &server.Options{})
	in := &installation{T: t, dir: t.TempDir()}
	in.gatewayAt(broker.ClientURL(), "second")
	second := in.api
	written := 0
	for ; ; written++ {
		way := bustest.NewGate(t, broker.ClientURL())
		first := in.gatewayAt("nats://"+way.Address, "first")
		email := fmt.Sprintf("maria.%d@example.com", written)
		asked := body("email", email, "name", "Maria", "password", password)
		held := way.ShutBefore(behind(written))
		answered, asking := make(chan int, 1), in.visitor()
		go func() {
			status, _, _ := asking.send(http.MethodPost, "/auth/signup", asked)
			answered <- status
		}()
		through := false
		select {
		case <-held:
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

// behind is the write to the accounts before which there were so many.
func behind(writes int) func(subject string) bool {
	return func(subject string) bool {
		if strings.HasPrefix(subject, "$KV.accounts.") {
			writes--
		}
		return writes < 0
	}
}
