package reason_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/reason"
)

var update = flag.Bool("update", false, "write docs/reasons.md anew")

const reasonsPage = "../../docs/reasons.md"

const reasonsHead = `# Reasons

Why a store is as it is: ` + "`reason`" + ` of a store, of its operation and of the events of its history. Beside it stand ` + "`message`" + `, a sentence for the merchant, and
` + "`detail`" + `, the cluster's own words with the names of what they are about; ` + "`GET /stores/{id}/explain`" + ` puts them in one chain with what led there. An engine's pack may
add reasons of its own (` + "`failures`" + ` in its engine.yaml), whose sentence says it all. The gateway shows this page at ` + "`/docs/reasons`" + `. It is written from
[one table](../pkg/reason/table.go) by a test (` + "`go test . -run Document -update` in pkg/reason" + `), and another holds the table against what the programs give (` + "`test/static`" + `).
`

func TestTheDocumentOfReasonsIsTheirTable(t *testing.T) {
	want := bytes.NewBufferString(reasonsHead)
	for _, e := range reason.All {
		fmt.Fprintf(want, "\n## %s\n\n%s\n\n**%s** %s\n", e.Name, e.Means, e.For.Begins(), e.Next)
	}
	if *update {
		if err := os.WriteFile(reasonsPage, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(reasonsPage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("docs/reasons.md isn't what the table says; run go test . -run Document -update")
	}
}

// Each says what is so, and what is to be done, in sentences; and is found by its name.
func TestEveryEntryOfTheTableIsWhole(t *testing.T) {
	if !slices.IsSortedFunc(reason.All, func(a, b reason.Entry) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the table isn't in order")
	}
	for _, e := range reason.All {
		for _, text := range []string{e.Means, e.Next} {
			if !strings.HasSuffix(text, ".") || strings.Count(text, "`")%2 != 0 {
				t.Errorf("%s says %q", e.Name, text)
			}
		}
		if found, ok := reason.Of(e.Name); !ok || found != e {
			t.Errorf("%s isn't found", e.Name)
		}
	}
	if e, ok := reason.Of("NobodyGivesThis"); ok {
		t.Errorf("found %+v", e)
	}
}
