package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/services/gateway/internal/admission"
	"github.com/store-platform/store-platform/services/gateway/internal/problem"
	"github.com/store-platform/store-platform/services/gateway/internal/rights"
)

// Engine is an engine as merchants see it: what its images and probe are is the provisioner's business.
type Engine struct {
	Name        string            `json:"name" doc:"Names the engine" example:"sample"`
	Title       string            `json:"title" doc:"What people call it"`
	Tier        engine.Tier       `json:"tier" doc:"How far it can be relied on"`
	Version     string            `json:"version" doc:"Of what is on offer, or of the store"`
	Description string            `json:"description" doc:"What it is, in a sentence"`
	Default     bool              `json:"default" doc:"Taken when a create names no engine"`
	Plans       []Plan            `json:"plans" doc:"Sizes that its stores come in"`
	Options     []Option          `json:"options" doc:"What may stand in options of a create"`
	Progress    map[string]string `json:"progress,omitempty" doc:"What merchants read while a step runs, by the step's name"`
	Suspends    bool              `json:"suspends" doc:"Whether its stores can be suspended"`
}

// Plan is a size of store.
type Plan struct {
	Engine  string `json:"engine" doc:"Whose plan it is"`
	Name    string `json:"name" doc:"Names the plan"`
	Title   string `json:"title" doc:"What people call it"`
	CPU     string `json:"cpu" doc:"Processors that a store may take, as Kubernetes counts them" example:"500m"`
	Memory  string `json:"memory" doc:"What it may hold in memory" example:"512Mi"`
	Storage string `json:"storage" doc:"What its volumes hold" example:"1Gi"`
	Default bool   `json:"default" doc:"Taken when a create names no plan"`
}

// Option is one thing that a merchant may choose.
type Option struct {
	Name        string            `json:"name" doc:"Names the option"`
	Title       string            `json:"title" doc:"What people call it"`
	Description string            `json:"description,omitempty" doc:"What it is for"`
	Type        engine.OptionType `json:"type" doc:"What its values are"`
	Default     any               `json:"default,omitempty" doc:"What it is where nothing is said"`
	Required    bool              `json:"required" doc:"Whether a create has to say it"`
	Min         *int64            `json:"min,omitempty" doc:"Least value, or least number of characters"`
	Max         *int64            `json:"max,omitempty" doc:"Greatest value, or greatest number of characters"`
	Pattern     string            `json:"pattern,omitempty" doc:"RE2 expression that the whole text must match"`
	Enum        []string          `json:"enum,omitempty" doc:"All values that there are, where the type is enum"`
	Change      engine.Change     `json:"change" doc:"What a new value comes to in a store that stands: it is read by itself, by a restart, or refused"`
}

// EngineList is all engines on offer.
type EngineList struct {
	Engines []Engine `json:"engines" doc:"The one that is taken by default first"`
}

type enginesOutput struct{ Body EngineList }

type engineOutput struct{ Body Engine }

// PlanList is the plans of all engines.
type PlanList struct {
	Plans []Plan `json:"plans" doc:"By engine, in each engine's own order"`
}

type plansOutput struct{ Body PlanList }

func (a *API) catalog(routes router) {
	handle(routes, rights.Look, huma.Operation{
		OperationID: "list-engines", Method: http.MethodGet, Path: "/engines", Tags: []string{"Catalog"},
		Summary: "Engines on offer", Description: "With their plans and options. Empty until a provisioner has published some.",
	}, func(context.Context, *struct{}) (*enginesOutput, error) {
		catalog, err := a.packs()
		if err != nil {
			return nil, err
		}
		preferred, _ := catalog.Default()
		out := &enginesOutput{}
		out.Body.Engines = []Engine{}
		for _, pack := range catalog.Engines() {
			out.Body.Engines = append(out.Body.Engines, engineOf(pack, preferred))
		}
		return out, nil
	}, refusals{problem.BrokerUnavailable})
	handle(routes, rights.Look, huma.Operation{
		OperationID: "list-plans", Method: http.MethodGet, Path: "/plans", Tags: []string{"Catalog"},
		Summary: "Plans of all engines", Description: "A plan bounds the whole store.",
	}, func(_ context.Context, in *struct {
		Engine string `query:"engine" doc:"Only this engine's"`
	}) (*plansOutput, error) {
		catalog, err := a.packs()
		if err != nil {
			return nil, err
		}
		out := &plansOutput{}
		out.Body.Plans = []Plan{}
		for _, pack := range catalog.Engines() {
			if in.Engine == "" || in.Engine == pack.Name {
				out.Body.Plans = append(out.Body.Plans, plansOf(pack)...)
			}
		}
		return out, nil
	}, refusals{problem.BrokerUnavailable})
}

// engine is a store's, and not a name and a version to look up: who has a store has its id, and wants to know what it can be
// changed to.
func (a *API) engine(ctx context.Context, in *idInput) (*engineOutput, error) {
	state, err := a.read(ctx, *in, rights.ReadStores)
	if err != nil {
		return nil, err
	}
	catalog, err := a.packs()
	if err != nil {
		return nil, err
	}
	pack, ok := catalog.Version(state.Spec.Engine, state.Spec.Version)
	if !ok {
		return nil, admission.ErrEngineUnknown
	}
	preferred, _ := catalog.Default()
	return &engineOutput{Body: engineOf(pack, preferred)}, nil
}

func engineOf(p, preferred engine.Pack) Engine {
	e := Engine{
		Name: p.Name, Title: p.Title, Tier: p.Tier, Version: p.Version, Description: p.Description,
		Default: p.Name == preferred.Name && p.Version == preferred.Version,
		Plans:   plansOf(p), Options: []Option{}, Progress: p.Progress, Suspends: p.CanSuspend(),
	}
	for _, o := range p.Options {
		e.Options = append(e.Options, Option{
			Name: o.Name, Title: o.Title, Description: o.Description, Type: o.Type, Default: o.Default, Required: o.Required,
			Min: o.Min, Max: o.Max, Pattern: o.Pattern, Enum: o.Enum, Change: o.Change,
		})
	}
	return e
}

func plansOf(p engine.Pack) []Plan {
	plans := make([]Plan, len(p.Plans))
	for i, plan := range p.Plans {
		plans[i] = Plan{
			Engine: p.Name, Name: plan.Name, Title: plan.Title,
			CPU: plan.CPU, Memory: plan.Memory, Storage: plan.Storage, Default: plan.Default,
		}
	}
	return plans
}
