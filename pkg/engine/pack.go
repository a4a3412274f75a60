package engine

import "slices"

// Pack is one engine.yaml. A Pack from Load, Read or a Catalog is valid; treat it as read-only, its
// slices and maps are shared.
type Pack struct {
	// Name is the engine's name in the API and its folder's.
	Name  string `yaml:"name" json:"name"`
	Title string `yaml:"title" json:"title"`
	Tier  Tier   `yaml:"tier" json:"tier"`
	// Version tells packs of one engine apart. A store keeps the one that it was made of.
	Version     string `yaml:"version" json:"version"`
	Description string `yaml:"description" json:"description"`
	// Preference orders engines when a merchant names none: the highest one that isn't a demo wins.
	Preference int `yaml:"preference" json:"preference"`

	Plans       []Plan       `yaml:"plans" json:"plans"`
	Options     []Option     `yaml:"options" json:"options,omitempty"`
	Links       []Link       `yaml:"links" json:"links"`
	Credentials []Credential `yaml:"credentials" json:"credentials,omitempty"`
	Probe       Probe        `yaml:"probe" json:"probe"`
	// Check is the light question to a store that stands; nil for an engine that answers none.
	Check *Check `yaml:"check" json:"check,omitempty"`

	// Images are the containers that the chart runs, by the name that the chart calls them, as
	// repository:tag without a registry: the registry belongs to the installation (Pack.Image).
	Images map[string]string `yaml:"images" json:"images"`
	// Workloads are all that must be available before the probe is worth asking, in the order in which
	// they come up. Without the list a release whose pods nobody has seen yet would look complete.
	Workloads []Workload `yaml:"workloads" json:"workloads"`
	// Suspended is what serves in their place while the store is suspended; empty for an engine that can't be.
	Suspended Suspended `yaml:"suspended" json:"suspended,omitzero"`
	// Progress is what a merchant reads while a step runs, by the step's name; the platform has its own
	// words for steps that aren't here.
	Progress map[string]string `yaml:"progress" json:"progress,omitempty"`
	// Failures are the ends of init containers that no further attempt would change.
	Failures []Failure `yaml:"failures" json:"failures,omitempty"`

	// Components are what a backup of a store consists of.
	Components []Component `yaml:"components" json:"components,omitempty"`
	// Upgrade says from where a store comes to this version.
	Upgrade Upgrade `yaml:"upgrade" json:"upgrade,omitzero"`
	// Sources are what a builder of the images may hand in.
	Sources []Source `yaml:"sources" json:"sources,omitempty"`

	// Retired says that a file of that name lies beside engine.yaml: no new stores are made of this version. It is no field
	// of engine.yaml, because a released one doesn't change.
	Retired bool `yaml:"-" json:"retired,omitempty"`
}

// Tier says for whom an engine is.
type Tier string

const (
	// TierStable engines are for merchants.
	TierStable Tier = "stable"
	// TierDemo engines are for evaluation and tests, and never the default beside another pack.
	TierDemo Tier = "demo"
)

// Tiers are all of them.
var Tiers = []Tier{TierStable, TierDemo}

// Plan is a size of store. CPU, Memory and Storage are Kubernetes quantities and bound the whole store:
// the quota of its namespace is made of them, and the engine's chart divides them among its pods.
type Plan struct {
	Name    string `yaml:"name" json:"name"`
	Title   string `yaml:"title" json:"title"`
	CPU     string `yaml:"cpu" json:"cpu"`
	Memory  string `yaml:"memory" json:"memory"`
	Storage string `yaml:"storage" json:"storage"`
	Default bool   `yaml:"default" json:"default,omitempty"`
}

// OptionType is the kind of value an option takes.
type OptionType string

// The option types. An integer is a whole number of at most 2^53 in either direction, whatever number
// type it arrives in: options travel as JSON.
const (
	TypeString  OptionType = "string"
	TypeInteger OptionType = "integer"
	TypeBoolean OptionType = "boolean"
	TypeEnum    OptionType = "enum"
)

// OptionTypes are all of them.
var OptionTypes = []OptionType{TypeString, TypeInteger, TypeBoolean, TypeEnum}

// Option is one thing that a merchant may choose: a small part of JSON Schema, small enough for a form
// to be made of it. Min and Max bound an integer's value or a string's length in characters; Pattern is
// an RE2 expression that the whole string must match; Enum lists the values of TypeEnum. An option
// without a default that isn't given is absent from the values. Change says what a new value comes to in a
// store that stands.
type Option struct {
	Name        string     `yaml:"name" json:"name"`
	Title       string     `yaml:"title" json:"title"`
	Description string     `yaml:"description" json:"description,omitempty"`
	Type        OptionType `yaml:"type" json:"type"`
	Default     any        `yaml:"default" json:"default,omitempty"`
	Required    bool       `yaml:"required" json:"required,omitempty"`
	Min         *int64     `yaml:"min" json:"min,omitempty"`
	Max         *int64     `yaml:"max" json:"max,omitempty"`
	Pattern     string     `yaml:"pattern" json:"pattern,omitempty"`
	Enum        []string   `yaml:"enum" json:"enum,omitempty"`
	Change      Change     `yaml:"change" json:"change,omitempty"`
}

// Change is when a store that stands takes over a new value of an option.
type Change string

