package storelog

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The KV buckets beside the stream.
const (
	BucketClaims   = "claims"
	BucketLeases   = "leases"
	BucketCatalog  = "catalog"
	BucketPlatform = "platform"
	BucketTickets  = "tickets"
)

// LeaseTTL is how long a lease lives that nobody renews; TicketTTL how long a feed ticket may wait for its client.
const (
	LeaseTTL  = 30 * time.Second
	TicketTTL = 30 * time.Second
)

// ErrOldServer: the broker can't do what the log relies on. Waiting doesn't mend it.
var ErrOldServer = errors.New("the broker is too old")

// minServer is the first broker with everything the log relies on.
var minServer = [2]int{2, 12}

// Settings are what the log's shape depends on.
type Settings struct {
	// Replicas is how many copies the broker keeps, 1 or 3.
	Replicas int
	// Installation is whose log it is. A log without one becomes this installation's. Empty leaves the log as it is.
	Installation string
}

// Ensure creates the stream and the buckets, or brings existing ones to this shape. It fails with ErrForeignLog, and
// has touched nothing, when the stream is another installation's. The gateway calls it at start; everybody else waits
// for the result in Open.
func Ensure(ctx context.Context, nc *nats.Conn, settings Settings) error {
	if err := checkServer(nc.ConnectedServerVersion()); err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("open JetStream: %w", err)
	}
	have, err := readConfig(ctx, js)
	if err != nil {
		return err
	}
	if have != nil {
		if err := checkOwner(have.Metadata, settings.Installation); err != nil {
			return err
		}
	}
	for _, bucket := range buckets(settings.Replicas) {
		if _, err := js.CreateOrUpdateKeyValue(ctx, bucket); err != nil {
			return fmt.Errorf("ensure bucket %s: %w", bucket.Bucket, err)
		}
	}
	// Last, because it is what Open waits for.
	return ensureStream(ctx, js, settings)
}

// ensureStream writes only what differs: metadata that others wrote meanwhile, a pause of the sweeps say, is not to be
// overwritten by every gateway that starts.
func ensureStream(ctx context.Context, js jetstream.JetStream, settings Settings) error {
	have, err := readConfig(ctx, js)
	if err != nil {
		return err
	}
	if have == nil {
		created := shape(jetstream.StreamConfig{Name: Stream}, settings)
		_, err := js.CreateStream(ctx, created)
		if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return wrapEnsure(err)
		}
		// Another gateway came first, with settings of its own.
		if have, err = readConfig(ctx, js); err != nil || have == nil {
			return wrapEnsure(errors.Join(err, jetstream.ErrStreamNameAlreadyInUse))
		}
	}
	if err := checkOwner(have.Metadata, settings.Installation); err != nil {
		return err
	}
	want := shape(*have, settings)
	if reflect.DeepEqual(want, *have) {
		return nil
	}
	_, err = js.UpdateStream(ctx, want)
	return wrapEnsure(err)
}

func wrapEnsure(err error) error {
	if err != nil {
		return fmt.Errorf("ensure stream %s: %w", Stream, err)
	}
	return nil
}

// readConfig answers how the stream is, nil when there is none.
func readConfig(ctx context.Context, js jetstream.JetStream) (*jetstream.StreamConfig, error) {
	stream, err := js.Stream(ctx, Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for stream %s: %w", Stream, err)
	}
	return &stream.CachedInfo().Config, nil
}

// shape gives a stream our settings and keeps what isn't ours. The log forgets nothing: with an age or a size limit a
// quiet store would lose its state. Direct gets stay off because replicas may answer them from behind.
func shape(c jetstream.StreamConfig, settings Settings) jetstream.StreamConfig {
	c.Description = "Every command and event of every store"
	c.Subjects = []string{AllSubjects}
	c.Storage = jetstream.FileStorage
	c.Retention = jetstream.LimitsPolicy
	c.Discard = jetstream.DiscardNew
	c.Replicas = settings.Replicas
	c.AllowDirect = false
	c.DenyDelete = true
	c.DenyPurge = true
	if settings.Installation != "" {
		c.Metadata = withEntry(c.Metadata, metaInstallation, settings.Installation)
	}
	return c
}

func buckets(replicas int) []jetstream.KeyValueConfig {
	kv := func(name, about string, ttl time.Duration) jetstream.KeyValueConfig {
		return jetstream.KeyValueConfig{
			Bucket: name, Description: about, TTL: ttl,
			Storage: jetstream.FileStorage, Replicas: replicas,
		}
	}
	return []jetstream.KeyValueConfig{
		kv(BucketClaims, "A tenant's stores, counted exactly", 0),
		kv(BucketLeases, "Which worker holds a store", LeaseTTL),
		kv(BucketCatalog, "The engines on offer", 0),
		kv(BucketPlatform, "What the platform says of itself", 0),
		kv(BucketTickets, "Feed tickets, one use each", TicketTTL),
	}
}

func checkServer(version string) error {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return fmt.Errorf("nats-server %q: %w", version, ErrOldServer)
	}
	major, errMajor := strconv.Atoi(parts[0])
	minor, errMinor := strconv.Atoi(parts[1])
	if errMajor != nil || errMinor != nil || major < minServer[0] || major == minServer[0] && minor < minServer[1] {
		return fmt.Errorf("nats-server %s, at least %d.%d is needed: %w", version, minServer[0], minServer[1], ErrOldServer)
	}
	return nil
}
