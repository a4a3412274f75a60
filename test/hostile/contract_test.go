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

// compared is the password that somebody has, which is held against what is said, if anything takes it, and is none of many texts.
const compared = "current"

// ofTrial is the engine of the store that the places are tried on.
const ofTrial = "sample"

// trial is what the places are tried on.
type trial struct {
	*site
	t   *testing.T
	log *storelog.Log
	// usual is the status of an operation's request in which nothing is odd.
	usual int
}

// What clients are told of requests is the OpenAPI document, so it says what is tried: a new property is tried by itself. In both modes
// all is asked by somebody who may ask for it.
func TestEveryPlaceOfEveryRequestTakesOrNamesWhatIsOdd(t *testing.T) {
	log, done, err := platform.OpenLog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	for mode, site := range map[string]*site{"open": outdoors(t), "accounts": settle(t)} {
		doc := get[document](t, site.gateway, "/openapi.json")
		engines := get[struct{ Engines []engine }](t, site.gateway, "/engines").Engines
		if len(engines) < 2 {
			t.Fatalf("engines are %v", engines)
		}
		for _, op := range doc.operations() {
			places := doc.places(t, op, engines)
			t.Run(mode+" "+op.Method+" "+op.Path, func(t *testing.T) {
				b := &trial{site: site, t: t, log: log}
				b.tryAll(places)
			})
		}
	}
}

func (b *trial) tryAll(places []place) {
	b.stay(b.t)
	usual := b.mustSend(b.t, places[0].with(b, "", ""))
	b.usual = usual.status
	if why := usual.breaks(places[0].operation); why != "" {
		b.t.Errorf("a request in which nothing is odd: %s: %v", why, usual)
	}
	b.stay(b.t)
	for _, p := range places[1:] {
		b.tryTexts(p)
		b.tryBeyond(p)
		if p.in == "body" && !strings.HasSuffix(p.name, element) {
			b.tryNames(p)
		}
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
		b.judge(p, text.name, p.with(b, p.name, said), p.name, text.wrong && p.name != compared || !p.schema.is("string"))
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
	a, err := b.send(b.t.Context(), r)
	complain := func(format string, args ...any) {
		b.t.Errorf("%s in %s %q: %s: %v", what, p.in, field, fmt.Sprintf(format, args...), a)
	}
	switch why := a.breaks(p.operation); {
	case err != nil:
		complain("no answer: %v", err)
	case why != "":
		complain("%s", why)
	case !a.refuses() && wrong:
		complain("it is taken")
	case a.refuses() && b.head() != before:
		complain("it was refused and is in the log")
	case a.refuses() && !p.namedBy(a, field) && (wrong || a.status != b.usual):
		complain("nobody hears what is wrong")
	}
}

// ofAll are refusals of a whole request: nobody is told more than that, or it is no HTTP, or there is no such thing at this gateway.
var ofAll = []string{"body_too_large", "headers_too_large", "accounts_off", "sign_in_refused", "link_unknown"}

// secrets are places of what somebody was given, which is theirs or nobody's, with what whoever says another is answered.
var secrets = map[string]int{"invite": http.StatusNotFound, "ticket": http.StatusUnauthorized}

// namedBy says whether a refusal names the field. What is no id is nobody's, and a browser that comes from a provider is led to the page.
func (p place) namedBy(a answer, field string) bool {
	refused := a.problem()
	switch {
	case refused.names(field), slices.Contains(ofAll, refused.Code), a.leadsBack(), secrets[p.name] == a.status:
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
	r := request{method: p.Method, target: b.fill(p.Path), header: slices.Clone(b.header)}
	switch {
	case field == "":
	case p.in == "path":
		before, behind, _ := strings.Cut(p.Path, "{"+p.name+"}")
		r.target = b.fill(before) + escape(said) + b.fill(behind)
	case p.in == "query":
		r.target += "?" + p.name + "=" + escape(said)
	case p.in == "header":
		r.header = append(r.header, p.name+": "+said)
	}
	// Of operators: all others are refused whatever they say.
	if (strings.HasSuffix(p.Path, "/transfer") || p.Path == "/audit" || p.Path == "/usage") && b.gateway == open {
		r.header = append(r.header, byKey...)
	}
	if len(p.RequestBody.Content) > 0 {
		r.body = b.anew(b.t, p.bodyWith(field, said))
	}
	if _, upgrades := p.Responses["101"]; upgrades {
		r.header = append(r.header, upgrade...)
	}
	return b.from(r)
}

// escaped are texts as they stand in a path or a query. A megabyte is said in some hundred places, and takes long to escape with the race detector.
var escaped = map[string]string{}

// escape is of use in both: PathEscape leaves what a query takes for something else.
func escape(said string) string {
	text, done := escaped[said]
	if !done {
		text = strings.ReplaceAll(url.QueryEscape(said), "+", "%20")
		escaped[said] = text
	}
	return text
}

// upgrade is how a client asks for a WebSocket.
var upgrade = []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="}

// bodyWith writes JSON by hand, since no library writes what is tried here.
func (p place) bodyWith(field, said string) []byte {
	members := []string{}
	for _, name := range slices.Sorted(maps.Keys(p.body)) {
		members = append(members, strconv.Quote(name)+":"+p.body[name])
	}
	outer, inner, nested := strings.Cut(field, ".")
	list, isList := strings.CutSuffix(field, element)
	switch {
	case p.in != "body":
	case nested:
		members = append(members, `"`+outer+`":{"`+inner+`":`+said+"}")
	case isList:
		members = append(members, `"`+list+`":[`+said+"]")
	default:
		members = append(members, `"`+field+`":`+said)
	}
	return []byte("{" + strings.Join(members, ",") + "}")
}
