package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/porttest"
	"github.com/store-platform/store-platform/pkg/postgrestest"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/chaos/link"
	"github.com/store-platform/store-platform/test/internal/chaos/trouble"
	"github.com/store-platform/store-platform/test/internal/parts"
)

// startPostgres runs PostgreSQL by TCP, because a link can't stand before a socket.
func (l *Lab) startPostgres(ctx context.Context) (err error) {
	if l.postgres, err = postgrestest.New(); err != nil {
		return err
	}
	address, err := porttest.Address()
	if err != nil {
		return err
	}
	_, port, _ := strings.Cut(address, ":")
	l.postgresAt, l.database = address, databaseAt(address)
	l.Postgres = l.keep(ctx, &Replica{
		Name: trouble.Postgres, Service: trouble.Postgres,
		make: func() (*exec.Cmd, error) {
			return l.postgres.Command("-c", "listen_addresses=127.0.0.1", "-c", "port="+port, "-c", "unix_socket_directories=")
		},
	})
	return waittest.Until(ctx, func() error { return parts.DatabaseAnswers(ctx, l.database) })
}

func databaseAt(address string) string {
	return fmt.Sprintf("postgres://%s@%s/postgres?sslmode=disable", postgrestest.Superuser, address)
}

// startServices starts as many of each as there are to be broken, those first that others lead to.
func (l *Lab) startServices(ctx context.Context) error {
	var feeds []string
	for n := range l.replicas("events") {
		address, err := l.startEvents(ctx, n+1)
		if err != nil {
			return err
		}
		feeds = append(feeds, address)
	}
	for n := range l.replicas("gateway") {
		if err := l.startGateway(ctx, n+1, feeds); err != nil {
			return err
		}
	}
	for n := range l.replicas("provisioner") {
		if err := l.startHand(ctx, "provisioner", n+1, "BASE_DOMAIN="+baseDomain, "INGRESS_CLASS_NAME=local",
			"INGRESS_ADDR="+l.cluster.door, "STORES_SETTINGS="+l.settings(), fmt.Sprintf("SLOTS=%d", l.slots)); err != nil {
			return err
		}
	}
	for n := range l.replicas("janitor") {
		// A minute in production: whoever waits for a sweep here waits for as much less as for all else.
		settings := []string{fmt.Sprintf("SLOTS=%d", plenty), "SWEEP_EVERY=" + l.clock.Of(time.Minute).String()}
		if l.before != nil {
			// A sweep would send again what another release has settled unread, and nobody would know.
			settings = append(settings, "SWEEP_EVERY=0")
		}
		if err := l.startHand(ctx, "janitor", n+1, settings...); err != nil {
			return err
		}
	}
	return nil
}

// replicas is how many of a service are started: of two releases, one that goes and one that stays meanwhile.
func (l *Lab) replicas(service string) int {
	switch {
	case l.before != nil:
		return 2
	case service == "provisioner" && l.provisioners > 0:
		return l.provisioners
	}
	return trouble.Replicas(service)
}

// replica prepares a service's process, which tells of itself at an address, with its own way to the broker.
func (l *Lab) replica(ctx context.Context, service string, n int, address string, links map[string]*link.Link, settings ...string) error {
	way, err := l.path(l.broker.Address)
	if err != nil {
		return err
	}
	links[trouble.ToBroker] = way
	r := &Replica{Name: fmt.Sprintf("%s-%d", service, n), Service: service, address: address, links: links, older: l.before != nil}
	r.make = func() (*exec.Cmd, error) {
		return l.broker.Service(r.program(), service, way.Address(), settings...), nil
	}
	l.Replicas = append(l.Replicas, l.keep(ctx, r))
	return nil
}

func (l *Lab) startEvents(ctx context.Context, n int) (string, error) {
	address, err := porttest.Address()
	if err != nil {
		return "", err
	}
	way, err := l.path(l.postgresAt)
	if err != nil {
		return "", err
	}
	return address, l.replica(ctx, "events", n, address, map[string]*link.Link{trouble.ToPostgres: way},
		"LISTEN="+address, "DATABASE_URL="+databaseAt(way.Address()), fmt.Sprintf("FEED_MAX_CONNECTIONS=%d", seats))
}

// startGateway runs one whose clients may say who they are, and whose way to the feed leads to any of the replicas, as a
// Service does. What it is told of the clock, it tells the others by the log.
func (l *Lab) startGateway(ctx context.Context, n int, feeds []string) error {
	address, err := porttest.Address()
	if err != nil {
		return err
	}
	way, err := l.path(feeds...)
	if err != nil {
		return err
	}
	l.gateways = append(l.gateways, address)
	return l.replica(ctx, "gateway", n, address, map[string]*link.Link{trouble.ToEvents: way},
		"INSTALLATION="+l.installation, fmt.Sprintf("%s=%d", clock.Variable, l.clock), "LISTEN="+address, "AUTH=open", "EVENTS_URL=http://"+way.Address(), "TRUST_PROXY=127.0.0.0/8", fmt.Sprintf("MAX_STORES=%d", quota), "CREATE_RATE_LIMIT_CAPACITY=0")
}

func (l *Lab) startHand(ctx context.Context, service string, n int, settings ...string) error {
	address, err := porttest.Address()
	if err != nil {
		return err
	}
	way, err := l.path(strings.TrimPrefix(l.api.Server, "https://"))
	if err != nil {
		return err
	}
	kubeconfig, err := l.api.KubeconfigOf(ctx, "store-"+service, way.Address())
	if err != nil {
		return err
	}
	path := filepath.Join(l.Folder, fmt.Sprintf("%s-%d.kubeconfig", service, n))
	if err := os.WriteFile(path, kubeconfig, 0o600); err != nil {
		return errors.Join(errors.New("write a kubeconfig"), err)
	}
	return l.replica(ctx, service, n, address, map[string]*link.Link{trouble.ToAPI: way},
		append(settings, "KUBECONFIG="+path, "INSTALLATION="+l.installation, "OPS_LISTEN="+address)...)
}
