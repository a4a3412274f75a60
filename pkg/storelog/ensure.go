package storelog

import (
	"context"
	"errors"
	"fmt"
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

// Ensure creates the stream and the buckets, or brings existing ones to this shape. replicas is 1 or 3. The gateway
// calls it at start; everybody else waits for the result in Open.
func Ensure(ctx context.Context, nc *nats.Conn, replicas int) error {
	if err := checkServer(nc.ConnectedServerVersion()); err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("open JetStream: %w", err)
	}
	for _, bucket := range buckets(replicas) {
		if _, err := js.CreateOrUpdateKeyValue(ctx, bucket); err != nil {
			return fmt.Errorf("ensure bucket %s: %w", bucket.Bucket, err)
		}
	}
	// Last, because it is what Open waits for.
	if _, err := js.CreateOrUpdateStream(ctx, streamConfig(replicas)); err != nil {
		return fmt.Errorf("ensure stream %s: %w", Stream, err)
	}
	return nil
}

// streamConfig forgets nothing: with an age or a size limit a quiet store would lose its state. Direct gets stay off
// because replicas may answer them from behind.
func streamConfig(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        Stream,
		Description: "Every command and event of every store",
		Subjects:    []string{AllSubjects},
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		Replicas:    replicas,
		AllowDirect: false,
		DenyDelete:  true,
		DenyPurge:   true,
	}
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
