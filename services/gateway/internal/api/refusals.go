package api

import (
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/services/gateway/internal/known"
	"github.com/store-platform/store-platform/services/gateway/internal/limits"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// refusals are codes of problems by which a request may be answered.
type refusals []problem.Code

// What the parts refuse that handlers call: a route names these, and beside them what it alone refuses. What the door, the guard and
// the limits refuse is named by no route, as it stands before them all (shared).
var (
	ofStore  = refusals{problem.NotFound, problem.StoreUnreadable, problem.NewerSchema, problem.BrokerUnavailable}
	ofCounts = refusals{problem.ProjectionUnavailable, problem.BrokerUnavailable}
	ofLists  = slices.Concat(ofCounts, refusals{problem.InvalidCursor})
	// ofWriting is behind ofStore: what else a message may meet on its way into the log.
	ofWriting = refusals{problem.ConflictChanged, problem.LogFull}
	// ofCommand is what may keep a store from being asked for something.
	ofCommand = slices.Concat(ofStore, ofWriting, refusals{problem.StoreDeleted, problem.ConflictInFlight, problem.Upgrading, problem.TooManyCommands})
	// ofAnswer is what may keep a dead letter from being answered.
	ofAnswer = slices.Concat(ofStore, ofWriting, refusals{problem.NoDeadLetter, problem.ProjectionUnavailable, problem.Upgrading, problem.TooManyCommands})
	// ofAct is of what is done about accounts and tenants: each is told to the audit.
	ofAct = refusals{problem.BrokerUnavailable, problem.ConflictChanged, problem.AuditFull}
	// ofPassword is where one is compared, or made.
	ofPassword = refusals{problem.SignInRefused, problem.TooManyGuesses, problem.Busy}
	// ofMail is where letters are counted as guesses are.
	ofMail = refusals{problem.TooManyGuesses, problem.Busy}
)

// everyRoute is what a request is refused with wherever it goes: as HTTP, by the door of either mode, and as no plain one.
var everyRoute = refusals{
	problem.InvalidRequest, problem.ForwardedUnreadable, problem.AdminKeyWrong, problem.ForeignHost, problem.ForeignOrigin, problem.ProxyNotTrusted,
	problem.RequestTimeout, problem.BodyTooLarge, problem.UnsupportedEncoding, problem.InvalidField, problem.HeadersTooLarge, problem.Internal,
}

// What the document is made from of an operation, beside what huma has found out itself.
const (
	does    = "does"
	refuses = "refuses"
	// uncounted marks what costs nobody a request.
	uncounted = "uncounted"
)

func actionOf(op *huma.Operation) rights.Action { return op.Metadata[does].(rights.Action) }

// shared is what an operation is refused with before its handler is asked.
func shared(op *huma.Operation) refusals {
	all, do := slices.Clone(everyRoute), actionOf(op)
	if op.Method != http.MethodGet {
		all = append(all, problem.InvalidJSON, problem.UnsupportedMediaType)
	}
	if op.Metadata[uncounted] == nil {
		all = append(all, problem.TooManyRequests)
	}
	if do.TakesAccounts() {
		all = append(all, problem.AccountsOff)
	}
	if do.Open() {
		return all
	}
	// Who asks is looked up, and in which tenant.
	all = append(all, problem.BrokerUnavailable, problem.NotFound, problem.AccountsUnconfirmed)
	for _, who := range askers(do) {
		if err := rights.Check(who, do); err != nil {
			all = append(all, known.Problem(err).Code)
		}
	}
	return all
}

// askers are such as each kind of principal may be, for rights to say of an action what becomes of them.
func askers(do rights.Action) []principal.Principal {
	const tenant = "t-4kq7wmzc3e"
	from := netip.IPv6Loopback()
	all := []principal.Principal{{}, principal.Key(from, ""), principal.Key(from, tenant)}
	if !do.TakesAccounts() {
		all = append(all, principal.Client(from, tenant, false), principal.AtMachine(from, tenant))
	}
	for _, operator := range []bool{false, true} {
		for _, role := range principal.Roles {
			in := principal.Place{Tenant: tenant, Role: role}
			all = append(all, principal.Person(from, "a", "s", operator, in), principal.Bearer(from, "a", "t", operator, principal.TokenScopes, in),
				principal.Bearer(from, "a", "t", operator, nil, in))
		}
	}
	return all
}

// security says how who may do something says who they are: by one of these. What is open to all says nothing.
func security(do rights.Action) []map[string][]string {
	if do.Open() {
		return nil
	}
	var alone, signedIn, key bool
	for _, who := range askers(do) {
		if !rights.May(who, do) {
			continue
		}
		switch who.Kind() {
		case principal.ByAddress, principal.AtHand:
			alone = true
		case principal.BySession:
			signedIn = true
		default:
			key = true
		}
	}
	var all []map[string][]string
	if signedIn {
		all = append(all, map[string][]string{bySession: {}}, map[string][]string{bySecureSession: {}})
	}
	if key {
		all = append(all, map[string][]string{byBearer: {}}, map[string][]string{byKey: {}})
	}
	if alone {
		all = append(all, map[string][]string{})
	}
	return all
}

// describeRefusals documents of each operation every code that it may be answered with. What several say of a status in the same words stands once,
// among the components: a document that says it each time is twice as long, and is read by nobody.
func describeRefusals(doc *huma.OpenAPI) {
	doc.Components.Responses, doc.Components.Examples = map[string]*huma.Response{}, map[string]*huma.Example{}
	for _, op := range operationsOf(doc) {
		maps.DeleteFunc(op.Responses, func(status string, _ *huma.Response) bool { return status >= "4" })
		for status, codes := range byStatus(slices.Concat(shared(op), op.Metadata[refuses].(refusals))) {
			name := nameOf(status, codes)
			if doc.Components.Responses[name] == nil {
				doc.Components.Responses[name] = refusal(doc, codes)
			}
			op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + name}
		}
	}
}

// common are everyRoute's by their status.
var common = byStatus(everyRoute)

// nameOf names a refusal by its status and, behind a dot each, by its codes beside those that every route has.
func nameOf(status int, codes refusals) string {
	name := strings.ReplaceAll(http.StatusText(status), " ", "")
	for _, code := range codes {
		if !slices.Contains(common[status], code) {
			name += "." + string(code)
		}
	}
	return name
}

func byStatus(codes refusals) map[int]refusals {
	by := map[int]refusals{}
	for _, code := range codes {
		by[code.Status()] = append(by[code.Status()], code)
	}
	for status, codes := range by {
		slices.Sort(codes)
		by[status] = slices.Compact(codes)
	}
	return by
}

// refusal has an example of each code: so a program finds them, too.
func refusal(doc *huma.OpenAPI, codes refusals) *huma.Response {
	examples, said := map[string]*huma.Example{}, make([]string, len(codes))
	for i, code := range codes {
		name := string(code)
		examples[name] = &huma.Example{Ref: "#/components/examples/" + name}
		doc.Components.Examples[name] = &huma.Example{Summary: code.Title(), Value: problem.New(code, code.Title()+".")}
		said[i] = "`" + name + "`: " + code.Title()
	}
	answer := &huma.Response{
		Description: strings.Join(said, "; "),
		Content:     map[string]*huma.MediaType{problem.ContentType: {Schema: schemaOf[problem.Problem](doc), Examples: examples}},
	}
	for name := range problem.New(codes[0], "").GetHeaders() {
		refer(answer, name)
	}
	if codes[0].Status() == http.StatusTooManyRequests {
		refer(answer, limits.HeaderPolicy, limits.HeaderLimit)
	}
	return answer
}
