package sources_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/store-platform/store-platform/pkg/store"
)

// reader has the page say what it says of each step of each verb: while it is done, when it is, and where it failed.
const reader = `
import { eventWords, failureWords, progressOf } from "./words.js"
const all = {}
for (const [verb, steps] of Object.entries(JSON.parse(process.argv[1])))
	all[verb] = steps.map((step, n) => {
		const doing = { operation: verb, status: { create: "Provisioning", resume: "Suspended", delete: "Deleting" }[verb] || "Ready",
			steps: steps.slice(0, n), lastOperation: { verb: "retry", of: verb } }
		return [progressOf(doing), eventWords({ type: "step_completed", verb, facts: { step } }).title, failureWords({ verb, step })]
	})
console.log(JSON.stringify(all))
`

// pageSays has the page's words answer a script that is told something.
func pageSays[A any](t *testing.T, script string, told any) (answer A) {
	t.Helper()
	needs(t, "node")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../services/gateway/internal/page/static")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"type": "module"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "node", "--input-type=module", "--eval", script, string(encoded))
	command.Dir = dir
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if err := json.Unmarshal(output, &answer); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return answer
}

// The steps of all verbs have the same names, and only one of these verbs makes a store.
func TestWhatThePageSaysOfAStepFitsItsVerb(t *testing.T) {
	steps := map[store.Verb][]string{}
	for verb, row := range store.Verbs {
		if len(row.Steps) > 0 {
			steps[verb] = row.Steps
		}
	}
	all := pageSays[map[store.Verb][][3]string](t, reader, steps)
	for verb, said := range all {
		for n, step := range said {
			name := steps[verb][n]
			if strings.HasPrefix(step[1], name) || strings.Contains(step[2], "“"+name) || strings.Contains(step[0], "Almost there") {
				t.Errorf("%s has no words for %s: %q", verb, name, step)
			}
			if makes := strings.Contains(step[1], "made") || strings.Contains(step[1], "enerated"); makes && verb != store.Create {
				t.Errorf("%s says of %s that it made something: %q", verb, name, step[1])
			}
		}
	}
	want := [][3]string{
		{"Suspending: Looking after its namespace", "Its namespace is as it should be", "Suspending the store failed at “Namespace”."},
		{"Suspending: Looking whether it is closed off from the others", "It is closed off from other stores", "Suspending the store failed at “Isolation”."},
		{"Suspending: Looking for its passwords", "Its passwords are kept", "Suspending the store failed at “Passwords”."},
		{"Suspending: Stopping it", "Its parts were told to stop", "Suspending the store failed at “Release”."},
		{"Suspending: Waiting for its parts to stop", "Its parts have stopped", "Suspending the store failed at “Stop”."},
		{"Suspending: Asking whether its page says so", "Its page says so", "Suspending the store failed at “Sign”."},
	}
	if diff := cmp.Diff(want, all[store.Suspend]); diff != "" {
		t.Errorf("of a suspension (-want +got):\n%s", diff)
	}
}

// An events service of the release before says of an operation what is in flight, and its feed reaches the page as it is.
func TestThePageHasWordsForStoresOfAnOlderFeed(t *testing.T) {
	const script = `
import { currentStep, doing, eventWords, progressOf, stepTitle } from "./words.js"
console.log(JSON.stringify(JSON.parse(process.argv[1]).map((store) => {
  const step = currentStep(store)
  const event = { type: "step_completed", facts: { step } }
  return [progressOf(store), stepTitle(step, doing(store)), eventWords(event).title]
})))
`
	old := func(status store.Status, operation store.Verb, steps ...string) map[string]any {
		return map[string]any{"status": status, "operation": operation, "steps": append([]string{}, steps...)}
	}
	got := pageSays[[][3]string](t, script, []any{
		old(store.Provisioning, store.Retry, "namespace", "isolation"), old(store.Degraded, store.Mend), old(store.Deleting, store.Delete, "namespace"),
	})
	want := [][3]string{
		{"Generating passwords", "Passwords", "Its passwords are kept"},
		{"Mending: Looking after its namespace", "Namespace", "Its namespace is as it should be"},
		{"Being removed", "Quota", "Its place in the quota given back"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
