package projection

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// storeRows are the columns of the stores that a batch tells of, each as its newest message left it.
type storeRows struct {
	place                                              map[store.ID]int
	opened, version                                    []int64
	id, tenant, name, engine, status, standing, states []string
	cluster                                            []string
	finished                                           []bool
	plan, sorted, texts, grams                         []string
	// last are the states, for the letters in them.
	last []*store.State
}

func newStoreRows() *storeRows { return &storeRows{place: map[store.ID]int{}} }

func (r *storeRows) add(it *item) {
	r.set(it.entry.Message.Store, it.entry.State.Version, &it.entry.State, it.state)
}

// set is the newest that is known of a store; text is the state as it is kept.
func (r *storeRows) set(id store.ID, opened uint64, s *store.State, text string) {
	i, known := r.place[id]
	if !known {
		i = len(r.id)
		r.place[id] = i
		r.id, r.opened = append(r.id, string(id)), append(r.opened, int64(opened))
		r.version = append(r.version, 0)
		r.tenant, r.name, r.engine = append(r.tenant, ""), append(r.name, ""), append(r.engine, "")
		r.status, r.standing, r.states = append(r.status, ""), append(r.standing, ""), append(r.states, "")
		r.cluster, r.finished = append(r.cluster, ""), append(r.finished, false)
		r.plan, r.sorted, r.texts, r.grams = append(r.plan, ""), append(r.sorted, ""), append(r.texts, ""), append(r.grams, "")
		r.last = append(r.last, nil)
	}
	r.version[i] = int64(s.Version)
	r.tenant[i], r.name[i], r.engine[i] = s.Tenant, s.Spec.Name, s.Spec.Engine
	r.status[i], r.standing[i], r.states[i] = string(s.Status), string(s.Standing), text
	r.cluster[i], r.finished[i] = s.Cluster, s.Finished()
	r.last[i] = s
}

// describe says of each store what it is listed by. It is done once all is known, since of many messages only the last one counts.
func (r *storeRows) describe() {
	for i, s := range r.last {
		name, id := readmodel.Folded(s.Spec.Name), readmodel.Folded(r.id[i])
		r.plan[i], r.sorted[i] = word(s.Spec.Plan), readmodel.Sorted(s.Spec.Name)
		r.texts[i] = name + betweenTexts + id
		r.grams[i] = strings.Join(readmodel.Grams(strings.ReplaceAll(name, betweenTexts, " "), id), betweenTexts)
	}
}

// word is a word as an index holds it. In a log anything may stand for one, and nobody filters by what isn't.
func word(text string) string { return readmodel.Cut(printable(text)) }

// words are such.
func words(texts []string) []string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = word(text)
	}
	return all
}

// betweenTexts is in no text that anybody searches for.
const betweenTexts = "\n"

func (r *storeRows) queue(b *pgx.Batch) error {
	return r.queueInto(b, upsertStores)
}

// queueInto has the statement take the rows.
func (r *storeRows) queueInto(b *pgx.Batch, upsert string) error {
	if len(r.id) == 0 {
		return nil
	}
	b.Queue(upsert, r.id, r.opened, r.version, r.tenant, r.name, r.engine, r.status, r.states, r.standing,
		r.cluster, r.finished)
	r.describe()
	b.Queue(list, r.id, r.opened, r.tenant, words(r.status), words(r.engine), r.plan, r.sorted, upsert == fillStores, r.texts)
	b.Queue(listGrams, r.id, r.grams)
	// Not nil, which would be null: it says that these stores have none.
	seqs, stores, tenants, kinds, letters := []int64{}, []string{}, []string{}, []string{}, []string{}
	for _, s := range r.last {
		for _, l := range readmodel.Letters(*s) {
			text, err := json.Marshal(l)
			if err != nil {
				return fmt.Errorf("encode the dead letter %d: %w", l.Seq, err)
			}
			seqs, stores, tenants = append(seqs, int64(l.Seq)), append(stores, string(l.Store)), append(tenants, l.Tenant)
			kinds, letters = append(kinds, string(l.Kind)), append(letters, string(text))
		}
	}
	b.Queue(replaceLetters, seqs, stores, tenants, kinds, letters, r.id)
	return nil
}
