package up

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/broker"
	"github.com/store-platform/store-platform/deploy/local/internal/supervise"
)

// handedOn are the settings of the user's environment that services get to see. All else
// (a KUBECONFIG, a NATS_URL) is this installation's own affair.
var handedOn = []string{
	"LOG_LEVEL", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "MAX_STORES", "TRUST_PROXY", "ADMIN_API_KEY",
	"CREATE_RATE_LIMIT_CAPACITY", "CREATE_RATE_LIMIT_REFILL_PER_SEC",
	"AUTH_OPEN_PUBLIC", "FEED_MAX_CONNECTIONS", "FEED_MAX_CONNECTIONS_PER_TENANT", "SLOTS", "HELM_SLOTS", "SWEEP_EVERY",
	"DEMO_ENGINES", "ENGINES_DIR", "ENGINE_SETTINGS", "STORES_SETTINGS", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

func (r *run) startPostgres(ctx context.Context) error {
	if err := r.postgres.Init(ctx); err != nil {
		return err
	}
	r.supervisor.Start(supervise.Program{
		Name: postgresName, Signal: syscall.SIGINT, Grace: 20 * time.Second,
		Make: func() (*exec.Cmd, error) { return r.postgres.Command(), nil },
	})
	return nil
}

func (r *run) startBroker() error {
	text, err := broker.Config(broker.Settings{
		Address: strings.TrimPrefix(r.at.Broker, "nats://"), Store: r.dir.Path("log-store"), Passwords: r.identity.Passwords,
	})
	if err != nil {
		return err
	}
	path := r.dir.Path("broker.conf")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("write the broker's configuration: %w", err)
	}
	r.start(brokerName, 20*time.Second, []string{path})
	return nil
}

func (r *run) startGateway() {
	r.start(gateway, 0, nil,
		"LISTEN="+r.API, "AUTH=open", "EVENTS_URL="+r.at.Events, "BASE_DOMAIN="+r.at.Base,
		// Whatever ran on this log before has ended: it is one machine's, and these are its programs.
		"INSTALLATION="+r.identity.Installation, "WRITE_LEVEL=newest")
}

func (r *run) startEvents() {
	r.start(events, 0, nil,
		"LISTEN="+strings.TrimPrefix(r.at.Events, "http://"), "DATABASE_URL="+r.at.Database)
}

// startWorkers starts those who work on the cluster. On the user's own one, routes are as
// that one has them.
func (r *run) startWorkers() {
	routes := []string{"INGRESS_CLASS_NAME=local", "INGRESS_ADDR=" + r.at.Stores}
	if r.Context != "" {
		routes = []string{
			"INGRESS_CLASS_NAME=" + os.Getenv("INGRESS_CLASS_NAME"), "INGRESS_ADDR=" + os.Getenv("INGRESS_ADDR"),
			"INGRESS_NAMESPACE=" + os.Getenv("INGRESS_NAMESPACE"), "IMAGE_REGISTRY=" + r.Registry,
		}
	}
	r.start(provisioner, 20*time.Second, nil, append(routes, "IMAGES=on-demand",
		"KUBECONFIG="+r.kubeconfig(provisioner), "INSTALLATION="+r.identity.Installation, "BASE_DOMAIN="+r.at.Base, "STORE_SCHEME=http")...)
	r.start(janitor, 20*time.Second, nil,
		"KUBECONFIG="+r.kubeconfig(janitor), "INSTALLATION="+r.identity.Installation)
}

// start keeps a built program running, with its user on the broker.
func (r *run) start(name string, grace time.Duration, args []string, environment ...string) {
	if name != brokerName {
		environment = append(environment, "NATS_URL="+r.at.Broker, "NATS_USER="+name, "NATS_PASSWORD="+r.identity.Passwords[name])
	}
	r.supervisor.Start(supervise.Program{Name: name, Grace: grace, Make: func() (*exec.Cmd, error) {
		command := exec.Command(r.binary(name), args...)
		// Services read .env.local in their working folder.
		command.Dir = r.Repository
		command.Env = append(r.environment(), environment...)
		return command, nil
	}})
}

// environment is what every process gets.
func (r *run) environment() []string {
	environment := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + r.State}
	for _, name := range handedOn {
		if value, ok := os.LookupEnv(name); ok {
			environment = append(environment, name+"="+value)
		}
	}
	return environment
}

// kubeconfig is the file that leads one process, and no other, to the cluster.
func (r *run) kubeconfig(name string) string {
	return r.dir.Path("identities", name+".kubeconfig")
}

// awaitHealth waits until url answers 200.
func awaitHealth(ctx context.Context, url string) error {
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return fmt.Errorf("ask %s: %w", url, err)
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
