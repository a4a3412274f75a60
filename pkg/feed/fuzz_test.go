package feed

import "testing"

// A cursor that is taken leads to the same place when it is sent back.
func FuzzCursor(f *testing.F) {
	for _, text := range []string{"", "-", "a-1", "a-b-1", "a--1", "a-01", "a-+1", "a-18446744073709551616", "\xff-1", "a-1\n", "-1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cursor, err := ParseCursor(text)
		if err != nil {
			return
		}
		if again, err := ParseCursor(cursor.String()); err != nil || again != cursor {
			t.Errorf("%q is %+v, and that %+v: %v", text, cursor, again, err)
		}
	})
}
