package sources_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// answer is what a Medusa shop's check says, and what asking has cost until then: looks at the database, and lines in the log.
type answer struct {
	Status int    `json:"status"`
	Cause  string `json:"cause"`
	Looks  int    `json:"looks"`
	Lines  int    `json:"lines"`
}

// asker asks the shop's check after each step's seconds, with servers that answer as the step says: a number of PostgreSQL's, or
// Redis's words. The shop's own connections aren't handed to it: in a sale they are all taken.
const asker = `
const route = require(process.cwd() + "/src/api/store-config/check/route.js")
let ahead = 0, lines = 0
const now = Date.now
Date.now = () => now() + ahead * 1000
const scope = { resolve: (name) => ({ logger: { warn: () => lines++ } })[name] }
const ask = () => new Promise((done) => {
	const res = { code: 200, set() {}, status(code) { this.code = code; return this },
		json(body) { done({ status: this.code, cause: body.cause ?? "", looks: shop.looks, lines }) } }
	route.GET({ scope }, res)
})
const asked = async () => {
	const answers = []
	for (const [after, refusals] of JSON.parse(process.argv[1])) {
		ahead += after
		Object.assign(shop, { database: "", redis: "" }, refusals)
		answers.push(await ask())
	}
	return JSON.stringify(answers)
}
asked().then(console.log)
`

// The servers' clients, as far as a check needs them.
const (
	pg = `global.shop = { looks: 0 }
exports.DatabaseError = class extends Error {}
exports.Client = class {
	on() {}
	async connect() {}
	async end() {}
	async query() {
		shop.looks++
		if (shop.database) throw Object.assign(shop.database === "gone" ? new Error() : new exports.DatabaseError(), { code: shop.database })
	}
}`
	ioredis = `module.exports = class {
	on() {}
	async set() {
		if (shop.redis) throw Object.assign(new Error(shop.redis), { name: shop.redis === "gone" ? "Error" : "ReplyError" })
	}
}`
)

// askMedusa answers what the check of a Medusa shop says to each step: seconds, and how its servers refuse.
func askMedusa(t *testing.T, steps ...[2]any) (answers []answer) {
	t.Helper()
	needs(t, "node")
	shop := t.TempDir()
	for _, part := range []string{"platform", "src"} {
		if err := os.CopyFS(filepath.Join(shop, part), os.DirFS(engines+"/medusa/image/shop/"+part)); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{"files/.keep": "", "node_modules/pg/index.js": pg, "node_modules/ioredis/index.js": ioredis} {
		file := filepath.Join(shop, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	told, err := json.Marshal(steps)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "node", "--eval", asker, string(told))
	command.Dir = shop
	command.Env = append(os.Environ(), "DATABASE_HOST=database", "DATABASE_NAME=shop", "DATABASE_USER=shop", "DATABASE_PASSWORD=secret",
		"REDIS_HOST=redis", "REDIS_PASSWORD=secret")
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if err := json.Unmarshal(output, &answers); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return answers
}

func database(number string) map[string]string { return map[string]string{"database": number} }
func redis(words string) map[string]string     { return map[string]string{"redis": words} }

// One look in a while, sooner where something is wrong, and a line for a cause and none for who asks.
func TestNobodyDrivesAMedusaShopsLooks(t *testing.T) {
	got := askMedusa(t,
		[2]any{0, redis("")},
		[2]any{5, database("25006")}, // what was well is still said
		[2]any{20, database("25006")},
		[2]any{0, redis("")},
		[2]any{1, database("25006")},
		[2]any{1, database("53100")},
		[2]any{1, redis("")},
	)
	want := []answer{
		{200, "", 1, 0}, {200, "", 1, 0}, {503, "DatabaseReadOnly", 2, 1}, {503, "DatabaseReadOnly", 2, 1},
		{503, "DatabaseReadOnly", 3, 1}, {503, "DatabaseFull", 4, 2}, {200, "", 5, 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAMedusaShopTellsWhatRefuses(t *testing.T) {
	cases := []struct {
		refusals map[string]string
		want     string
	}{
		{database("gone"), "DatabaseNotAnswering"},
		{database("57P03"), "DatabaseNotAnswering"},
		{database("42501"), "DatabaseNotWriting"},
		{redis("gone"), "RedisNotAnswering"},
		{redis("OOM command not allowed when used memory > 'maxmemory'."), "RedisFull"},
		{redis("MISCONF Errors writing to the AOF file: No space left on device"), "RedisFull"},
		{redis("MISCONF Errors writing to the AOF file: Input/output error"), "RedisNotWriting"},
	}
	var steps [][2]any
	for _, c := range cases {
		steps = append(steps, [2]any{1, c.refusals})
	}
	for i, got := range askMedusa(t, steps...) {
		if c := cases[i]; got.Status != 503 || got.Cause != c.want {
			t.Errorf("%v: %d %q, want %q", c.refusals, got.Status, got.Cause, c.want)
		}
	}
}
