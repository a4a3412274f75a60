package engine

import "fmt"

// Release is what a chart must know about one store, besides the pack.
type Release struct {
	// Store is the store's id, Name what its merchant calls it.
	Store string
	Name  string
	// Plan is a plan's name (empty: the default) and Options what the merchant chose, resolved or not.
	Plan    string
	Options map[string]any
	// Running is false for a store that is suspended: no pod of the shop, and the page that says so.
	Running bool
	// Labels go on every object and every pod.
	Labels map[string]string
	// Registry is the prefix of the pack's images; empty leaves them as they stand in the pack.
	Registry string
	// Secret names the Secret that holds the credentials. Their values never are chart values, which
	// Helm keeps in the release.
	Secret string
	// Host is the store's host name without a port, URL where people reach it.
	Host string
	URL  string
	// IngressClass is empty when the installation has no ingress; charts make none then.
	IngressClass string
	// Installation is what the operator has set for the engine; it goes to the chart as it is.
	Installation map[string]any
}

// Values builds the values of the pack's chart. Every pack's chart gets the same ones:
//
//	store:   {id, name, url}
//	running: true             false while it is suspended; only for an engine that can be
//	labels:  {…}
//	plan:    {name, cpu, memory, storage}
//	options: {…}              resolved
//	images:  {<name>: ref}    with the registry
//	secret:  {name}
//	ingress: {className, host}
//	installation: {…}         the operator's settings for the engine, empty by default
//
// Charts that say which values they take may be older than running, so that one whose engine can't be suspended isn't
// given it.
//
// The error is a *FieldError of the plan, an option, or "suspended".
func (p Pack) Values(r Release) (map[string]any, error) {
	plan, err := p.Plan(r.Plan)
	if err != nil {
		return nil, fmt.Errorf("choose plan: %w", err)
	}
	options, err := p.resolve(r.Options, Option.check)
	if err != nil {
		return nil, fmt.Errorf("resolve options: %w", err)
	}
	if !r.Running && !p.CanSuspend() {
		return nil, fieldErrorf("suspended", "isn't what a store of the engine %s can be", p.Name)
	}
	// Helm walks values as map[string]any only, at every level.
	labels := make(map[string]any, len(r.Labels))
	for key, value := range r.Labels {
		labels[key] = value
	}
	images := make(map[string]any, len(p.Images))
	for name := range p.Images {
		images[name] = p.Image(r.Registry, name)
	}
	installation := r.Installation
	if installation == nil {
		installation = map[string]any{}
	}
	values := map[string]any{
		"store":        map[string]any{"id": r.Store, "name": r.Name, "url": r.URL},
		"labels":       labels,
		"plan":         map[string]any{"name": plan.Name, "cpu": plan.CPU, "memory": plan.Memory, "storage": plan.Storage},
		"options":      options,
		"images":       images,
		"secret":       map[string]any{"name": r.Secret},
		"ingress":      map[string]any{"className": r.IngressClass, "host": r.Host},
		"installation": installation,
	}
	if p.CanSuspend() {
		values["running"] = r.Running
	}
	return values, nil
}
