package broker

import (
	"slices"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/platform"
)

// The users of the broker: one per service, one for backups, and the supervisor's own.
const (
	Gateway     = "gateway"
	Provisioner = "provisioner"
	Janitor     = "janitor"
	Events      = "events"
	Backup      = "backup"
	Local       = "local"
)

// Users lists them all.
var Users = []string{Gateway, Provisioner, Janitor, Events, Backup, Local}

// The buckets that the supervisor itself writes to. Package storelog has their names, too, and with them all that a
// service links to be observed.
const (
	PacksBucket    = "packs"
	PlatformBucket = "platform"
)

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

// durables are the consumers through which commands are worked on, each called like the user whose it is. Whoever could
// delete, change or pull from another's would stop all creates or all deletes, and nobody would see it.
var durables = []string{Provisioner, Janitor}

// grant is what one user may publish to and subscribe to. What isn't here is refused.
type grant struct {
	publish []string
	// denied is refused although publish allows it: a consumer that is read once has a random name, so that permissions
	// can only allow every name, and must then take back those of the durables.
	denied    []string
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
// forgotten, and the provisioner's keeper, for what somebody took away from a store; the reader of the log and the supervisor may not write to it at all.
// A sweep that may send a forgotten command again may send any: subjects tell a delete
// from the rest, not a retry from a create. The alternative, a second user for sweeps,
// would run in the same process and keep nobody out.
//
// What subjects can't tell apart stays possible. The gateway may change the log's limits, for it keeps the log's shape.
// Whoever may make a consumer may have the broker push what it reads to whatever somebody listens to, because that
// address is in the request's body: to a service's questions, whose answers then go to nobody, for inboxes can't be
// guessed. A single broker pushes to neither buckets nor its interface. So nobody has consumers who can do without, and
// neither the gateway nor events has one on what it may write, or it could choose what is pushed.
// A snapshot goes to any address too, and there a single broker does obey: the empty message at its end, sent to the
// address that deletes a stream, deletes it. So whoever has backup's password has the log. No service is given it, only
// the job that takes backups and whoever restores one, for as long as that lasts.
func grants() map[string]grant {
	return map[string]grant{
		Gateway: {
			publish: slices.Concat([]string{commands, events, "query.>"}, shape(),
				get(stream), watch(PacksBucket), watch("catalog"), watch(PlatformBucket),
				bucket("claims"), write("claims"), bucket("tickets"), write("tickets")),
		},
		Provisioner: {
			publish: slices.Concat([]string{events, applies, platform.ImagesSubject("*")}, get(stream), follow(stream), work(Provisioner),
				bucket("leases"), write("leases"), watch(PacksBucket), write(PacksBucket), watch("catalog"), write("catalog"),
				bucket(PlatformBucket), write(PlatformBucket)),
			denied:    othersConsumers(Provisioner),
			subscribe: append(discovery("provisioner"), "query.credentials"),
			answers:   true,
		},
		Janitor: {
			publish: slices.Concat([]string{events, applies, deletes}, get(stream), follow(stream), work(Janitor),
				bucket("leases"), write("leases"), watch("claims"), write("claims"),
				bucket(PlatformBucket), []string{sweepReport}),
			denied: othersConsumers(Janitor),
		},
		Events: {
			publish: slices.Concat(get(stream), follow(stream), bucket("tickets"), write("tickets"),
				watch(PlatformBucket)),
			denied:    othersConsumers(Events),
			subscribe: append(discovery("events"), "query.stores", "query.events", "query.dead-letters"),
			answers:   true,
		},
		Backup: {publish: copyOf(stream)},
		Local: {
			publish: slices.Concat([]string{platform.ImagesSubject("*")}, watch(PacksBucket), write(PacksBucket),
				bucket(PlatformBucket), write(PlatformBucket)),
			subscribe: []string{platform.ImagesSubject("*")},
			answers:   true,
		},
	}
}

const consumerAPI = "$JS.API.CONSUMER."

// shape is what making the stream and the buckets takes, and bringing them up to date. With any name in it, a recorder
// of all questions and answers could be made.
func shape() []string {
	var subjects []string
	for _, name := range []string{stream, "KV_claims", "KV_leases", "KV_packs", "KV_catalog", "KV_platform", "KV_tickets"} {
		subjects = append(subjects, "$JS.API.STREAM.CREATE."+name, "$JS.API.STREAM.UPDATE."+name, "$JS.API.STREAM.INFO."+name)
	}
	return subjects
}

// get is what reading single messages of a stream takes.
func get(stream string) []string {
	return []string{
		"$JS.API.INFO",
		"$JS.API.STREAM.INFO." + stream,
		"$JS.API.STREAM.MSG.GET." + stream,
		"$JS.API.DIRECT.GET." + stream,
		"$JS.API.DIRECT.GET." + stream + ".>",
	}
}

// follow is what reading a stream in order takes: a consumer of a random name, pulled from and removed. Nothing lists
// names, so nobody finds another's. Nothing is acknowledged.
func follow(stream string) []string {
	return []string{
		consumerAPI + "CREATE." + stream + ".>",
		consumerAPI + "DELETE." + stream + ".*",
		consumerAPI + "INFO." + stream + ".*",
		consumerAPI + "MSG.NEXT." + stream + ".*",
	}
}

// work is what a worker does with its own durable consumer beyond making it and pulling. With an ack of another's, a
// delivered command could be dropped.
func work(durable string) []string {
	return []string{
		"$JS.ACK." + stream + "." + durable + ".>",
		"$JS.ACK.*.*." + stream + "." + durable + ".>",
	}
}

// othersConsumers takes back from what follow allows: the others' durables, and the removal of any. Asking how far one
// is stays with the janitor, whose sweeps look for commands that nobody worked on.
func othersConsumers(user string) []string {
	var subjects []string
	for _, durable := range durables {
		subjects = append(subjects, consumerAPI+"DELETE."+stream+"."+durable)
		if durable == user {
			continue
		}
		subjects = append(subjects,
			consumerAPI+"CREATE."+stream+"."+durable,
			consumerAPI+"CREATE."+stream+"."+durable+".>",
			consumerAPI+"MSG.NEXT."+stream+"."+durable)
		if user != Janitor {
			subjects = append(subjects, consumerAPI+"INFO."+stream+"."+durable)
		}
	}
	return subjects
}

// copyOf is what taking a stream out as the broker's files takes, and bringing it back. Nothing of it asks for restore to
// be another user's: JetStream refuses to restore over a stream that exists, so a backup that runs by mistake, twice or
// against the wrong broker overwrites nothing.
func copyOf(stream string) []string {
	return []string{
		"$JS.API.STREAM.SNAPSHOT." + stream,
		"$JS.SNAPSHOT.ACK." + stream + ".>",
		"$JS.API.STREAM.RESTORE." + stream,
		"$JS.SNAPSHOT.RESTORE." + stream + ".>",
	}
}

// bucket is what reading keys of a KV bucket takes.
func bucket(name string) []string { return get("KV_" + name) }

// watch is what reading and watching a KV bucket, or listing its keys, takes. What is watched is pushed, so nothing is
// pulled, and the broker is told when to send on.
func watch(name string) []string {
	stream := "KV_" + name
	return append(get(stream),
		consumerAPI+"CREATE."+stream+".*.$KV."+name+".>",
		consumerAPI+"DELETE."+stream+".*",
		consumerAPI+"INFO."+stream+".*",
		"$JS.FC."+stream+".>")
}

func write(name string) []string { return []string{"$KV." + name + ".>"} }

// discovery is what a service of package micro listens to, by the service's name.
func discovery(service string) []string {
	var subjects []string
	for _, verb := range []string{"PING", "INFO", "STATS"} {
		subject := "$SRV." + verb
		subjects = append(subjects, subject, subject+"."+service, subject+"."+service+".*")
	}
	return subjects
}
