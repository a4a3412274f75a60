package parts

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/porttest"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// How the broker treats an acknowledged write. SyncAlways is how the platform runs it.
const (
	SyncLater  = ""
	SyncAlways = "sync_interval: always"
)

// Broker is the platform's broker: store-broker with the users that compose and chart give it, in a folder of its own.
type Broker struct {
	Address string
	// Passwords by user; users.conf takes them from the environment.
	Passwords map[string]string
	// Monitor is where the broker tells of itself by HTTP; empty is nowhere.
	Monitor string

	binary, dir string
}

// NewBroker prepares one in dir, which exists. binary is deploy/local's cmd/broker.
func NewBroker(repo, binary, dir string) (*Broker, error) {
	users, err := os.ReadFile(filepath.Join(repo, "deploy", "k8s", "files", "users.conf"))
	if err != nil {
		return nil, fmt.Errorf("read the broker's users: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "users.conf"), users, 0o600); err != nil {
		return nil, fmt.Errorf("write the broker's users: %w", err)
	}
	b := &Broker{binary: binary, dir: dir, Passwords: map[string]string{}}
	if b.Address, err = porttest.Address(); err != nil {
		return nil, err
	}
	for _, user := range []string{"gateway", "provisioner", "janitor", "events", "backup"} {
		b.Passwords[user] = "p" + rand.Text()
	}
	return b, nil
}

// Command writes the configuration and prepares the process.
func (b *Broker) Command(sync string) (*exec.Cmd, error) {
	text := fmt.Sprintf("listen: %q\nmax_payload: 1MB\njetstream {\n  store_dir: %q\n  %s\n}\ninclude ./users.conf\n",
		b.Address, filepath.Join(b.dir, "log"), sync)
	if b.Monitor != "" {
		text += fmt.Sprintf("http: %q\n", b.Monitor)
	}
	path := filepath.Join(b.dir, "broker.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("configure the broker: %w", err)
	}
	command := exec.Command(b.binary, path)
	command.Env = Environment()
	for user, password := range b.Passwords {
		command.Env = append(command.Env, "NATS_PASSWORD_"+strings.ToUpper(user)+"="+password)
	}
	return command, nil
}

// Dial connects as a user.
func (b *Broker) Dial(user string, more ...nats.Option) (*nats.Conn, error) {
	return nats.Connect("nats://"+b.Address, append(config.As(user, b.Passwords[user]), more...)...)
}

// Offer publishes the packs of the clone, as a provisioner would.
func (b *Broker) Offer(ctx context.Context, repo string) error {
	packs, err := engine.Load(os.DirFS(filepath.Join(repo, "services", "provisioner", "engines")))
	if err != nil {
		return fmt.Errorf("load the packs: %w", err)
	}
	provisioner, err := b.Dial("provisioner")
	if err != nil {
		return err
	}
	defer provisioner.Close()
	log, err := storelog.Open(ctx, provisioner)
	if err != nil {
		return err
	}
	bucket, err := log.Bucket(ctx, storelog.BucketPacks)
	if err != nil {
		return err
	}
	_, err = engine.Publish(ctx, bucket, engine.Rank, packs, engine.Offered(packs))
	return err
}

// Service prepares one of the platform's services as `local up` runs it. Its way to the broker is address, which is the
// broker's unless something stands between.
func (b *Broker) Service(binary, name, address string, more ...string) *exec.Cmd {
	command := exec.Command(binary)
	command.Dir = b.dir
	command.Env = Environment(append(more, "NATS_URL=nats://"+address, "NATS_USER="+name, "NATS_PASSWORD="+b.Passwords[name])...)
	return command
}
