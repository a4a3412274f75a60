// Package query is what may be asked by NATS request/reply, of the events service and of the provisioners, and what a store
// and its history look like from outside. Whoever asks and whoever answers share the questions; how one is put and answered
// is package question's.
package query

import (
	"time"

	"github.com/store-platform/store-platform/pkg/store"
)

// Service is who answers a question.
type Service string

// The events service answers from what it remembers, a provisioner what it alone may see: a store's Secret, its volumes and
// what of it runs and writes.
const (
	Remembering  Service = "events"
	Provisioning Service = "provisioner"
)

// Question is one that may be put: a Q is answered by an A.
type Question[Q, A any] struct {
	// By is who answers it.
	By Service
	// Name tells it from the service's others, Subject is where it is put.
	Name, Subject string
	// Patience is how long an asker waits for the answer; whoever answers gives up before.
	Patience time.Duration
}

// The questions. A new one is a line here and in subjects, and its answer in the service; the broker's permissions follow.
var (
	Stores      = remembered[StoresRequest, StoresReply]("stores")
	Past        = remembered[PastRequest, PastReply]("past")
	Listing     = remembered[StoresRequest, StoresReply]("listing")
	Counts      = remembered[StoresRequest, CountsReply]("counts")
	Events      = remembered[EventsRequest, EventsReply]("events")
	DeadLetters = remembered[DeadLettersRequest, DeadLettersReply]("dead-letters")
	Live        = remembered[LiveRequest, LiveReply]("live")
	Audit       = remembered[AuditRequest, AuditReply]("audit")
	UsageOf     = remembered[UsageRequest, UsageReply]("usage")
	Places      = prompt(remembered[LineRequest, LineReply]("line"))

	Credentials = provisioned[CredentialsRequest, CredentialsReply]("credentials", 8*time.Second)
	Growth      = provisioned[GrowthRequest, GrowthReply]("growth", 3*time.Second)
	Monitoring  = provisioned[MonitoringRequest, MonitoringReply]("monitoring", 5*time.Second)
	Logs        = provisioned[LogsRequest, LogsReply]("logs", 8*time.Second)
	LogsRead    = provisioned[LogsReadRequest, LogsFrame]("logs-read", 8*time.Second)
)

var subjects = map[Service][]string{
	Remembering: {
		Stores.Subject, Past.Subject, Listing.Subject, Counts.Subject, Events.Subject, DeadLetters.Subject, Live.Subject, Audit.Subject, UsageOf.Subject, Places.Subject,
	},
	Provisioning: {Credentials.Subject, Growth.Subject, Monitoring.Subject, Logs.Subject, LogsRead.At("*").Subject},
}

// Subjects are where a service is asked; a provisioner of another cluster than the default one is asked behind them.
func Subjects(by Service) []string { return subjects[by] }

const prefix = "query."

// AllSubjects is every question's, for who may put them all.
const AllSubjects = prefix + ">"

// remembered may take as long as the answering side waits for a version that its asker has seen, and some more.
func remembered[Q, A any](name string) Question[Q, A] {
	return Question[Q, A]{By: Remembering, Name: name, Subject: prefix + name, Patience: 5 * time.Second}
}

// prompt is for what is answered from memory, and what an answer is good without.
func prompt[Q, A any](q Question[Q, A]) Question[Q, A] {
	q.Patience = 150 * time.Millisecond
	return q
}

func provisioned[Q, A any](name string, patience time.Duration) Question[Q, A] {
	return Question[Q, A]{By: Provisioning, Name: name, Subject: prefix + name, Patience: patience}
}

// In is the question as a cluster's provisioners are asked: no other's see its stores' Secrets and volumes.
func (q Question[Q, A]) In(cluster string) Question[Q, A] {
	if !store.IsDefaultCluster(cluster) {
		q.Subject += "." + cluster
	}
	return q
}

// At is the question as one of several who could answer it is asked, who has said its name.
func (q Question[Q, A]) At(name string) Question[Q, A] {
	q.Subject += "." + name
	return q
}

// EventsRequest asks for a store's history, oldest first, also after the store's deletion.
type EventsRequest struct {
	// Scope is who asks; the history of a store outside it is empty.
	Scope Scope `json:"-"`
	// Log is that of StoresRequest.
	Log   string   `json:"log,omitempty"`
	Store store.ID `json:"store"`
	After uint64   `json:"after,omitempty"`
	// Newest asks for the last entries behind After instead of the first: there is no page behind them. Releases that don't know it
	// answer with the first.
	Newest bool   `json:"newest,omitempty"`
	Limit  int    `json:"limit"`
	Seen   uint64 `json:"seen,omitempty"`
}

// EventsReply is one page; Next is the After of the following one, zero at the end.
type EventsReply struct {
	Events     []Event `json:"events"`
	Next       uint64  `json:"next,omitempty"`
	Checkpoint uint64  `json:"checkpoint"`
}

// CredentialsRequest asks the provisioner for the generated passwords of a store that is Ready or Degraded.
type CredentialsRequest struct {
	Store store.ID `json:"store"`
}

// Credential is one of them.
type Credential struct {
	Name     string `json:"name" doc:"What it opens"`
	Title    string `json:"title" doc:"The same for people"`
	Username string `json:"username,omitempty" doc:"Goes with the password, where one is asked for"`
	Password string `json:"password" doc:"As it was generated"`
}

// CredentialsReply travels by request/reply only, never on the log.
type CredentialsReply struct {
	Credentials []Credential `json:"credentials"`
}

// GrowthRequest asks the provisioner whether the volumes of a store that has stood can become as large as a plan wants them.
type GrowthRequest struct {
	Store store.ID `json:"store"`
	Plan  string   `json:"plan"`
}

// GrowthReply says so.
type GrowthReply struct {
	// Refused: their storage class lets no volume grow, and the plan wants larger ones.
	Refused bool `json:"refused"`
}
