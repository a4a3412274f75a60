package directory

import (
	"regexp"
	"strings"
	"testing"
)

// key is what the broker takes for one of a bucket's, and stands for one value alone.
var key = regexp.MustCompile(`^[-a-z0-9]+(\.[-a-z0-9]+)?$`)

// What clients send becomes a key only where it is an id.
func FuzzKeys(f *testing.F) {
	for _, text := range []string{
		"", "t-4kq7wmzc3e", "a-mzqxk2lfna", "t-4kq7wmzc3>", "t-*", "t-4kq7wm.c3e", strings.Repeat("2", 30), strings.Repeat(".", 30), "si_4kq7wmzc3e7c2mdqx4zu_ABCDEFGHIJKLMNOPQRSTUVWXYZ",
		"si_" + strings.Repeat(">", 20) + "_ABCDEFGHIJKLMNOPQRSTUVWXYZ", "t-\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "t-ääääää",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var keys []string
		if kept, err := keyOfToken(text); err == nil {
			keys = append(keys, kept)
		}
		if tenant, id, _, err := partsOf(text); err == nil {
			keys = append(keys, inviteKey(tenant, id))
		}
		for _, prefix := range []string{tenantPrefix, accountPrefix, inviteID} {
			if isID(prefix, text) {
				keys = append(keys, text)
			}
		}
		if kept := tokensKey(text, "a-mzqxk2lfna"); kept != "" {
			keys = append(keys, kept)
		}
		for _, kept := range keys {
			if !key.MatchString(kept) {
				t.Errorf("%q becomes %q", text, kept)
			}
		}
	})
}
