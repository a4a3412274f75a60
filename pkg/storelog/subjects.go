package storelog

import (
	"strings"

	"github.com/store-platform/store-platform/pkg/store"
)

// Stream is the one stream.
const Stream = "STORES"

// The literals from which every subject is built. Three a store, whatever the verbs: the broker's memory grows with
// the number of subjects.
const (
	prefix       = "store."
	applySuffix  = ".command.apply"
	deleteSuffix = ".command.delete"
	eventSuffix  = ".event"
)

// Filters over all stores.
const (
	AllSubjects    = prefix + ">"
	ApplyCommands  = prefix + "*" + applySuffix
	DeleteCommands = prefix + "*" + deleteSuffix
	Commands       = prefix + "*.command.*"
)

// historyOf is the pattern of the fence and of a store's last message.
func historyOf(id store.ID) string { return prefix + string(id) + ".>" }

// subjectOf is where a message belongs: a command is for its verb's hand.
func subjectOf(m store.Message) string {
	switch {
	case !m.IsCommand():
		return prefix + string(m.Store) + eventSuffix
	case store.Verbs[store.Verb(m.Type)].Hand == store.Janitor:
		return prefix + string(m.Store) + deleteSuffix
	default:
		return prefix + string(m.Store) + applySuffix
	}
}

// isCommand tells what is wanted from what happened, also where this program doesn't know the verb.
func isCommand(subject string) bool { return strings.Contains(subject, ".command.") }

// StoreOf reads the id out of a subject of the log.
func StoreOf(subject string) (store.ID, error) {
	rest := strings.TrimPrefix(subject, prefix)
	id, _, _ := strings.Cut(rest, ".")
	return store.ParseID(id)
}
