package work

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// strange is a verb of a release to come.
const strange = "translate"

// askStrangely appends what a gateway of a newer release would: a command with a verb that this one has no row for.
func (b *testBench) askStrangely(schema int) uint64 {
	b.t.Helper()
	last, err := b.log.JetStream().Stream(b.t.Context(), storelog.Stream)
	if err != nil {
		b.t.Fatal(err)
	}
	raw, err := last.GetLastMsgForSubject(b.t.Context(), "store."+string(id)+".event")
	if err != nil {
		b.t.Fatal(err)
	}
	var body map[string]map[string]any
	if err := json.Unmarshal(raw.Data, &body); err != nil {
		b.t.Fatal(err)
	}
	body["state"]["schema"], body["state"]["verb"], body["state"]["generation"] = schema, strange, 0
	msg := nats.NewMsg("store." + string(id) + ".command.apply")
	if msg.Data, err = json.Marshal(body); err != nil {
		b.t.Fatal(err)
	}
	for name, values := range raw.Header {
		// Without the fence of the message that it is made from.
		if strings.HasPrefix(name, "ce-") && name != "ce-causationid" {
			msg.Header[name] = values
		}
	}
	msg.Header["ce-type"], msg.Header["ce-id"] = []string{"storeplatform.store." + strange + ".v1"}, []string{"strange"}
	msg.Header["ce-readableby"] = []string{strconv.Itoa(store.Schema)}
	answer, err := b.nc.RequestMsg(msg, patience)
	if err != nil {
		b.t.Fatal(err)
	}
	var stored struct{ Seq uint64 }
	if err := json.Unmarshal(answer.Data, &stored); err != nil || stored.Seq == 0 {
		b.t.Fatalf("the broker says %s: %v", answer.Data, err)
	}
	return stored.Seq
}

// A settled command is gone from the queue for good, and a newer release that knows its verb would never hear of it.
func TestACommandOfAVerbThatNobodyHereKnowsIsLeftToOthers(t *testing.T) {
	for name, schema := range map[string]int{"in this schema": store.Schema, "in a later one": store.Schema + 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			// One slot: what comes behind is worked on when this was looked at.
			b.start(provisioner(step("only", succeed)), Config{Name: "provisioner", Commands: storelog.ApplyCommands, Slots: 1})
			b.command(store.Create)
			b.awaitType(store.BecameReady)
			seq := b.askStrangely(schema)
			behind := store.DeriveID("tenant", "behind")
			b.commandFor(behind, store.Create)
			history := b.await(func(e storelog.Entry) bool {
				return e.Message.Store == behind && e.Message.Type == store.BecameReady
			})
			for _, e := range history {
				if e.Message.Store == id && e.Message.Seq > seq {
					t.Errorf("%s was said of it", e.Message.Type)
				}
			}
			b.awaitLeftInQueue(seq)
		})
	}
}

// awaitLeftInQueue waits until all but one command is settled: the broker hears of an end a moment after the log.
func (b *testBench) awaitLeftInQueue(seq uint64) {
	b.t.Helper()
	waittest.Eventually(b.t, func() error {
		consumer, err := b.log.JetStream().Consumer(b.t.Context(), storelog.Stream, "provisioner")
		if err != nil {
			return err
		}
		if is := consumer.CachedInfo(); is.NumPending != 0 || is.NumAckPending != 1 || is.AckFloor.Stream >= seq {
			return fmt.Errorf("%d to come, %d on their way, all before %d settled; it is %d",
				is.NumPending, is.NumAckPending, is.AckFloor.Stream, seq)
		}
		return nil
	})
}

// What a newer release has asked for can be called off by a delete all the same, as long as this one may append behind it.
func TestADeleteOvertakesAVerbThatNobodyHereKnows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.provision(provisioner(step("only", succeed)))
	b.start(&hand{steps: []Step{step("namespace", succeed)}, terminal: store.BecameDeleted}, Config{Name: "janitor", Commands: storelog.DeleteCommands})
	b.command(store.Create)
	b.awaitType(store.BecameReady)
	seq := b.askStrangely(store.Schema)
	b.command(store.Delete)
	history := b.await(func(e storelog.Entry) bool { return e.State.Status == store.Deleted && len(e.State.Open) == 0 })
	if !slices.ContainsFunc(history, func(e storelog.Entry) bool {
		return e.Message.Type == store.Superseded && e.Message.Generation == seq
	}) {
		t.Error(typesOf(history))
	}
	b.awaitAcknowledged(seq)
}
