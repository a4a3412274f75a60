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
	applies  = "store.*.command.apply"
	deletes  = "store.*.command.delete"
	events   = "store.*.event"
	// sweepReport is one key of the bucket: the others are the provisioner's.
	sweepReport = "$KV.platform.sweep"
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

// grants is the whole table. Writing to the log is what matters most: the gateway says
// what is wanted, and so do the janitor's sweeps, for what nobody asked to be left over or
// forgotten; the reader of the log and the supervisor may not write to it at all.
// A sweep that may send a forgotten command again may send any: subjects tell a delete
// from the rest, not a retry from a create. The alternative, a second user for sweeps,
// would run in the same process and keep nobody out.
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
			publish: slices.Concat([]string{events, applies, deletes}, read(stream), bucket("leases"), write("leases"),
				bucket("claims"), write("claims"), bucket("platform"), []string{sweepReport}),
		},
		Events: {
			publish: slices.Concat(read(stream), bucket("tickets"), write("tickets"),
				bucket("platform"), bucket("catalog")),
			subscribe: []string{"query.stores", "query.events", "query.dead-letters", "$SRV.>"},
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
