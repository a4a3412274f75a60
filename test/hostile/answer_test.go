package hostile

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// mayCome are the codes of what may come by itself, and sometimes those of what sometimes does; all others are there the next time, too.
var (
	mayCome = []string{
		"request_timeout", "engine_unknown", "upgrading", "log_full", "audit_full", "broker_unavailable", "catalog_empty", "projection_unavailable",
		"feed_unavailable", "feed_full", "too_many_feeds", "too_many_requests", "too_many_commands", "too_many_guesses", "busy", "credentials_unavailable",
		clusterless, "logs_full", "too_many_logs", "newer_schema", "internal",
	}
	sometimes = []string{"conflict_in_flight", "conflict_changed", "not_ready"}
)

// ofAny are statuses of requests that are refused before anybody looks what they are for.
var ofAny = []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusRequestHeaderFieldsTooLarge}

// breaks says what an answer breaks of what is promised of an operation's; empty of one that keeps it.
func (a answer) breaks(op operation) string {
	if _, described := op.Responses[strconv.Itoa(a.status)]; !described && a.status < 500 && !slices.Contains(ofAny, a.status) {
		return "the document doesn't know the status"
	}
	return a.breaksAll(op.Method, op.Path)
}

// clusterless is what is answered where a provisioner would have to tell: there is no cluster here.
const clusterless = "cluster_unavailable"

// ofCluster are the last words of the paths where one has to; who asks for another part of a store is answered without.
var ofCluster = []string{"monitoring", "logs"}

// wantsCluster says whether a request can't be answered without a cluster, whatever else is odd about its path.
func wantsCluster(method, target string) bool {
	at, err := url.ParseRequestURI(target)
	return err == nil && (method == http.MethodGet || method == http.MethodHead) && strings.HasPrefix(at.Path, "/stores/") && slices.Contains(ofCluster, path.Base(at.Path))
}

// breaksAll says what an answer to a request breaks of what is promised of all of them. Nothing but a cluster is away that a gateway leans on, so no
// other refusal is the platform's.
func (a answer) breaksAll(method, target string) string {
	p := a.problem()
	later := p.Retryable && (a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable)
	switch {
	case a.status >= 500 && (p.Code != clusterless || !wantsCluster(method, target)):
		return "the platform's fault"
	case a.status < 400:
		return ""
	case a.header.Get("Content-Type") != "application/problem+json", p.Status != a.status, p.Type != "urn:store-platform:problem:"+p.Code,
		p.Code == "", p.Title == "", !strings.HasSuffix(p.Detail, "."):
		return "it is no whole problem"
	case p.Retryable != slices.Contains(mayCome, p.Code) && !slices.Contains(sometimes, p.Code):
		return "whether it may come is said wrongly"
	case later != (a.header.Get("Retry-After") != ""):
		return "when it may come is said wrongly"
	}
	return ""
}

// leadsBack says whether a browser is led to the page, which says why nothing has come of it.
func (a answer) leadsBack() bool { return strings.HasPrefix(a.header.Get("Location"), "/#signin=") }

// refuses says whether nothing has come of a request.
func (a answer) refuses() bool { return a.status >= 400 || a.leadsBack() }
