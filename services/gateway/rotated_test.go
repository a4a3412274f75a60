package gateway

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/bustest"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
)

// The broker has the new password before the gateway does. The process lives, says what is in the way, and serves as soon as the
// two agree.
func TestTheGatewaySaysThatItsPasswordIsRefused(t *testing.T) {
	t.Parallel()
	users := func(password string) []*server.User {
		return []*server.User{{Username: "gateway", Password: password}, {Username: "test", Password: "test"}}
	}
	options := &server.Options{Users: users("old")}
	b := &testBundle{t: t, broker: bustest.StartServer(t, options)}
	rotate := func(password string) {
		t.Helper()
		next := options.Clone()
		next.Port, next.Users = b.broker.Addr().(*net.TCPAddr).Port, users(password)
		if err := b.broker.ReloadOptions(next); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if b.conn, err = nats.Connect(b.broker.ClientURL(), nats.UserInfo("test", "test"), bustest.Patient); err != nil {
		t.Fatal(err)
	}
	defer b.conn.Close()
	bustest.Ensure(t, b.conn, storelog.Settings{Replicas: 1})
	if b.log, err = storelog.Open(t.Context(), b.conn); err != nil {
		t.Fatal(err)
	}
	b.publish(samplePack())
	b.cluster(platform.Cluster{Ready: true})
	b.start(func(c *Config) { c.NATS.User, c.NATS.Password = "gateway", "old" })
	b.await("the gateway is ready", func() bool { return b.get("/readyz").status == http.StatusOK })
	rotate("new")
	b.await("the gateway says why it isn't", func() bool {
		a := b.get("/readyz")
		return a.status == http.StatusServiceUnavailable && strings.Contains(string(a.body), "refuses this gateway's password")
	})
	if a := b.get("/healthz"); a.status != http.StatusOK {
		t.Errorf("/healthz is answered %d: to end the process would mend nothing", a.status)
	}
	wantProblem(t, b.do(http.MethodPost, "/stores", `{}`), http.StatusServiceUnavailable, problem.BrokerUnavailable)
	rotate("old")
	b.await("stores can be created again", func() bool {
		return b.do(http.MethodPost, "/stores", `{}`).status == http.StatusAccepted
	})
}
