package store_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/store-platform/store-platform/pkg/store"
)

func TestATextIsCutInTheMiddleAndSaysSo(t *testing.T) {
	long := "It began so. " + strings.Repeat("ä€𝄞", 10_000) + " It ended so."
	cut := store.Bounded(long)
	if len(cut) > store.MaxText || len(cut) < store.MaxText-100 || !utf8.ValidString(cut) {
		t.Errorf("%d bytes are left of %d, valid: %v", len(cut), len(long), utf8.ValidString(cut))
	}
	if !strings.HasPrefix(cut, "It began so. ") || !strings.HasSuffix(cut, " It ended so.") || !strings.Contains(cut, "bytes left out") {
		t.Errorf("it reads %.40s…%s", cut, cut[len(cut)-40:])
	}
}

func TestBoundedTextsStayAsTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "part")
		text := strings.Repeat(part, rapid.IntRange(0, 2000).Draw(t, "times"))
		cut := store.Bounded(text)
		switch {
		case len(cut) > store.MaxText:
			t.Fatalf("%d bytes", len(cut))
		case len(text) <= store.MaxText && cut != text:
			t.Fatal("a short text was changed")
		case store.Bounded(cut) != cut:
			t.Fatal("what was cut is cut again")
		case utf8.ValidString(text) && !utf8.ValidString(cut):
			t.Fatal("a character was cut")
		}
	})
}
