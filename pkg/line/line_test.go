package line

import "testing"

func TestWhatCanBeShownFits(t *testing.T) {
	for _, text := range []string{
		"", "Amber Harbour", "Ærø & Søn, № 5 – “tea”", "日本\u3000商店", "prix\u00a0fixe", "thin\u2009space",
		"می\u200cخواهم", "ක්\u200dෂ", "👩\u200d💻 ❤\ufe0f", "עברית العربية",
	} {
		if !Fits(text) {
			t.Errorf("%q is refused", text)
		}
	}
	for name, text := range map[string]string{
		"NUL": "a\x00b", "line break": "a\nb", "tabulator": "a\tb", "escape": "a\x1b[31mb", "C1 control": "a\u0085b",
		"line separator": "a\u2028b", "paragraph separator": "a\u2029b",
		"override": "a\u202eb", "embedding": "a\u202ab", "end of direction": "a\u202cb", "isolate": "a\u2067b",
		"left-to-right mark": "a\u200eb", "right-to-left mark": "a\u200fb", "Arabic mark": "a\u061cb",
		"space without width": "a\u200bb", "byte order mark": "\ufeffa", "soft hyphen": "a\u00adb", "tag": "a\U000e0041b",
		"private use": "a\ue000b", "no character": "a\ufffeb", "no character of a later plane": "a\U0001ffffb",
		"replacement": "a\ufffdb", "no UTF-8": "a\xffb", "half a pair": "a\xed\xa0\x80b",
	} {
		if Fits(text) {
			t.Errorf("%s: %q is taken", name, text)
		}
	}
}

func TestWhatShowsNothingIsEmpty(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "  ": "", "\u00a0\u3000\u2003": "", "\u200d": "", " \u200c\u200d ": "", "\u3164": "", "\u2800 \ufe0f": "", "\n": "",
		" Tea ": "Tea", "\u3000茶\u3000": "茶", "\u200dTea\u200c \n": "Tea", "a \u200d b": "a \u200d b", "❤\ufe0f": "❤\ufe0f",
		// Not empty, but wrong.
		"\x00": "\x00", " \u202e ": "\u202e",
	} {
		if got := Trim(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
