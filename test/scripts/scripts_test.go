// Package scripts_test shows that the scripts fail where what they check isn't so. A platform that is wrong in one thing at a time
// can't be had from the real one: what answers here is a page of made-up answers, with one of them spoilt. That the scripts
// pass where all is well test/cluster shows, on a real platform.
package scripts_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/store-platform/store-platform/test/internal/repo"
)

// answers are those of a gateway and a shop where all is well, by method and path.
var answers = map[string]string{
	"POST /stores":                              `{"id":"a00000000001"}`,
	"GET /stores/a00000000001":                  `{"id":"a00000000001","status":"Ready","url":"http://store-a00000000001.localhost:1"}`,
	"GET /stores/a00000000001/credentials":      `[{"username":"merchant","password":"secret"}]`,
	"GET /stores/a00000000001/events":           `[{"type":"deleted"}]`,
	"DELETE /stores/a00000000001":               `{"id":"a00000000001"}`,
	"GET /":                                     "a shop",
	"GET /api/products":                         `[{"sku":"tea"}]`,
	"POST /api/orders":                          `{"id":"7"}`,
	"GET /api/orders, with the password":        `[{"id":"7"}]`,
	"GET /stores/a00000000001 after its delete": `{"id":"a00000000001","status":"Deleted"}`,
}

// stage answers as answers say, but for one.
type stage struct {
	spoilt, answer string
	// key is what passwords are told for; empty is to everybody.
	key string

	mu      sync.Mutex
	deleted bool
}

func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	about := r.Method + " " + r.URL.Path
	if _, password, _ := r.BasicAuth(); about == "GET /api/orders" && password == "secret" {
		about += ", with the password"
	}
	if s.deleted && r.Method == http.MethodGet && (about == "GET /stores/a00000000001" || r.URL.Path == "/") {
		about += " after its delete"
	}
	s.deleted = s.deleted || r.Method == http.MethodDelete
	answer, known := answers[about]
	if about == s.spoilt {
		answer, known = s.answer, s.answer != ""
	}
	if strings.HasSuffix(about, "/credentials") && r.Header.Get("X-Api-Key") != s.key {
		known = false
	}
	if !known {
		http.Error(w, `{"detail":"no"}`, http.StatusNotFound)
		return
	}
	_, _ = w.Write([]byte(answer))
}

// play runs a script against the stage and answers its exit code and what it said.
func play(t *testing.T, script string, s *stage, words ...string) (int, string) {
	t.Helper()
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	defer server.Close()
	command := exec.CommandContext(context.WithoutCancel(t.Context()), "bash", append([]string{filepath.Join("scripts", script)}, words...)...)
	command.Dir = root
	command.Env = append(os.Environ(), "STORE_API="+server.URL, "STORE_DOOR="+strings.TrimPrefix(server.URL, "http://"), "PATIENCE=1", "ADMIN_API_KEY="+s.key)
	output, err := command.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), string(output)
}

func TestTheScriptsPassWhereAllIsWell(t *testing.T) {
	t.Parallel()
	for script, words := range map[string][]string{"demo.sh": nil, "order.sh": {"a00000000001"}, "smoke.sh": nil} {
		for _, key := range []string{"", "of-the-operator"} {
			if code, said := play(t, script, &stage{key: key}, words...); code != 0 {
				t.Errorf("%s ended with %d, the key being %q:\n%s", script, code, key, said)
			}
		}
	}
}

func TestTheScriptsFailAndSayWhy(t *testing.T) {
	t.Parallel()
	const storePath = "GET /stores/a00000000001"
	for name, c := range map[string]struct{ script, spoilt, answer, why string }{
		"no store is made":           {"demo.sh", "POST /stores", "", "POST /stores: "},
		"a store without an id":      {"demo.sh", "POST /stores", `{}`, "an answer without an id"},
		"the store fails":            {"demo.sh", storePath, `{"status":"Failed","reason":"PluginMissing"}`, "failed: PluginMissing"},
		"the store never is Ready":   {"demo.sh", storePath, `{"status":"Queued"}`, "is Queued after 1 s, not Ready"},
		"a store without an address": {"demo.sh", storePath, `{"status":"Ready"}`, "has no URL"},
		"a shop that is away":        {"demo.sh", "GET /", "", "the shop doesn't answer"},
		"a shop without products":    {"order.sh", "GET /api/products", `[]`, "sells nothing"},
		"a shop that is shut":        {"order.sh", "GET /api/products", "", "the shop doesn't answer"},
		"an order that is refused":   {"order.sh", "POST /api/orders", "", "the order was refused"},
		"an order without a number":  {"order.sh", "POST /api/orders", `{}`, "without an id"},
		"a store without passwords":  {"order.sh", storePath + "/credentials", `[]`, "has no credentials"},
		"another password":           {"order.sh", storePath + "/credentials", `[{"username":"merchant","password":"other"}]`, "doesn't open"},
		"an order that is lost":      {"order.sh", "GET /api/orders, with the password", `[{"id":"6"}]`, "isn't in the list"},
		"a list open to everybody":   {"order.sh", "GET /api/orders", `[{"id":"7"}]`, "opens without a password"},
		"smoke, and no password":     {"smoke.sh", storePath + "/credentials", `[]`, "has no password"},
		"smoke, and a lost order":    {"smoke.sh", "GET /api/orders, with the password", `[]`, "isn't in the list"},
		"smoke, and no deletion":     {"smoke.sh", storePath + " after its delete", `{"status":"Deleting"}`, "is Deleting after 1 s, not Deleted"},
		"a shop that outlives":       {"smoke.sh", "GET / after its delete", "a shop", "the shop of a deleted store answers"},
		"a history that is lost":     {"smoke.sh", storePath + "/events", `[]`, "can't be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var words []string
			if c.script == "order.sh" {
				words = []string{"a00000000001"}
			}
			s := &stage{spoilt: c.spoilt, answer: c.answer}
			code, said := play(t, c.script, s, words...)
			if code != 1 || !strings.Contains(said, c.why) {
				t.Errorf("%s ended with %d, want 1 and %q:\n%s", c.script, code, c.why, said)
			}
			if made := c.script == "smoke.sh"; made && !s.deleted {
				t.Errorf("%s leaves its store", c.script)
			}
		})
	}
}
