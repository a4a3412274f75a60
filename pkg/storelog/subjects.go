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

// subjectOf is where a message belongs: deletes are the janitor's, all other commands the provisioner's.
func subjectOf(m store.Message) string {
	switch {
	case m.Type == store.DeleteCommand:
		return prefix + string(m.Store) + deleteSuffix
	case m.Type.IsCommand():
		return prefix + string(m.Store) + applySuffix
	default:
		return prefix + string(m.Store) + eventSuffix
	}
}

// StoreOf reads the id out of a subject of the log.
func StoreOf(subject string) (store.ID, error) {
	rest := strings.TrimPrefix(subject, prefix)
	id, _, _ := strings.Cut(rest, ".")
	return store.ParseID(id)
}
