package store_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
)

const reasonsPage = "../../docs/reasons.md"

const reasonsHead = `# Reasons

Why a store is as it is: ` + "`reason`" + ` of a store, of its operation and of the events of its history. Beside it stand ` + "`message`" + `, a sentence for the merchant, and
` + "`detail`" + `, the cluster's own words with the names of what they are about. An engine's pack may add reasons of its own (` + "`failures`" + ` in its engine.yaml), whose sentence
says it all. The table is [store.Reasons](../pkg/store/reasons.go); this page is written from it by a test (` + "`go test . -run Document -update` in pkg/store" + `).

`

var whose = map[store.Audience]string{
	store.ForMerchant: "For the merchant.", store.ForOperator: "For the operator.", store.ByItself: "Nobody need do anything.",
}

func reasonsDocument() []byte {
	var page bytes.Buffer
	page.WriteString(reasonsHead)
	for _, name := range slices.Sorted(maps.Keys(store.Reasons)) {
		r := store.Reasons[name]
		fmt.Fprintf(&page, "## %s\n\n%s\n\n**%s** %s\n\n", name, r.Means, whose[r.For], r.Next)
	}
	return append(bytes.TrimSpace(page.Bytes()), '\n')
}

func TestTheDocumentOfReasonsIsTheirTable(t *testing.T) {
	for name, r := range store.Reasons {
		if r.Means == "" || r.Next == "" || whose[r.For] == "" {
			t.Errorf("%s: %+v leaves something open", name, r)
		}
	}
	want := reasonsDocument()
	if *update {
		if err := os.WriteFile(reasonsPage, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(reasonsPage); err != nil {
		t.Fatal(err)
	} else if !bytes.Equal(got, want) {
		t.Error("docs/reasons.md isn't what the table says; run go test . -run Document -update")
	}
}
