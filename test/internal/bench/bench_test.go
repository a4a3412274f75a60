package bench

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/engine"
)

func TestAFleetOfNoStoresIsRefusedInWords(t *testing.T) {
	for _, standing := range [][]int{nil, {0}, {100, -1}} {
		if err := Run(t.Context(), io.Discard, io.Discard, Options{Standing: standing}); !errors.Is(err, errStanding) {
			t.Errorf("%v: %v", standing, err)
		}
	}
}

func TestAnEngineThatCantBeMeasuredKeepsNoOtherFromTheTable(t *testing.T) {
	packs := []engine.Pack{{Name: "medusa"}, {Name: "woocommerce"}}
	measured := func(failing ...string) (table string, failed error) {
		l := &lab{out: io.Discard}
		row := l.measure(t.Context(), row{"idle", func(b *bench) {
			b.eachOf(packs, func(b *bench, pack engine.Pack) {
				for _, name := range failing {
					if name == pack.Name {
						b.Fatalf("it can't be made: no plugin\nin 7 lines")
					}
				}
				b.report(line{what: "stores of " + pack.Name, platform: "3 m"})
			})
		}})
		var out bytes.Buffer
		printTable(&out, []*bench{row})
		return out.String(), row.failure()
	}
	table, err := measured("woocommerce")
	if err != nil {
		t.Errorf("one of two engines failed the row: %v", err)
	}
	for _, want := range []string{"stores of medusa", "idle of woocommerce", "it can't be made: no plugin"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table doesn't say %q:\n%s", want, table)
		}
	}
	if strings.Contains(table, "in 7 lines") {
		t.Errorf("it takes more than a line to say why:\n%s", table)
	}
	if _, err := measured("medusa", "woocommerce"); err == nil {
		t.Error("a row without anything measured hasn't failed")
	}
}
