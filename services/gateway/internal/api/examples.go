package api

import (
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/reason"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/explain"
	"github.com/store-platform/store-platform/services/gateway/internal/health"
	"github.com/store-platform/store-platform/services/gateway/internal/oidc"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// The examples of bodies are values of the bodies' own types, so that a field which goes, or is renamed, goes here as well.

// Who and what the examples tell of.
const (
	exampleStore   = store.ID("sabcdefghijk")
	exampleTenant  = "t-4kq7wmzc3e"
	exampleAccount = "a-mzqxk2lfna"
	exampleToken   = "4kq7wmzc3emzqxk2lfna7c2mdqx4zu"
	exampleEmail   = "maria@example.com"
	exampleSecret  = "four red bicycles"
	exampleURL     = "http://sabcdefghijk.localhost:8080"
)

var exampleTime = time.Date(2026, time.November, 3, 9, 0, 0, 0, time.UTC)

// examples are the bodies' of all operations.
func examples() []any {
	all := append(examplesOfStores(), examplesOfTenants()...)
	return append(append(all, examplesOfAccounts()...), examplesForOperators()...)
}

// storeIn is the example of a store with that status, on which an operation that was asked for may be at work.
func storeIn(status store.Status, doing store.Verb) query.Store {
	s := query.Store{
		ID: exampleStore, Tenant: exampleTenant, Name: "Amber Harbour", Engine: "corner", EngineVersion: "1.0.0", Plan: "small",
		Options: map[string]any{"currency": "EUR"}, Status: status, Operation: doing, Steps: []string{}, Generation: 42, Version: 42,
		CreatedAt: exampleTime, UpdatedAt: exampleTime,
		LastOperation: query.Operation{Verb: doing, Generation: 42, Root: 42, Actor: exampleAccount, Steps: []string{}},
	}
	if doing == "" {
		s.URL, s.Version, s.Attempt, s.Steps = exampleURL, 51, 1, store.Verbs[store.Create].Steps
		s.LastOperation.Verb, s.LastOperation.Outcome, s.LastOperation.Attempt, s.LastOperation.Steps = store.Create, store.Succeeded, 1, s.Steps
	}
	return s
}

// examplesOf are those of operations that answer what others answer, with a body that others don't.
func examplesOf(operation string) (any, bool) {
	s, known := map[string]query.Store{
		"create-store":        storeIn(store.Queued, store.Create),
		"delete-store":        storeIn(store.Deleting, store.Delete),
		"retry-store":         storeIn(store.Queued, store.Retry),
		"redrive-dead-letter": storeIn(store.Queued, store.Retry),
		"suspend-store":       storeIn(store.Ready, store.Suspend),
		"resume-store":        storeIn(store.Suspended, store.Resume),
	}[operation]
	return s, known
}

func examplesOfStores() []any {
	plan := Plan{Engine: "corner", Name: "small", Title: "Small", CPU: "250m", Memory: "64Mi", Storage: "256Mi", Default: true}
	least, most := int64(1), int64(60)
	title := Option{Name: "title", Title: "Title", Description: "What stands above the shop", Type: engine.TypeString, Min: &least, Max: &most, Change: engine.ChangeLive}
	corner := Engine{
		Name: "corner", Title: "Corner shop", Tier: engine.TierDemo, Version: "1.0.0", Description: "A small shop.", Default: true,
		Plans: []Plan{plan}, Options: []Option{title}, Progress: map[string]string{"http": "Opening the shop"}, Suspends: true,
	}
	facts := store.Facts{Step: "http", Attempt: 1}
	return []any{
		EngineList{Engines: []Engine{corner}}, corner, PlanList{Plans: []Plan{plan}},
		CreateStore{Name: "Amber Harbour", Engine: "corner", Plan: "small", Options: map[string]any{"currency": "EUR"}, TTL: "72h"},
		storeIn(store.Ready, ""),
		StoreCounts{Total: 3, ByStatus: map[store.Status]int64{store.Queued: 1, store.Ready: 2}},
		StoreList{Stores: []query.Store{storeIn(store.Ready, "")}, Feed: "4kq7wmzc-51"},
		EventList{Events: []query.Event{{
			Seq: 50, Store: exampleStore, Type: store.StepCompleted, Time: exampleTime, Actor: "provisioner", Generation: 42, Verb: store.Create, Facts: facts,
		}}},
		LogLine{LogLine: query.LogLine{At: exampleTime, Pod: "store-6d4f5b7c9-x2x9k", Container: "shop", Line: "listening on :8080"}},
		LinkList{Links: []Link{{Name: "storefront", Title: "Shop", URL: exampleURL + "/"}}},
		CredentialList{Credentials: []query.Credential{{Name: "admin", Title: "Orders", Username: "admin", Password: exampleSecret}}},
		exampleExplanation(),
		exampleMonitoring(), Summary{
			Store: storeIn(store.Ready, ""), Engine: &corner, Links: []Link{{Name: "storefront", Title: "Shop", URL: exampleURL + "/"}}, Missing: []explain.Part{explain.Cluster},
		},
		FeedTicket{Ticket: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", Expires: exampleTime.Add(30 * time.Second)},
		DeadLetterList{DeadLetters: []query.DeadLetter{{
			Seq: 42, Kind: query.DeadFailed, Store: exampleStore, Tenant: exampleTenant, Name: "Amber Harbour", Verb: store.Create, Attempt: 5,
			Reason: "ImagePullBackOff", Message: "The shop's image can't be fetched.", Since: exampleTime,
		}}},
		Discard{Reason: "The engine was withdrawn"},
	}
}

func exampleExplanation() explain.Explanation {
	const pod = "pod/store-6d4f5b7c9-x2x9k"
	words := pod + ` container shop: Back-off pulling image "registry.example/corner:1.0.0"`
	entry, _ := reason.Of("ImagePullBackOff")
	bad := false
	return explain.Explanation{
		Store: exampleStore, Status: store.Provisioning, Object: pod, Next: entry.Next, For: entry.For, Runbook: entry.Runbook(),
		Sentence: "Making the store is between two attempts: attempt 1 of 5 has ended, and the next is due at 2026-11-03T09:00:10Z. The shop's image can't be fetched.",
		Cause:    query.Cause{Reason: entry.Name, Message: "The shop's image can't be fetched.", Detail: words},
		Missing:  []explain.Part{}, Chain: []explain.ChainLink{
			{At: exampleTime, Kind: explain.OfCommand, Title: "create", Text: "Makes the store.", Seq: 42},
			{At: exampleTime.Add(time.Second), Kind: explain.OfAttempt, Title: "attempt 1", Seq: 43},
			{At: exampleTime.Add(5 * time.Second), Kind: explain.OfAttempt, Title: entry.Name, Text: words, Object: pod, Seq: 50, OK: &bad},
		},
	}
}

// exampleMonitoring is of a store whose program has ended too often.
func exampleMonitoring() query.MonitoringReply {
	const workload, pod, words = "deployment/store", "store-6d4f5b7c9-x2x9k", "back-off 40s restarting failed container=shop"
	// They are the cluster's, and no store's reasons.
	const end, warning = "OOMKilled", "BackOff"
	last := &query.ContainerEnd{ExitCode: 137, Reason: end, At: exampleTime}
	why := query.Cause{Reason: "CrashLoopBackOff", Message: "A program of the store ends again and again.", Detail: "container shop: " + words}
	return query.MonitoringReply{
		At: exampleTime,
		Wrong: &query.Wrong{
			Reason: why.Reason, Message: "A part of the store, store, doesn't work. " + why.Message, Object: workload, Detail: workload + ": " + why.Detail,
			For: reason.Merchant,
		},
		Workloads: []query.Workload{{Kind: "Deployment", Name: "store", Wanted: 1, Updated: 1, Cause: why}},
		Pods: []query.Pod{{
			Name: pod, Workload: workload, Phase: "Running", Node: "node-1", Since: exampleTime, Containers: []query.Container{{
				Name: "shop", State: "waiting", Reason: why.Reason, Message: words, Restarts: 4, Last: last,
			}},
		}},
		Volumes: []query.Volume{{Claim: "store-data", Phase: "Bound", Class: "standard", Requested: 256 << 20, Capacity: 256 << 20}},
		Routes:  []query.Route{{Name: "store", Host: "sabcdefghijk.localhost", Paths: []string{"/"}, Admitted: true}},
		Crons: []query.Cron{{
			Name: "tasks", Schedule: "7 * * * *", LastSchedule: &exampleTime, LastSuccess: &exampleTime,
			Last: &query.CronRun{Job: "tasks-29364420", Outcome: "succeeded", At: exampleTime},
		}},
		Release: &query.Release{Revision: 1, Status: "deployed", Description: "Install complete", At: exampleTime},
		Events:  []query.ClusterEvent{{At: exampleTime, Object: "pod/" + pod, Reason: warning, Message: words, Count: 7}},
	}
}

func examplesOfTenants() []any {
	most := 20
	tenant := Tenant{
		ID: exampleTenant, Name: "Amber Agency", Role: principal.Owner, Members: 2, Limits: TenantLimits{MaxStores: &most}, Created: exampleTime,
	}
	member := Member{Account: exampleAccount, Name: "Maria", Email: exampleEmail, Role: principal.Owner, Since: exampleTime}
	invite := Invite{
		ID: "i-7c2mdqx4zu", Role: principal.Member, Email: "ines@example.com", By: exampleAccount, Created: exampleTime, Expires: exampleTime.AddDate(0, 0, 7),
	}
	const text = "si_4kq7wmzc3e7c2mdqx4zu_ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	name := "Amber and Sons"
	token := Token{
		ID: exampleToken, Name: "nightly report", Account: exampleAccount, Tenant: exampleTenant, Role: principal.Viewer,
		Scopes: []principal.Scope{principal.ReadStores}, Created: exampleTime, Expires: exampleTime.AddDate(0, 0, 30),
	}
	return []any{
		tenant, TenantList{Tenants: []Tenant{tenant}}, CreateTenant{Name: "Amber Agency"}, ChangeTenant{Name: &name},
		member, MemberList{Members: []Member{member}}, ChangeMember{Role: principal.Viewer},
		NewInvite{Invite: invite, Mailed: true, Text: text}, InviteList{Invites: []Invite{invite}},
		CreateInvite{Role: principal.Member, Email: "ines@example.com"}, TakeInvite{Text: text},
		NewToken{Token: token, Text: "sp_" + exampleToken + "_ABCDEFGHIJKLMNOPQRSTUVWXYZ"}, TokenList{Tokens: []Token{token}},
		CreateToken{Name: "nightly report", Role: principal.Viewer, Scopes: []principal.Scope{principal.ReadStores}, TTL: "720h"},
	}
}

func examplesOfAccounts() []any {
	me := Me{
		ID: exampleAccount, Email: exampleEmail, Name: "Maria", Verified: true, Created: exampleTime, Tenant: exampleTenant,
		Tenants: []Belongs{{ID: exampleTenant, Name: "Amber Agency", Role: principal.Owner}},
		May:     []May{{Action: rights.CreateStore, Allowed: true}},
	}
	const link = "sl_ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	name := "Maria Amber"
	return []any{
		me, SignUp{Email: exampleEmail, Name: "Maria", Password: exampleSecret}, LogIn{Email: exampleEmail, Password: exampleSecret},
		AskReset{Email: exampleEmail}, Asked{By: "mail"}, Reset{Link: link, Password: exampleSecret}, ChangeMe{Name: &name},
		EraseMe{Current: exampleSecret}, Verify{Link: link}, SignedOut{SignOut: "https://id.example.com/logout"},
		Providers{Providers: []oidc.Choice{{Name: "house", Title: "The house's own"}}},
	}
}

func examplesForOperators() []any {
	account := Account{
		ID: exampleAccount, Email: exampleEmail, Name: "Maria", Verified: true, MayOperate: true, Tenants: []string{exampleTenant}, Created: exampleTime,
	}
	part, storage := health.Part{OK: true, Seq: 51}, 180.0
	return []any{
		account, AccountList{Accounts: []Account{account}}, ChangeAccount{Operator: true}, ReadOut{For: "reset"},
		Restored{Waiting: true, Operators: []Account{account}, Accounts: 12, Tenants: 4, Members: 15, Tokens: 6},
		ActList{Acts: []query.Act{{
			At: exampleTime, What: "credentials_viewed", Tenant: exampleTenant, Store: exampleStore, Actor: exampleAccount, Origin: exampleTenant,
		}}},
		UsageList{Until: exampleTime, Rows: []Usage{{
			Tenant: exampleTenant, Month: "2026-10", Engine: "corner", EngineVersion: "1.0.0", Plan: "small", Stores: 1, StoreHours: 700.5, StorageHours: &storage,
		}}},
		LinkText{Link: "sl_ABCDEFGHIJKLMNOPQRSTUVWXYZ", Expires: exampleTime.Add(time.Hour)},
		Log{WriteLevel: store.Schema, Newest: store.Schema},
		Sweeps{Last: &platform.Sweep{
			At: exampleTime, By: "store-janitor-0", Namespaces: 12, Stores: 12, Submitted: 1,
			Findings: []platform.Finding{{Kind: platform.Expired, Count: 1, IDs: []string{string(exampleStore)}}},
		}},
		TransferStore{Tenant: exampleTenant}, TransferStores{From: "ip:aaaaaaaaaaaaaaaaaaaaaaaa", Tenant: exampleTenant},
		StoresTransferred{Transferred: []store.ID{exampleStore}, Refused: []Kept{{
			Store: "sbcdefghijkl", Code: problem.QuotaExceeded, Detail: "The tenant has 20 stores, which is as many as one may have.",
		}}},
		health.Readiness{Ready: true, Auth: "open", Broker: part, Projection: part, Feed: health.Part{OK: true}, Cluster: platform.Cluster{Ready: true, Since: exampleTime}},
	}
}

// describeExamples gives each body one.
func describeExamples(doc *huma.OpenAPI) {
	by := map[string]any{
		// What is to be told from null doesn't write itself.
		schemaOf[ChangeStore](doc).Ref: map[string]any{"name": "Amber Quay", "ttl": nil, "options": map[string]any{"currency": "USD"}},
	}
	for _, example := range examples() {
		by[doc.Components.Schemas.Schema(reflect.TypeOf(example), true, "").Ref] = example
	}
	give := func(content map[string]*huma.MediaType, own any, has bool) {
		for _, media := range content {
			if has {
				media.Example = own
			} else if media.Schema != nil && media.Examples == nil {
				media.Example = by[media.Schema.Ref]
			}
		}
	}
	for _, op := range operationsOf(doc) {
		if op.RequestBody != nil {
			give(op.RequestBody.Content, nil, false)
		}
		own, has := examplesOf(op.OperationID)
		for status, answer := range op.Responses {
			give(answer.Content, own, has && status < "3")
		}
	}
}