const (
	// ChangeLive: the running shop reads it by itself, within two minutes.
	ChangeLive Change = "live"
	// ChangeRestart: the shop's pods are started anew with it.
	ChangeRestart Change = "restart"
	// ChangeNever: it is read when a store is made and not again. What says nothing is this.
	ChangeNever Change = "never"
)

// Changes are all of them.
var Changes = []Change{ChangeLive, ChangeRestart, ChangeNever}

// Link is a page of the store worth a button. Path is relative to the store's URL and begins with "/".
type Link struct {
	Name  string `yaml:"name" json:"name"`
	Title string `yaml:"title" json:"title"`
	Path  string `yaml:"path" json:"path"`
}

// Credential is one generated key of the store's Secret. An internal one (a database's password, a
// signing key) is generated like the others and never shown to anybody.
type Credential struct {
	Name      string   `yaml:"name" json:"name"`
	Title     string   `yaml:"title" json:"title"`
	Username  string   `yaml:"username" json:"username,omitempty"`
	SecretKey string   `yaml:"secretKey" json:"secretKey"`
	Internal  bool     `yaml:"internal" json:"internal,omitempty"`
	Generate  Generate `yaml:"generate" json:"generate"`
}

// Generate says how a credential's value is made. Alphabet lists the characters to draw from; empty
// means letters and digits without those that people mix up.
type Generate struct {
	Length   int    `yaml:"length" json:"length"`
	Alphabet string `yaml:"alphabet" json:"alphabet,omitempty"`
}

// Probe is the one request whose answer makes a store Ready: GET Path on Port of Service, redirects not
// followed, judged by Probe.Check.
type Probe struct {
	Service string `yaml:"service" json:"service"`
	Port    int    `yaml:"port" json:"port"`
	Path    string `yaml:"path" json:"path"`
	Status  int    `yaml:"status" json:"status"`
	// Contains must stand in the body; empty asks for nothing.
	Contains string `yaml:"contains" json:"contains,omitempty"`
	// JSON is the kind of value that the body must be; empty means that the body needn't be JSON.
	JSON JSONKind `yaml:"json" json:"json,omitempty"`
	// Fields are top-level members that the body, an object then, must have with exactly these values.
	Fields map[string]any `yaml:"fields" json:"fields,omitempty"`
}

// JSONKind is the kind of a JSON value.
type JSONKind string

const (
	// JSONObject wants a JSON object, whose fields may be asked for.
	JSONObject JSONKind = "object"
	// JSONArray wants a JSON array.
	JSONArray JSONKind = "array"
)

// Workload names one Deployment or StatefulSet of the chart. Progress is what a merchant reads while it
// comes up, Phases what they read while one of its init containers runs, by the container's name.
type Workload struct {
	Kind     string            `yaml:"kind" json:"kind"`
	Name     string            `yaml:"name" json:"name"`
	Progress string            `yaml:"progress" json:"progress,omitempty"`
	Phases   map[string]string `yaml:"phases" json:"phases,omitempty"`
}

// Suspended names the Deployment of the chart whose pod answers for a store that is suspended: whatever is asked for, 503
// and a page that holds SuspendedMark. Progress is what a merchant reads while it comes up.
type Suspended struct {
	Workload string `yaml:"workload" json:"workload"`
	Progress string `yaml:"progress" json:"progress,omitempty"`
}

// Failure is one way in which a store can't be made: the named init container ends with ExitCode. The
// store is Failed with Reason (CamelCase) and Message (a sentence for merchants), without another attempt.
type Failure struct {
	Container string `yaml:"container" json:"container"`
	ExitCode  int32  `yaml:"exitCode" json:"exitCode"`
	Reason    string `yaml:"reason" json:"reason"`
	Message   string `yaml:"message" json:"message"`
}

// Component is one part of a store's data. Both commands run in a container of one of Workloads: Backup
// writes the part to its standard output as one stream, Restore reads it from its standard input and
// replaces what is there.
type Component struct {
	Name      string   `yaml:"name" json:"name"`
	Title     string   `yaml:"title" json:"title"`
	Workload  string   `yaml:"workload" json:"workload"`
	Container string   `yaml:"container" json:"container"`
	Backup    []string `yaml:"backup" json:"backup"`
	Restore   []string `yaml:"restore" json:"restore"`
}

// Upgrade says whose data this version takes over by itself when it starts.
type Upgrade struct {
	From []string `yaml:"from" json:"from,omitempty"`
}

// Source is a folder that a builder may hand in where the image's build would fetch something: the
// build's stage of the same name is replaced by the folder that the setting names.
type Source struct {
	Name        string `yaml:"name" json:"name"`
	Setting     string `yaml:"setting" json:"setting"`
	Description string `yaml:"description" json:"description"`
}

// Plan finds a plan; the empty name means the pack's default one. The error is a *FieldError.
func (p Pack) Plan(name string) (Plan, error) {
	i := slices.IndexFunc(p.Plans, func(plan Plan) bool {
		return plan.Name == name || name == "" && plan.Default
	})
	if i < 0 {
		return Plan{}, fieldErrorf("plan", "%q is not a plan of the engine %s", name, p.Name)
	}
	return p.Plans[i], nil
}

// Image is the reference to pull for one of the pack's images; registry may be empty. It is empty for a
// name that the pack doesn't have.
func (p Pack) Image(registry, name string) string {
	ref := p.Images[name]
	if registry == "" || ref == "" {
		return ref
	}
	return registry + "/" + ref
}
