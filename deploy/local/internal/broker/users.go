package broker

import (
	"slices"

	"github.com/store-platform/store-platform/pkg/config"
)

// The users of the broker: one per service, and the supervisor's own.
const (
	Gateway     = "gateway"
	Provisioner = "provisioner"
	Janitor     = "janitor"
	Events      = "events"
	Local       = "local"
)

// Users lists them all.
var Users = []string{Gateway, Provisioner, Janitor, Events, Local}

// The literals from which permissions are built. The stream and the buckets are the log's,
// the query subjects those of the contract between the services; a test holds this table
// against the services' real work.
const (
	stream   = "STORES"
	commands = "store.*.command.>"
	events   = "store.*.event"
)

// grant is what one user may publish to and subscribe to. What isn't here is refused.
type grant struct {
	publish   []string
	subscribe []string
	// answers lets the user reply to requests, to the address that came with each and to no other.
	answers bool
}

// subscriptions are what a user may listen to: the answers to its own requests, and what it was granted.
func (g grant) subscriptions(user string) []string {
	return append([]string{config.Inbox(user) + ".>"}, g.subscribe...)
}

// grants is the whole table. Writing to the log is what matters most: only the gateway
// may say what is wanted, and neither the reader of the log nor the supervisor may
// write to it at all.
func grants() map[string]grant {
	return map[string]grant{
		Gateway: {
			publish: slices.Concat(
				[]string{commands, events, "query.>", "$JS.API.STREAM.CREATE.*", "$JS.API.STREAM.UPDATE.*"},
				read(stream), bucket("catalog"), bucket("platform"), bucket("leases"),
				bucket("claims"), write("claims"), bucket("tickets"), write("tickets")),
		},
		Provisioner: {
			publish: slices.Concat([]string{events}, read(stream), bucket("leases"), write("leases"),
				bucket("catalog"), write("catalog"), bucket("platform"), write("platform")),
			subscribe: []string{"query.credentials", "$SRV.>"},
			answers:   true,
		},
		Janitor: {
			publish: slices.Concat([]string{events}, read(stream), bucket("leases"), write("leases"),
				bucket("claims"), write("claims"), bucket("platform")),
		},
		Events: {
			publish: slices.Concat(read(stream), bucket("tickets"), write("tickets"),
				bucket("platform"), bucket("catalog")),
			subscribe: []string{"query.stores", "query.events", "$SRV.>"},
			answers:   true,
		},
		Local: {
			publish: slices.Concat(bucket("catalog"), write("catalog"), bucket("platform"), write("platform")),
		},
	}
}

// read is what reading a stream takes: gets, and consumers with their pulls and acks.
// Since acks name the consumer, and consumers belong to whoever made them, it is also
// all that work takes.
func read(stream string) []string {
	return []string{
		"$JS.API.INFO",
		"$JS.API.STREAM.INFO." + stream,
		"$JS.API.STREAM.MSG.GET." + stream,
		"$JS.API.DIRECT.GET." + stream,
		"$JS.API.DIRECT.GET." + stream + ".>",
		"$JS.API.CONSUMER.*." + stream + ".>",
		"$JS.API.CONSUMER.DURABLE.CREATE." + stream + ".>",
		"$JS.API.CONSUMER.MSG.NEXT." + stream + ".>",
		"$JS.ACK." + stream + ".>",
		"$JS.ACK.*.*." + stream + ".>",
		"$JS.FC." + stream + ".>",
	}
}

// bucket is what reading and watching a KV bucket takes.
func bucket(name string) []string { return read("KV_" + name) }

func write(name string) []string { return []string{"$KV." + name + ".>"} }
