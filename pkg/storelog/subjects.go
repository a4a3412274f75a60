package storelog

import (
	"fmt"
	"strings"

	"github.com/store-platform/store-platform/pkg/store"
)

// Stream is the one stream.
const Stream = "STORES"

// The literals from which every subject is built. Three a store, whatever the verbs: the broker's memory grows with
// the number of subjects.
//
// Those of a store of another cluster than the default one carry its name as their last token:
//
//	store.<id>.command.apply    store.<id>.command.apply.<cluster>
//	store.<id>.command.delete   store.<id>.command.delete.<cluster>
//	store.<id>.event            store.<id>.event.<cluster>
//
// A consumer filters by it, and a broker user is held to it. Events carry it too: so a worker's user can be kept from
// other clusters' stores whole, and of a message that nobody can read its subject still says which cluster's it is. The
// default one's subjects stay as they were, for the sake of older releases and of logs that exist. What precedes is the
// store's id either way, so that one pattern, the fence's, spans all of a store's history.
const (
	prefix       = "store."
	applySuffix  = ".command.apply"
	deleteSuffix = ".command.delete"
	eventSuffix  = ".event"
)

// AllSubjects is what the stream takes: both forms.
const AllSubjects = prefix + ">"

// ApplyCommands is the filter for a cluster's commands but its deletes. There is none over all clusters: whoever needs
// one of these follows the log or lists the stores (Stores).
func ApplyCommands(cluster string) string { return of(cluster, prefix+"*"+applySuffix) }

// DeleteCommands is the filter for a cluster's deletes.
func DeleteCommands(cluster string) string { return of(cluster, prefix+"*"+deleteSuffix) }

// Commands is the filter for a cluster's commands.
func Commands(cluster string) string { return of(cluster, prefix+"*.command.*") }

// Durable is the name of the consumer through which a hand takes its cluster's commands. It has no dot, which the broker
// allows in no consumer's name.
func Durable(hand, cluster string) string {
	if store.IsDefaultCluster(cluster) {
		return hand
	}
	return hand + "-" + cluster
}

// DurableOfStanding is the name of another, through which the hand takes commands of stores that stand. No cluster's name
// has an underscore.
func DurableOfStanding(hand, cluster string) string { return Durable(hand, cluster) + "_standing" }

// of makes a subject that of a cluster.
func of(cluster, subject string) string {
	if store.IsDefaultCluster(cluster) {
		return subject
	}
	return subject + "." + cluster
}

// historyOf is the pattern of the fence and of a store's last message.
func historyOf(id store.ID) string { return prefix + string(id) + ".>" }

// subjectOf is where a message belongs of a store in the cluster: a command is for its verb's hand.
func subjectOf(m store.Message, cluster string) string {
	suffix := eventSuffix
	switch {
	case !m.IsCommand():
	case store.Verbs[store.Verb(m.Type)].Hand == store.Janitor:
		suffix = deleteSuffix
	default:
		suffix = applySuffix
	}
	return of(cluster, prefix+string(m.Store)+suffix)
}

// isCommand tells what is wanted from what happened, also where this program doesn't know the verb.
func isCommand(subject string) bool { return strings.Contains(subject, ".command.") }

// StoreOf reads the id out of a subject of the log, whatever stands behind it: an operator who puts away what should
// never have been there names its store by this.
func StoreOf(subject string) (store.ID, error) {
	rest := strings.TrimPrefix(subject, prefix)
	id, _, _ := strings.Cut(rest, ".")
	return store.ParseID(id)
}

// ClusterOf reads out of a subject of the log in which cluster its store is. It fails for one that no message of the
// platform has.
func ClusterOf(subject string) (string, error) {
	id, err := StoreOf(subject)
	if err != nil {
		return "", err
	}
	rest := strings.TrimPrefix(subject, prefix+string(id))
	for _, suffix := range []string{applySuffix, deleteSuffix, eventSuffix} {
		name, ours := strings.CutPrefix(rest, suffix)
		switch {
		case !ours:
		case name == "":
			return store.DefaultCluster, nil
		case name[0] == '.' && name[1:] != store.DefaultCluster:
			return store.ParseCluster(name[1:])
		}
	}
	return "", fmt.Errorf("%q is no subject of the log", subject)
}
