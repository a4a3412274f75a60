package password

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/alexedwards/argon2id"
)

func TestAPasswordIsTold(t *testing.T) {
	h := NewHasher()
	hash, err := h.Hash(t.Context(), "a long sentence")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%q, %v", hash, err)
	}
	old := params
	old.Iterations = 1
	oldHash, err := argon2id.CreateHash("a long sentence", &old)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, password, hash string
		right, stale         bool
	}{
		{"the right one", "a long sentence", hash, true, false},
		{"a wrong one", "another sentence", hash, false, false},
		{"of other parameters", "a long sentence", oldHash, true, true},
		{"a wrong one of other parameters", "another sentence", oldHash, false, false},
		// What nobody's hash is of.
		{"nobody's", "", "", false, false},
	} {
		before := h.Made()
		right, stale, err := h.Check(t.Context(), c.password, c.hash)
		if right != c.right || stale != c.stale || err != nil || h.Made() != before+1 {
			t.Errorf("%s: %t, %t, %v with %d hashes", c.name, right, stale, err, h.Made()-before)
		}
	}
	if have, salt, key, err := argon2id.DecodeHash(h.nobodys); err != nil || *have != params || len(salt) != 16 || len(key) != 32 {
		t.Errorf("nobody's hash is %q (%v)", h.nobodys, err)
	}
	for _, bad := range []string{"x", "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$RdescudvJCs", "$argon2id$v=19$m=64,t=0,p=0$c29tZXNhbHQ$RdescudvJCs"} {
		if right, _, err := h.Check(t.Context(), "a long sentence", bad); right || err == nil || strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %t, %v", bad, right, err)
		}
	}
}

// Of a crowd as many as there is room for get their turn, and the others are told at once.
func TestACrowdIsBounded(t *testing.T) {
	h := NewHasher()
	for range atOnce {
		h.turns <- struct{}{}
		h.queued.Add(1)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range waiting {
		all.Go(func() {
			if _, err := h.Hash(ctx, "a long sentence"); !errors.Is(err, context.Canceled) {
				t.Errorf("who waits is told %v", err)
			}
		})
	}
	for h.queued.Load() < atOnce+waiting {
		runtime.Gosched()
	}
	if _, err := h.Hash(t.Context(), "a long sentence"); !errors.Is(err, ErrBusy) {
		t.Errorf("one more is told %v", err)
	}
	cancel()
	all.Wait()
	if h.Made() != 0 || h.queued.Load() != atOnce {
		t.Errorf("%d were made, %d are in the queue", h.Made(), h.queued.Load())
	}
	<-h.turns
	if _, err := h.Hash(t.Context(), "a long sentence"); err != nil {
		t.Errorf("behind the crowd: %v", err)
	}
}

func TestWhatIsGuessedFirstIsNotTaken(t *testing.T) {
	const email = "Merchant.One@example.com"
	for password, taken := range map[string]bool{
		"correct horse": true, "ten-chars!": true, "nine-char": false, "": false, strings.Repeat("x", 10): false, "abcabcabcabc": false,
		"Password123": false, "QWERTYUIOP": false, "merchant.one@EXAMPLE.com": false, "merchant.one": false,
		strings.Repeat("aé", 64): false, "日本語のパスワードです": true, strings.Repeat("ab cd ef gh ij", 9) + "k": true,
		strings.Repeat("ab cd ef gh ij", 9) + "klm": false, "with\x00nothing": false, "half\xffa character": false,
		// Ten characters of twenty code points, which is what is counted when it is normal, and nine.
		"e\u0301e\u0302e\u0300aouixyz": true, "e\u0301e\u0302e\u0300aouixy": false,
	} {
		if why := Unfit(password, email); (why == "") != taken {
			t.Errorf("%q: %q", password, why)
		}
	}
	if Normal("e\u0301") != Normal("\u00e9") {
		t.Error("two keyboards write two passwords")
	}
}
