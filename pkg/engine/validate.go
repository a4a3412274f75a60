package engine

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
)

var (
	// Names become parts of Kubernetes names, label values and URLs.
	nameGrammar = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$`)
	// Option and image names are read in chart templates as .Values.options.<name>.
	wordGrammar = regexp.MustCompile(`^[a-z][A-Za-z0-9]{0,62}$`)
	// Versions are labels, folders, and tokens of a bucket's keys.
	versionGrammar   = regexp.MustCompile(`^[0-9A-Za-z]+([._-][0-9A-Za-z]+)*$`)
	quantityGrammar  = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$`)
	secretKeyGrammar = regexp.MustCompile(`^[A-Za-z0-9._-]{1,253}$`)
	imageGrammar     = regexp.MustCompile(`^[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha256:[0-9a-f]{64})$`)
)

// minSecretBits makes a generated value safe against guessing it online and offline.
const minSecretBits = 80

// Validate says what is wrong with the pack first, as a *FieldError.
func (p Pack) Validate() error {
	checks := []func() *FieldError{
		p.validateSelf, p.validatePlans, p.validateOptions, p.validateLinks, p.validateCredentials,
		p.Probe.validate, p.validateCheck, p.validateImages, p.validateWorkloads, p.validateSuspended, p.validateFailures, p.validateComponents,
		p.Upgrade.validate, p.validateSources,
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (p Pack) validateSelf() *FieldError {
	switch {
	case !nameGrammar.MatchString(p.Name):
		return fieldErrorf("name", "must be lower-case letters, digits and dashes, at most 32")
	case p.Title == "":
		return fieldErrorf("title", "is required")
	case !slices.Contains(Tiers, p.Tier):
		return fieldErrorf("tier", "must be one of %s", Tiers)
	case !versionGrammar.MatchString(p.Version) || len(p.Version) > 63:
		return fieldErrorf("version", "must be a version that is fit for a label")
	case p.Description == "":
		return fieldErrorf("description", "is required")
	}
	return nil
}

func (p Pack) validatePlans() *FieldError {
	seen, defaults := names{}, 0
	for i, plan := range p.Plans {
		field := fmt.Sprintf("plans[%d]", i)
		if err := seen.add(field+".name", plan.Name, nameGrammar); err != nil {
			return err
		}
		if plan.Title == "" {
			return fieldErrorf(field+".title", "is required")
		}
		for _, q := range []struct{ key, value string }{
			{"cpu", plan.CPU}, {"memory", plan.Memory}, {"storage", plan.Storage},
		} {
			if !quantityGrammar.MatchString(q.value) {
				return fieldErrorf(field+"."+q.key, "%q is not a Kubernetes quantity like 250m or 1Gi", q.value)
			}
		}
		if plan.Default {
			defaults++
		}
	}
	if defaults != 1 {
		return fieldErrorf("plans", "%d are the default instead of one", defaults)
	}
	return nil
}

func (p Pack) validateOptions() *FieldError {
	seen := names{}
	for i, option := range p.Options {
		field := fmt.Sprintf("options[%d]", i)
		if err := seen.add(field+".name", option.Name, wordGrammar); err != nil {
			return err
		}
		if err := option.validate(field); err != nil {
			return err
		}
	}
	return nil
}

func (o Option) validate(field string) *FieldError {
	if !slices.Contains(OptionTypes, o.Type) {
		return fieldErrorf(field+".type", "must be one of %s", OptionTypes)
	}
	bounded := o.Type == TypeString || o.Type == TypeInteger
	switch {
	case o.Title == "":
		return fieldErrorf(field+".title", "is required")
	case (o.Type == TypeEnum) != (len(o.Enum) > 0):
		return fieldErrorf(field+".enum", "belongs to the type enum, which needs it")
	case o.Pattern != "" && o.Type != TypeString:
		return fieldErrorf(field+".pattern", "belongs to the type string")
	case o.Min != nil && !bounded:
		return fieldErrorf(field+".min", "belongs to the types string and integer")
	case o.Max != nil && !bounded:
		return fieldErrorf(field+".max", "belongs to the types string and integer")
	case o.Min != nil && o.Max != nil && *o.Min > *o.Max:
		return fieldErrorf(field+".min", "is more than max")
	}
	if o.Change != "" && !slices.Contains(Changes, o.Change) {
		return fieldErrorf(field+".change", "must be one of %s", Changes)
	}
	// By itself: one that is anchored by wholePattern could hide a stray bracket.
	if _, err := regexp.Compile(o.Pattern); err != nil {
		return fieldErrorf(field+".pattern", "%v", err)
	}
	if o.Default != nil {
		if o.Required {
			return fieldErrorf(field+".default", "makes required pointless")
		}
		if _, message := o.admit(o.Default); message != "" {
			return fieldErrorf(field+".default", "%s", message)
		}
	}
	return nil
}

func (p Pack) validateLinks() *FieldError {
	seen := names{}
	for i, link := range p.Links {
		field := fmt.Sprintf("links[%d]", i)
		if err := seen.add(field+".name", link.Name, nameGrammar); err != nil {
			return err
		}
		if link.Title == "" {
			return fieldErrorf(field+".title", "is required")
		}
		if err := validatePath(field+".path", link.Path); err != nil {
			return err
		}
	}
	if len(p.Links) == 0 {
		return fieldErrorf("links", "needs the storefront at least")
	}
	return nil
}

func (p Pack) validateCredentials() *FieldError {
	seen, keys := names{}, names{}
	for i, credential := range p.Credentials {
		field := fmt.Sprintf("credentials[%d]", i)
		if err := seen.add(field+".name", credential.Name, nameGrammar); err != nil {
			return err
		}
		if err := keys.add(field+".secretKey", credential.SecretKey, secretKeyGrammar); err != nil {
			return err
		}
		if credential.Title == "" {
			return fieldErrorf(field+".title", "is required")
		}
		alphabet, distinct := credential.Generate.alphabet(), map[rune]bool{}
		for _, c := range alphabet {
			if c <= ' ' || c > '~' || distinct[c] {
				return fieldErrorf(field+".generate.alphabet", "must be different visible ASCII characters")
			}
			distinct[c] = true
		}
		bits := float64(credential.Generate.Length) * math.Log2(float64(len(alphabet)))
		if bits < minSecretBits {
			return fieldErrorf(field+".generate.length", "makes %.0f bits, and a secret needs %d", bits, minSecretBits)
		}
	}
	return nil
}

func (p Probe) validate() *FieldError {
	switch {
	case !nameGrammar.MatchString(p.Service):
		return fieldErrorf("probe.service", "must name a Service of the chart")
	case p.Port < 1 || p.Port > 65535:
		return fieldErrorf("probe.port", "must be a port")
	// A redirect is what an engine that isn't set up yet answers with.
	case p.Status < 200 || p.Status > 299:
		return fieldErrorf("probe.status", "must be 2xx")
	case p.JSON != "" && p.JSON != JSONObject && p.JSON != JSONArray:
		return fieldErrorf("probe.json", "must be %s or %s", JSONObject, JSONArray)
	case len(p.Fields) > 0 && p.JSON != JSONObject:
		return fieldErrorf("probe.fields", "belongs to json: %s", JSONObject)
	// Any web server answers 200.
	case p.Contains == "" && p.JSON == "":
		return fieldErrorf("probe", "must ask for something in the body: contains or json")
	}
	for name, value := range p.Fields {
		switch value.(type) {
		case string, bool, float64:
		default:
			return fieldErrorf("probe.fields."+name, "must be a text, a number or a boolean")
		}
	}
	return validatePath("probe.path", p.Path)
}

func (p Pack) validateImages() *FieldError {
	for name, ref := range p.Images {
		if !wordGrammar.MatchString(name) {
			return fieldErrorf("images."+name, "must be called by a word like shop")
		}
		if !imageGrammar.MatchString(ref) {
			return fieldErrorf("images."+name, "%q must be repository:tag or repository@sha256:digest", ref)
		}
	}
	if len(p.Images) == 0 {
		return fieldErrorf("images", "is required")
	}
	return nil
}

func (p Pack) validateWorkloads() *FieldError {
	seen := names{}
	for i, workload := range p.Workloads {
		field := fmt.Sprintf("workloads[%d]", i)
		if workload.Kind != "Deployment" && workload.Kind != "StatefulSet" {
			return fieldErrorf(field+".kind", "must be Deployment or StatefulSet")
		}
		if err := seen.add(field+".name", workload.Name, nameGrammar); err != nil {
			return err
		}
		for container, words := range workload.Phases {
			if !nameGrammar.MatchString(container) || words == "" {
				return fieldErrorf(field+".phases."+container, "must say what the init container of that name does")
			}
		}
	}
	if len(p.Workloads) == 0 {
		return fieldErrorf("workloads", "is required")
	}
	return nil
}

// validatePath keeps a pack from leading people, or the probe, to another host ("//evil", "/\evil").
func validatePath(field, path string) *FieldError {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\ \t\r\n") {
		return fieldErrorf(field, "%q is not a path from the store's root", path)
	}
	return nil
}

// names finds names that are wrong or taken.
type names map[string]bool

func (n names) add(field, name string, grammar *regexp.Regexp) *FieldError {
	if !grammar.MatchString(name) {
		return fieldErrorf(field, "%q must match %s", name, grammar)
	}
	if n[name] {
		return fieldErrorf(field, "%q is there twice", name)
	}
	n[name] = true
	return nil
}
