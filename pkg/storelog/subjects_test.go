package storelog

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/store-platform/store-platform/pkg/store"
)

// name draws a cluster's name; half of them are the default one.
func name(rt *rapid.T) string {
	if rapid.Bool().Draw(rt, "default") {
		return store.DefaultCluster
	}
	return rapid.StringMatching(`[a-z]([-a-z0-9]{0,30}[a-z0-9])?`).Filter(func(s string) bool {
		_, err := store.ParseCluster(s)
		return err == nil
	}).Draw(rt, "cluster")
}

func TestASubjectTellsWhatItWasMadeOf(t *testing.T) {
	t.Parallel()
	types := []store.Type{
		store.CreateCommand, store.RetryCommand, store.MendCommand, store.DeleteCommand, store.AttemptStarted, store.BecameReady,
	}
	rapid.Check(t, func(rt *rapid.T) {
		m := store.Message{
			Store: store.NewID(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(rt, "random")), Type: rapid.SampledFrom(types).Draw(rt, "type"),
		}
		cluster, other := name(rt), name(rt)
		subject := subjectOf(m, cluster)
		if id, err := StoreOf(subject); err != nil || id != m.Store {
			rt.Errorf("%s is of store %q, %v", subject, id, err)
		}
		if got, err := ClusterOf(subject); err != nil || got != cluster {
			rt.Errorf("%s is of cluster %q, %v", subject, got, err)
		}
		if !matches(historyOf(m.Store), subject) || !matches(AllSubjects, subject) {
			rt.Errorf("%s is outside the fence or the stream", subject)
		}
		for filter, want := range map[string]bool{
			ApplyCommands(cluster):  m.Type.IsCommand() && m.Type != store.DeleteCommand,
			DeleteCommands(cluster): m.Type == store.DeleteCommand,
			Commands(cluster):       m.Type.IsCommand(),
		} {
			if matches(filter, subject) != want {
				rt.Errorf("%s takes %s: %v", filter, subject, !want)
			}
		}
		for _, filter := range []string{ApplyCommands(other), DeleteCommands(other), Commands(other)} {
			if other != cluster && matches(filter, subject) {
				rt.Errorf("%s of cluster %s takes %s", filter, other, subject)
			}
		}
		if other != cluster && (Durable("hand", other) == Durable("hand", cluster) || store.ClusterKey(other, "key") == store.ClusterKey(cluster, "key")) {
			rt.Errorf("clusters %s and %s share a consumer or a key", cluster, other)
		}
	})
}

// What default's stores are written under is part of the contract with every release before.
func TestTheDefaultClusterIsWrittenAsItAlwaysWas(t *testing.T) {
	t.Parallel()
	const id = "sabcdefghijk"
	for want, got := range map[string]string{
		"store.sabcdefghijk.command.apply":     subjectOf(store.Message{Store: id, Type: store.RetryCommand}, store.DefaultCluster),
		"store.sabcdefghijk.command.delete":    subjectOf(store.Message{Store: id, Type: store.DeleteCommand}, store.DefaultCluster),
		"store.sabcdefghijk.event":             subjectOf(store.Message{Store: id, Type: store.Waited}, store.DefaultCluster),
		"store.sabcdefghijk.command.apply.eu":  subjectOf(store.Message{Store: id, Type: store.CreateCommand}, "eu"),
		"store.sabcdefghijk.command.delete.eu": subjectOf(store.Message{Store: id, Type: store.DeleteCommand}, "eu"),
		"store.sabcdefghijk.event.eu":          subjectOf(store.Message{Store: id, Type: store.Waited}, "eu"),
		"store.*.command.apply":                ApplyCommands(store.DefaultCluster),
		"store.*.command.delete":               DeleteCommands(store.DefaultCluster),
		"store.*.command.*":                    Commands(store.DefaultCluster),
		"provisioner":                          Durable("provisioner", store.DefaultCluster),
		"provisioner-eu":                       Durable("provisioner", "eu"),
		"provisioner_standing":                 DurableOfStanding("provisioner", store.DefaultCluster),
		"provisioner-eu_standing":              DurableOfStanding("provisioner", "eu"),
		"keeper":                               store.ClusterKey(store.DefaultCluster, "keeper"),
		"eu.keeper":                            store.ClusterKey("eu", "keeper"),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestWhatIsNoSubjectOfTheLogHasNoCluster(t *testing.T) {
	t.Parallel()
	const id = "store.sabcdefghijk"
	for _, subject := range []string{
		"", "store", id, id + ".", id + ".other", id + ".command", id + ".command.mend", id + ".command.apply.", id + ".events",
		id + ".event.eu.more", id + ".event.EU", id + ".event.*", id + ".event.>", id + ".event.default", id + ".event.keeper",
		"store.short.event", "query." + id + ".event",
	} {
		if cluster, err := ClusterOf(subject); err == nil {
			t.Errorf("%q is of cluster %q", subject, cluster)
		}
	}
}

// matches says whether a broker's filter takes a subject.
func matches(filter, subject string) bool {
	want, have := strings.Split(filter, "."), strings.Split(subject, ".")
	if i := slices.Index(want, ">"); i >= 0 && len(have) > i {
		want, have = want[:i], have[:i]
	}
	return slices.EqualFunc(want, have, func(w, h string) bool { return w == "*" || w == h })
}
