package engine

import (
	"fmt"
	"regexp"
	"slices"
)

var (
	reasonGrammar  = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{0,62}$`)
	settingGrammar = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,62}$`)
)

func (p Pack) validateSuspended() *FieldError {
	name := p.Suspended.Workload
	taken := func(w Workload) bool { return w.Name == name }
	switch {
	case name == "" && p.Suspended.Progress != "":
		return fieldErrorf("suspended.workload", "is required")
	case name != "" && !nameGrammar.MatchString(name):
		return fieldErrorf("suspended.workload", "must name a Deployment of the chart")
	// What the shop consists of has no pod while it is suspended.
	case slices.ContainsFunc(p.Workloads, taken):
		return fieldErrorf("suspended.workload", "%q is one of workloads", name)
	}
	return nil
}

func (p Pack) validateFailures() *FieldError {
	seen := map[string]bool{}
	for i, failure := range p.Failures {
		field := fmt.Sprintf("failures[%d]", i)
		key := fmt.Sprint(failure.Container, failure.ExitCode)
		switch {
		case !nameGrammar.MatchString(failure.Container):
			return fieldErrorf(field+".container", "must name an init container of the chart")
		// Zero is no failure, and above 128 it is a signal's number: the end came from outside.
		case failure.ExitCode < 1 || failure.ExitCode > 128:
			return fieldErrorf(field+".exitCode", "must be between 1 and 128")
		case seen[key]:
			return fieldErrorf(field+".exitCode", "%d of %s is there twice", failure.ExitCode, failure.Container)
		case !reasonGrammar.MatchString(failure.Reason):
			return fieldErrorf(field+".reason", "must be a word like PluginMissing")
		case failure.Message == "":
			return fieldErrorf(field+".message", "is required")
		}
		seen[key] = true
	}
	return nil
}

func (p Pack) validateComponents() *FieldError {
	seen := names{}
	for i, component := range p.Components {
		field := fmt.Sprintf("components[%d]", i)
		if err := seen.add(field+".name", component.Name, nameGrammar); err != nil {
			return err
		}
		runs := slices.ContainsFunc(p.Workloads, func(w Workload) bool { return w.Name == component.Workload })
		switch {
		case component.Title == "":
			return fieldErrorf(field+".title", "is required")
		case !runs:
			return fieldErrorf(field+".workload", "%q is none of workloads", component.Workload)
		case !nameGrammar.MatchString(component.Container):
			return fieldErrorf(field+".container", "must name a container of the workload")
		case len(component.Backup) == 0:
			return fieldErrorf(field+".backup", "is required")
		case len(component.Restore) == 0:
			return fieldErrorf(field+".restore", "is required: what can't be put back is no backup")
		}
	}
	return nil
}

func (u Upgrade) validate() *FieldError {
	for i, version := range u.From {
		if !versionGrammar.MatchString(version) {
			return fieldErrorf(fmt.Sprintf("upgrade.from[%d]", i), "must be a version of the pack")
		}
	}
	return nil
}

func (p Pack) validateSources() *FieldError {
	seen := names{}
	for i, source := range p.Sources {
		field := fmt.Sprintf("sources[%d]", i)
		if err := seen.add(field+".name", source.Name, nameGrammar); err != nil {
			return err
		}
		if !settingGrammar.MatchString(source.Setting) {
			return fieldErrorf(field+".setting", "must be the name of an environment variable")
		}
		if source.Description == "" {
			return fieldErrorf(field+".description", "is required")
		}
	}
	return nil
}
