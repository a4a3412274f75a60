package broker

import (
	"slices"

	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
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

// clusters are those of the installation: one so far.
var clusters = []string{store.DefaultCluster}

// usersOf are those of an installation of several clusters: each one's hands have users of their own.
func usersOf(clusters []string) []string {
	users := slices.Clone(Users)
	for _, cluster := range clusters {
		if !store.IsDefaultCluster(cluster) {
			users = append(users, named(Provisioner, cluster), named(Janitor, cluster))
		}
	}
	return users
}

// named is the user of a cluster's hand, and the durable consumer through which it takes its commands.
func named(hand, cluster string) string {
	if store.IsDefaultCluster(cluster) {
		return hand
	}
	return hand + "-" + cluster
}

// ofStanding is the durable consumer through which a cluster's provisioner takes commands of stores that stand.
func ofStanding(cluster string) string { return named(Provisioner, cluster) + "_standing" }

// of makes a subject that of a cluster's stores.
func of(cluster, subject string) string {
	if store.IsDefaultCluster(cluster) {
		return subject
	}
	return subject + "." + cluster
}

// The buckets that the supervisor itself writes to. Package storelog has their names, too, and with them all that a
// service links to be observed.
const (
	PacksBucket    = "packs"
	PlatformBucket = "platform"
)

// The literals from which permissions are built. The stream and the buckets are the log's,
// where questions are put says the contract between the services; a test holds this table
// against the services' real work.
const (
	stream   = "STORES"
	audit    = "AUDIT"
	audited  = "audit.>"
	commands = "store.*.command.>"
	applies  = "store.*.command.apply"
	deletes  = "store.*.command.delete"
	events   = "store.*.event"
	// sweepReport is one key of the bucket: the others are the provisioner's.
	sweepReport = "sweep"
)

// durables are the consumers through which commands are worked on, with the users whose they are. Whoever could delete,
// change or pull from another's would stop all creates or all deletes of a cluster, and nobody would see it.
func durables(clusters []string) (names []string, owner map[string]string) {
	owner = map[string]string{}
	for _, cluster := range clusters {
		provisioner, janitor := named(Provisioner, cluster), named(Janitor, cluster)
		names = append(names, provisioner, ofStanding(cluster), janitor)
		owner[provisioner], owner[ofStanding(cluster)], owner[janitor] = provisioner, provisioner, janitor
	}
	return names, owner
}

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
// guessed; or to where gateways count each other, which then let each tenant ask for less. A single broker pushes to neither
// buckets nor its interface. So nobody has consumers who can do without, and
// neither the gateway nor events has one on what it may write, or it could choose what is pushed.
// What was looked at, the gateway appends and only events reads: no consumer of the audit is of a worker, and nobody
// acknowledges, so none of its names is another's.
// A snapshot goes to any address too, and there a single broker does obey: the empty message at its end, sent to the
// address that deletes a stream, deletes it. So whoever has backup's password has the log. No service is given it, only
// the job that takes backups and whoever restores one, for as long as that lasts.
func grants(clusters []string) map[string]grant {
	table := map[string]grant{
		Gateway: {
			publish: slices.Concat([]string{commands, events, of("*", events), audited, query.AllSubjects}, shape(),
				get(stream), watch(PacksBucket), watch("catalog"), watch(PlatformBucket),
				bucket("claims"), write("claims"), bucket("tickets"), write("tickets"), people(),
				[]string{platform.GatewaysSubject()}),
			subscribe: []string{platform.GatewaysSubject()},
		},
		Events: {
			publish: slices.Concat(get(stream), follow(stream), get(audit), follow(audit), bucket("tickets"), write("tickets"),
				watch(PlatformBucket)),
			denied:    othersConsumers(clusters, Events, ""),
			subscribe: append(discovery("events"), query.Subjects(query.Remembering)...),
			answers:   true,
		},
		Backup: {publish: slices.Concat(copyOf(stream), copyOfPeople())},
		Local: {
			publish: slices.Concat([]string{platform.ImagesSubject("*")}, watch(PacksBucket), write(PacksBucket),
				bucket(PlatformBucket), write(PlatformBucket)),
			subscribe: []string{platform.ImagesSubject("*")},
			answers:   true,
		},
	}
	for _, cluster := range clusters {
		table[named(Provisioner, cluster)] = provisionerOf(cluster, clusters)
		table[named(Janitor, cluster)] = janitorOf(cluster, clusters)
	}
	return table
}

// provisionerOf is what one cluster's provisioner may do. Clusters of an installation trust each other; what one may
// write is its own all the same, so that a hand that was told the wrong name is refused instead of believed.
func provisionerOf(cluster string, clusters []string) grant {
	user := named(Provisioner, cluster)
	return grant{
		publish: slices.Concat([]string{of(cluster, events), of(cluster, applies), platform.ImagesSubject("*")},
			get(stream), follow(stream), work(user), work(ofStanding(cluster)),
			bucket("leases"), writeOf(cluster, "leases"), watch(PacksBucket), write(PacksBucket), watch("catalog"), write("catalog"),
			bucket(PlatformBucket), writeOf(cluster, PlatformBucket)),
		denied:    othersConsumers(clusters, user, ""),
		subscribe: slices.Concat(discovery("provisioner"), questions(cluster)),
		answers:   true,
	}
}

// questions are where one cluster's provisioners are asked.
func questions(cluster string) []string {
	var subjects []string
	for _, subject := range query.Subjects(query.Provisioning) {
		subjects = append(subjects, of(cluster, subject))
	}
	return subjects
}

// janitorOf is what one cluster's janitor may do.
func janitorOf(cluster string, clusters []string) grant {
	user := named(Janitor, cluster)
	return grant{
		publish: slices.Concat([]string{of(cluster, events), of(cluster, applies), of(cluster, deletes)},
			get(stream), follow(stream), work(user),
			bucket("leases"), writeOf(cluster, "leases"), watch("claims"), write("claims"),
			bucket(PlatformBucket), []string{"$KV." + PlatformBucket + "." + store.ClusterKey(cluster, sweepReport), query.Live.Subject}),
		denied: othersConsumers(clusters, user, named(Provisioner, cluster)),
	}
}

const consumerAPI = "$JS.API.CONSUMER."

// shape is what making the stream and the buckets takes, and bringing them up to date. With any name in it, a recorder
// of all questions and answers could be made.
func shape() []string {
	var subjects []string
	streams := []string{stream, audit, "KV_claims", "KV_leases", "KV_packs", "KV_catalog", "KV_platform", "KV_tickets"}
	for _, name := range personal {
		streams = append(streams, "KV_"+name)
	}
	for _, name := range streams {
		subjects = append(subjects, "$JS.API.STREAM.CREATE."+name, "$JS.API.STREAM.UPDATE."+name, "$JS.API.STREAM.INFO."+name)
	}
	return subjects
}

// personal are the buckets of who may sign in, and with what. Nobody but the gateway reads them, and nobody watches them.
var personal = []string{"accounts", "tenants", "tokens", "passes", "guesses"}

// people is what the gateway does with them.
func people() []string {
	var subjects []string
	for _, name := range personal {
		subjects = slices.Concat(subjects, bucket(name), write(name))
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
// is, observed, stays with the cluster's janitor, whose sweeps look for commands that nobody worked on.
func othersConsumers(clusters []string, user, observed string) []string {
	var subjects []string
	names, owner := durables(clusters)
	for _, durable := range names {
		subjects = append(subjects, consumerAPI+"DELETE."+stream+"."+durable)
		if owner[durable] == user {
			continue
		}
		subjects = append(subjects,
			consumerAPI+"CREATE."+stream+"."+durable,
			consumerAPI+"CREATE."+stream+"."+durable+".>",
			consumerAPI+"MSG.NEXT."+stream+"."+durable)
		if durable != observed {
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

// copyOfPeople is the same of who there is, where it must be asked first whether there is anybody; and the one word that a restore
// leaves for the gateway.
func copyOfPeople() []string {
	subjects := []string{"$KV.accounts.erase-again.*"}
	for _, bucket := range []string{"accounts", "tenants", "tokens"} {
		subjects = append(append(subjects, "$JS.API.STREAM.INFO.KV_"+bucket), copyOf("KV_"+bucket)...)
	}
	return subjects
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

// writeOf is what writing a cluster's own keys takes. The default one's have no beginning of their own.
func writeOf(cluster, name string) []string {
	return []string{"$KV." + name + "." + store.ClusterKey(cluster, ">")}
}

// discovery is what a service of package micro listens to, by the service's name.
func discovery(service string) []string {
	var subjects []string
	for _, verb := range []string{"PING", "INFO", "STATS"} {
		subject := "$SRV." + verb
		subjects = append(subjects, subject, subject+"."+service, subject+"."+service+".*")
	}
	return subjects
}
