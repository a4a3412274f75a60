package hostile

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/test/internal/release"
)

// text is what is said in a place for texts: as it stands in JSON and as bytes.
type text struct {
	name, json, bytes string
	// wrong are texts that nothing takes; others are taken or refused as the place sees fit.
	wrong bool
}

var texts = []text{
	{"NUL", `a\u0000b`, "a\x00b", true},
	{"a line break", `a\nb`, "a\nb", true},
	{"a direction override", `a\u202eb`, "a\u202eb", true},
	{"half a pair", `a\ud800b`, "a\xed\xa0\x80b", true},
	{"a megabyte", strings.Repeat("x", 1<<20), strings.Repeat("x", 1<<20), true},
	{"blanks", "   ", "   ", false},
	{"joiners", `a\u200db\u200cc`, "a\u200db\u200cc", false},
	{"joiners alone", `\u200d\u200c`, "\u200d\u200c", false},
	{"a wide space", `a\u3000b`, "a\u3000b", false},
}

// ofTrial is the engine of the store that the places are tried on.
const ofTrial = "sample"

// trial is what the places are tried on.
type trial struct {
	t   *testing.T
	log *storelog.Log
	// store is the id of one that exists.
	store string
	// usual is the status of an operation's request in which nothing is odd.
	usual int
}

// What clients are told of requests is the OpenAPI document, so it says what is tried: a new property is tried by itself.
func TestEveryPlaceOfEveryRequestTakesOrNamesWhatIsOdd(t *testing.T) {
	log, done, err := platform.OpenLog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	doc := get[document](t, "/openapi.json")
	engines := get[struct{ Engines []engine }](t, "/engines").Engines
	made := request{method: http.MethodPost, target: "/stores", body: []byte(`{"engine":"` + ofTrial + `"}`)}.mustSend(t)
	id, _, _ := strings.Cut(strings.TrimPrefix(string(made.body), `{"id":"`), `"`)
	if made.status != http.StatusAccepted || id == "" || len(engines) < 2 {
		t.Fatalf("a create is answered %v; engines are %v", made, engines)
	}
	for _, op := range doc.operations() {
		if op.takesAccounts() {
			continue
		}
		places := doc.places(t, op, engines)
		t.Run(op.Method+" "+op.Path, func(t *testing.T) {
			b := &trial{t: t, log: log, store: id}
			usual := places[0].with(b, "", "").mustSend(t)
			if b.usual = usual.status; b.usual >= 500 {
				t.Fatalf("a request in which nothing is odd is answered %v", usual)
			}
			for _, p := range places[1:] {
				b.tryTexts(p)
				b.tryBeyond(p)
				if p.in == "body" {
					b.tryNames(p)
				}
			}
		})
	}
}

func (b *trial) tryTexts(p place) {
	for _, text := range texts {
		said := text.bytes
		if p.in == "body" {
			said = `"` + text.json + `"`
		}
		// A line that breaks is no header but two.
		if p.in == "header" && strings.Contains(said, "\n") {
			continue
		}
		b.judge(p, text.name, p.with(b, p.name, said), p.name, text.wrong || !p.schema.is("string"))
	}
}

func (b *trial) tryBeyond(p place) {
	for _, value := range p.beyond() {
		said := value
		if p.in != "body" {
			said = strings.Trim(value, `"`)
		}
		b.judge(p, value, p.with(b, p.name, said), p.name, true)
	}
}

// tryNames says the property under another name that a careless reader takes for it, and twice.
func (b *trial) tryNames(p place) {
	last := p.name[strings.LastIndex(p.name, ".")+1:]
	for name, wrong := range map[string]string{"in another case": strings.ToUpper(last), "with a long s": strings.Replace(last, "s", "ſ", 1)} {
		if wrong != last {
			field := strings.TrimSuffix(p.name, last) + wrong
			b.judge(p, "its name "+name, p.with(b, field, p.good()), field, true)
		}
	}
	twice := p.good() + `,"` + last + `":` + p.good()
	b.judge(p, "its name twice", p.with(b, p.name, twice), p.name, true)
}

// judge sends the request and holds the answer against what every request is promised.
func (b *trial) judge(p place, what string, r request, field string, wrong bool) {
	b.t.Helper()
	before := b.head()
	a, err := r.send(b.t.Context())
	complain := func(format string, args ...any) {
		b.t.Errorf("%s in %s %q: %s: %v", what, p.in, field, fmt.Sprintf(format, args...), a)
	}
	switch {
	case err != nil:
		complain("no answer: %v", err)
	case a.status >= 500:
		complain("the platform's fault")
	case a.status < 400 && wrong:
		complain("it is taken")
	case a.status >= 400 && b.head() != before:
		complain("it was refused and is in the log")
	case a.status >= 400 && !p.namedBy(a, field) && (wrong || a.status != b.usual):
		complain("nobody hears what is wrong")
	}
}

// namedBy says whether a refusal names the field. That all is too large, or no HTTP, is said of the whole request; what is
// no id is no store's.
func (p place) namedBy(a answer, field string) bool {
	refused := a.problem()
	switch {
	case refused.names(field), refused.Code == "body_too_large", refused.Code == "headers_too_large":
		return true
	case p.in == "header":
		return a.status == http.StatusBadRequest
	default:
		return p.in != "body" && a.status == http.StatusNotFound
	}
}

func (b *trial) head() uint64 {
	b.t.Helper()
	head, err := b.log.Head(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return head
}

// with is the operation's request with the field as it is said, which is JSON in a body. No field is none.
func (p place) with(b *trial, field, said string) request {
	r := request{method: p.Method, target: strings.NewReplacer("{id}", b.store, "{n}", "1").Replace(p.Path)}
	switch {
	case field == "":
	case p.in == "path":
		r.target = strings.ReplaceAll(strings.ReplaceAll(p.Path, "{"+p.name+"}", url.PathEscape(said)), "{id}", b.store)
	case p.in == "query":
		r.target += "?" + p.name + "=" + url.QueryEscape(said)
	case p.in == "header":
		r.header = append(r.header, p.name+": "+said)
	}
	// Of operators: all others are refused whatever they say.
	if strings.HasSuffix(p.Path, "/transfer") {
		r.header = append(r.header, "X-Api-Key: "+release.AdminKey)
	}
	r.header = append(r.header, "Connection: close")
	if _, upgrades := p.Responses["101"]; upgrades {
		r.header[len(r.header)-1] = "Connection: Upgrade"
		r.header = append(r.header, "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
	}
	if len(p.RequestBody.Content) > 0 {
		r.body = p.bodyWith(field, said)
	}
	return r
}

// bodyWith writes JSON by hand, since no library writes what is tried here.
func (p place) bodyWith(field, said string) []byte {
	members := []string{}
	for _, name := range slices.Sorted(maps.Keys(p.body)) {
		members = append(members, strconv.Quote(name)+":"+strconv.Quote(p.body[name]))
	}
	switch {
	case p.in != "body":
	case p.option:
		members = append(members, `"options":{"`+strings.TrimPrefix(field, "options.")+`":`+said+"}")
	default:
		members = append(members, `"`+field+`":`+said)
	}
	return []byte("{" + strings.Join(members, ",") + "}")
}
