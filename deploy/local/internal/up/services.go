package up

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/store-platform/store-platform/deploy/local/internal/broker"
	"github.com/store-platform/store-platform/deploy/local/internal/runas"
	"github.com/store-platform/store-platform/deploy/local/internal/supervise"
	"github.com/store-platform/store-platform/pkg/again"
)

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

// logStore is the folder of the broker's files.
const logStore = "log-store"

func (r *run) startBroker() error {
	user := r.users[brokerName]
	text, err := broker.Config(broker.Settings{
		Address: strings.TrimPrefix(r.at.Broker, "nats://"), Store: user.Inside(logStore), Passwords: r.identity.Passwords,
	})
	if err != nil {
		return err
	}
	if err := user.Folder(logStore, r.dir.Path(logStore)); err != nil {
		return err
	}
	const file = "broker.conf"
	if err := os.WriteFile(user.Path(file), text, 0o600); err != nil {
		return fmt.Errorf("write the broker's configuration: %w", err)
	}
	if err := user.Give(file); err != nil {
		return err
	}
	r.start(brokerName, 20*time.Second, []string{user.Inside(file)})
	return nil
}

func (r *run) startGateway() {
	r.start(gateway, 0, nil,
		"LISTEN="+r.API, "AUTH="+auth(), "EVENTS_URL="+r.at.Events, "BASE_DOMAIN="+r.at.Base,
		// Whatever ran on this log before has ended: it is one machine's, and these are its programs.
		"INSTALLATION="+r.identity.Installation, "WRITE_LEVEL=newest")
}

// auth is the gateway's mode. Nobody who tries the platform out is asked who they are.
func auth() string { return cmp.Or(os.Getenv("AUTH"), "open") }

// operatorLink shows the link by which one becomes an operator, where the gateway has accounts.
func (r *run) operatorLink(ctx context.Context) {
	if auth() == "open" {
		return
	}
	environment := append(r.broker(gateway), "LISTEN="+r.API, "BASE_DOMAIN="+r.at.Base, "INSTALLATION="+r.identity.Installation)
	command, err := r.command(gateway, environment, func(program string, as *syscall.Credential) *exec.Cmd {
		command := exec.CommandContext(ctx, program, "operator-link")
		command.SysProcAttr = &syscall.SysProcAttr{Credential: as}
		return command
	})
	var link []byte
	if err == nil {
		link, err = command.Output()
	}
	if err != nil {
		r.Terminal.Say(gateway, "no operator's link could be made: %v", err)
		return
	}
	if _, err := r.Terminal.Write(link); err != nil {
		slog.Warn("show the operator's link", "error", err)
	}
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
		"KUBECONFIG="+r.users[provisioner].Inside(kubeconfigFile), "INSTALLATION="+r.identity.Installation, "BASE_DOMAIN="+r.at.Base, "STORE_SCHEME=http")...)
	r.start(janitor, 20*time.Second, nil,
		"KUBECONFIG="+r.users[janitor].Inside(kubeconfigFile), "INSTALLATION="+r.identity.Installation)
}

// start keeps a built program running, with its user on the broker.
func (r *run) start(name string, grace time.Duration, args []string, environment ...string) {
	if name != brokerName {
		environment = append(environment, r.broker(name)...)
	}
	r.supervisor.Start(supervise.Program{Name: name, Grace: grace, Make: func() (*exec.Cmd, error) {
		return r.command(name, environment, func(program string, as *syscall.Credential) *exec.Cmd {
			command := exec.Command(program, args...)
			command.SysProcAttr = &syscall.SysProcAttr{Credential: as}
			if name == gateway && as != nil && r.lowPort() {
				runas.LowPorts(command.SysProcAttr)
			}
			return command
		})
	}})
}

// broker is how a service reaches it.
func (r *run) broker(name string) []string {
	return []string{"NATS_URL=" + r.at.Broker, "NATS_USER=" + name, "NATS_PASSWORD=" + r.identity.Passwords[name]}
}

// command runs a built program as its user.
func (r *run) command(name string, environment []string, how func(program string, as *syscall.Credential) *exec.Cmd) (*exec.Cmd, error) {
	settings, err := r.environment(name)
	if err != nil {
		return nil, err
	}
	command, err := r.users[name].Run(r.binary(name), how)
	if err != nil {
		return nil, err
	}
	command.Env = append(settings, environment...)
	return command, nil
}

// lowPort tells whether page and API are where only root may listen.
func (r *run) lowPort() bool {
	_, port, err := net.SplitHostPort(r.API)
	number, errNumber := strconv.Atoi(port)
	return err == nil && errNumber == nil && number < 1024
}

// awaitHealth waits until url answers 200.
func awaitHealth(ctx context.Context, url string) error {
	pauses := again.Pauses{First: 100 * time.Millisecond, Longest: 100 * time.Millisecond}
	_, err := again.Until(ctx, pauses, func() (struct{}, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return struct{}{}, again.Never(fmt.Errorf("ask %s: %w", url, err))
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return struct{}{}, err
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return struct{}{}, fmt.Errorf("%s answers %s", url, response.Status)
		}
		return struct{}{}, nil
	})
	return err
}
