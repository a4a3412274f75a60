package storelog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/pkg/store"
)

// ErrOldServer: the broker can't do what the log relies on. Waiting doesn't mend it.
var ErrOldServer = errors.New("the broker is too old")

// minServer is the first broker with everything the log relies on.
var minServer = [2]int{2, 12}

// Settings are what the log's shape depends on.
type Settings struct {
	// Replicas is how many copies the broker keeps at least, 1 or 3.
	Replicas int
	// Installation is whose log it is. A log without one becomes this installation's. Empty leaves the log as it is.
	Installation string
	// Clock divides how long a lease lives; what others have made longer stays.
	Clock clock.Divisor
	// Accounts says that the installation has accounts, whose buckets are made then. They stay where a gateway without comes.
	Accounts bool
	// Raise says that no older release runs on the log any more: see RaiseWriteLevel.
	Raise bool
}

// Ensure creates the stream, the audit beside it and the buckets, or brings existing ones to this shape. It gives and never
// takes: where there are more copies than asked for they stay, because a gateway that somebody starts by hand has the
// settings of one machine. It fails with ErrForeignLog, and has touched nothing, when the stream is another installation's. The gateway
// calls it at start; everybody else waits for the result in Open.
func Ensure(ctx context.Context, nc *nats.Conn, settings Settings) error {
	if err := CheckServer(nc, minServer); err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("open JetStream: %w", err)
	}
	have, err := readConfig(ctx, js, Stream)
	if err != nil {
		return err
	}
	asked := settings.Replicas
	if have != nil {
		if err := CheckOwner(OwnerOf(have.Metadata), settings.Installation); err != nil {
			return err
		}
		// Also for the buckets: one that is made anew would be the only thing that doesn't outlive its broker.
		settings.Replicas = max(asked, have.Replicas)
	}
	for _, b := range buckets(settings) {
		if err := ensureStream(ctx, js, bucketPrefix+b.name, settings, b.shape); err != nil {
			return err
		}
	}
	if err := ensureStream(ctx, js, AuditStream, settings, auditShape); err != nil {
		return err
	}
	// Last, because it is what Open waits for.
	if err := ensureStream(ctx, js, Stream, settings, shape); err != nil {
		return err
	}
	if err := nameEpoch(ctx, js); err != nil {
		return fmt.Errorf("name the log's epoch: %w", err)
	}
	if settings.Replicas > asked {
		slog.Warn("the log keeps more copies than were asked for; they stay", "copies", settings.Replicas, "asked", asked)
	}
	return nil
}

// EnsureGuesses makes the bucket of guesses, in as many copies as the log has, where there are accounts to guess the passwords
// of. It is kept in memory, and goes with its broker: whoever misses it makes it anew.
func (l *Log) EnsureGuesses(ctx context.Context, settings Settings) error {
	settings.Replicas = max(settings.Replicas, l.stream.CachedInfo().Config.Replicas)
	return ensureStream(ctx, l.js, bucketPrefix+guesses.name, settings, guesses.shape)
}

// ensureStream writes only what differs: metadata that others wrote meanwhile, a pause of the sweeps say, is not to be
// overwritten by every gateway that starts.
func ensureStream(
	ctx context.Context, js jetstream.JetStream, name string, settings Settings,
	shape func(jetstream.StreamConfig, Settings) jetstream.StreamConfig,
) error {
	have, err := readConfig(ctx, js, name)
	if err == nil && have == nil {
		// Once for all tries: one that comes after a try whose answer was lost must find its own stream, not another's.
		config := shape(jetstream.StreamConfig{Name: name}, settings)
		err = ask(ctx, func(ctx context.Context) error {
			_, err := js.CreateStream(ctx, config)
			return err
		})
		if err == nil {
			return nil
		}
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			// Another gateway came first, with settings of its own.
			have, err = readConfig(ctx, js, name)
		}
	}
	if err == nil && have == nil {
		err = jetstream.ErrStreamNotFound // removed under our hands
	}
	if err != nil {
		return fmt.Errorf("ensure stream %s: %w", name, err)
	}
	if err := CheckOwner(OwnerOf(have.Metadata), settings.Installation); err != nil {
		return err
	}
	want := shape(*have, settings)
	if reflect.DeepEqual(want, *have) {
		return nil
	}
	if err := update(ctx, js, want); err != nil {
		return fmt.Errorf("ensure stream %s: %w", name, err)
	}
	return nil
}

func update(ctx context.Context, js jetstream.JetStream, config jetstream.StreamConfig) error {
	return ask(ctx, func(ctx context.Context) error {
		_, err := js.UpdateStream(ctx, config)
		return err
	})
}

// readConfig answers how the stream is, nil when there is none.
func readConfig(ctx context.Context, js jetstream.JetStream, name string) (*jetstream.StreamConfig, error) {
	stream, err := findStream(ctx, js, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for stream %s: %w", name, err)
	}
	return &stream.CachedInfo().Config, nil
}

// shape gives a stream our settings and keeps what isn't ours. The log forgets nothing: with an age or a size limit a
// quiet store would lose its state. Direct gets stay off because replicas may answer them from behind.
func shape(c jetstream.StreamConfig, settings Settings) jetstream.StreamConfig {
	// A log that is only being made was written by no older release, and nobody has a name in it yet.
	isNew := c.Subjects == nil
	if isNew || settings.Raise && levelOf(c.Metadata) < store.Schema {
		c.Metadata = withEntry(c.Metadata, metaWriteLevel, strconv.Itoa(store.Schema))
	}
	if isNew {
		c.Metadata = withEntry(c.Metadata, metaTenantKey, newTenantKey())
	}
	c.Description = "Every command and event of every store"
	c.Subjects = []string{AllSubjects}
	c.Storage = jetstream.FileStorage
	c.Retention = jetstream.LimitsPolicy
	c.Discard = jetstream.DiscardNew
	c.Replicas = max(c.Replicas, settings.Replicas)
	c.AllowDirect = false
	c.DenyDelete = true
	c.DenyPurge = true
	if settings.Installation != "" {
		c.Metadata = withEntry(c.Metadata, metaInstallation, settings.Installation)
	}
	return c
}

// CheckServer fails with ErrOldServer when the broker that nc is connected to is older than least, a major and a minor version.
// Who takes backups asks it too, which need a newer one than the log.
func CheckServer(nc *nats.Conn, least [2]int) error {
	version := nc.ConnectedServerVersion()
	if version == "" {
		return fmt.Errorf("ask the broker for its version: %w", nats.ErrConnectionReconnecting)
	}
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return fmt.Errorf("nats-server %q: %w", version, ErrOldServer)
	}
	major, errMajor := strconv.Atoi(parts[0])
	minor, errMinor := strconv.Atoi(parts[1])
	if errMajor != nil || errMinor != nil || major < least[0] || major == least[0] && minor < least[1] {
		return fmt.Errorf("nats-server %s, at least %d.%d is needed: %w", version, least[0], least[1], ErrOldServer)
	}
	return nil
}
