package store_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
)

var update = flag.Bool("update", false, "write docs/verbs.md anew")

const verbsPage = "../../docs/verbs.md"

// inOrder is how a reader meets them.
var inOrder = []store.Verb{
	store.Create, store.Update, store.Suspend, store.Resume, store.Retry, store.Mend, store.Refresh, store.Delete,
}

const verbsHead = `# Verbs

What may be asked of a store. The table is [store.Verbs](../pkg/store/verbs.go), which admission, the fold, the workers and the sweeps read; this
page is written from it by a test (` + "`go test . -run Document -update` in pkg/store" + `).

One operation runs per store. Only ` + "`delete`" + ` interrupts any; what the platform has asked for by itself makes way for whatever somebody asks for. A
failure before the point of no return leaves the store as it stood; what was wanted is kept with the failure, and ` + "`retry`" + ` tries it again. Where a verb
has none, that holds for all of it. ` + "`cancel`" + ` is no verb: it ends the operation in flight, as failed with the reason ` + "`Cancelled`" + `. A
new name, another lifetime and another owner are no operations either; they are true as soon as they are said.

| verb | what it does | asked of a store that is | whose hand | what success leaves | since write level |
|---|---|---|---|---|---|
`

func verbsDocument() []byte {
	var page bytes.Buffer
	page.WriteString(verbsHead)
	for _, verb := range inOrder {
		row := store.Verbs[verb]
		fmt.Fprintf(&page, "| `%s` | %s | %s | %s | %s | %d |\n", verb, row.Does, asked(row), row.Hand, leaves(row), row.Schema)
	}
	page.WriteString("\nSteps, in order, under the names that they have in the log:\n\n| verb | steps | point of no return | a retry |\n|---|---|---|---|\n")
	for _, verb := range inOrder {
		row := store.Verbs[verb]
		if verb == store.Retry {
			continue
		}
		fmt.Fprintf(&page, "| `%s` | %s | %s | %s |\n", verb, strings.Join(row.Steps, ", "), orNone(row.NoReturn), again(row))
	}
	page.WriteString("\nWhat a sweep does with a command that nobody has worked on, and who need know of a failure:\n\n" +
		"| verb | is sent again as | makes way for others | a failure waits for somebody |\n|---|---|---|---|\n")
	for _, verb := range inOrder {
		row := store.Verbs[verb]
		fmt.Fprintf(&page, "| `%s` | `%s` | %s | %s |\n", verb, row.Resend, yes(row.Yields), yes(!row.Forgets && verb != store.Delete))
	}
	page.WriteString("\nA deletion never fails. After five attempts it is told as stuck, and goes on.\n")
	return page.Bytes()
}

func asked(row store.Row) string {
	switch row.Verb {
	case store.Create:
		return "not there yet"
	case store.Retry:
		return "whatever what failed is asked of"
	}
	var all []string
	for _, s := range row.From {
		all = append(all, string(s))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func leaves(row store.Row) string {
	switch {
	case row.Verb == store.Retry:
		return "what the verb that failed leaves"
	case row.Leaves == "":
		return "up, or suspended as it was"
	}
	return string(row.Leaves)
}

func again(row store.Row) string {
	if row.Recorded {
		return "doesn't ask recorded steps again"
	}
	return "looks at the world at each step"
}

func orNone(step string) string {
	if step == "" {
		return "none"
	}
	return step
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

func TestTheDocumentOfVerbsIsTheirTable(t *testing.T) {
	for verb := range store.Verbs {
		if verb != rebuild && !slices.Contains(inOrder, verb) {
			t.Errorf("the document leaves out %s", verb)
		}
	}
	want := verbsDocument()
	if *update {
		if err := os.WriteFile(verbsPage, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(verbsPage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/verbs.md isn't what the table says; run go test . -run Document -update")
	}
}
