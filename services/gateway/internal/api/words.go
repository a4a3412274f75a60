package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/store-platform/store-platform/pkg/engine"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/reason"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/services/gateway/internal/explain"
	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// takeWordsFromTheirLists has the document say, and requests be held to, all values that there are of types whose values
// are words. An enum tag at a field would be a second list, which nobody thinks of when the first grows.
func takeWordsFromTheirLists(schemas huma.Registry) {
	schemas.RegisterTypeAlias(reflect.TypeFor[store.Status](), reflect.TypeFor[status]())
	schemas.RegisterTypeAlias(reflect.TypeFor[query.Order](), reflect.TypeFor[order]())
	schemas.RegisterTypeAlias(reflect.TypeFor[query.DeadLetterKind](), reflect.TypeFor[deadLetterKind]())
	schemas.RegisterTypeAlias(reflect.TypeFor[engine.Tier](), reflect.TypeFor[tier]())
	schemas.RegisterTypeAlias(reflect.TypeFor[engine.OptionType](), reflect.TypeFor[optionType]())
	schemas.RegisterTypeAlias(reflect.TypeFor[engine.Change](), reflect.TypeFor[change]())
	schemas.RegisterTypeAlias(reflect.TypeFor[principal.Role](), reflect.TypeFor[role]())
	schemas.RegisterTypeAlias(reflect.TypeFor[principal.Scope](), reflect.TypeFor[scope]())
	schemas.RegisterTypeAlias(reflect.TypeFor[reason.Whom](), reflect.TypeFor[whom]())
	schemas.RegisterTypeAlias(reflect.TypeFor[explain.Kind](), reflect.TypeFor[linkKind]())
	schemas.RegisterTypeAlias(reflect.TypeFor[explain.Part](), reflect.TypeFor[part]())
}

type (
	status         string
	order          string
	deadLetterKind string
	tier           string
	optionType     string
	change         string
	role           string
	scope          string
	whom           string
	linkKind       string
	part           string
)

// Schema and its like are huma's way to ask a type for its schema.
func (status) Schema(huma.Registry) *huma.Schema         { return oneOf(store.Statuses) }
func (order) Schema(huma.Registry) *huma.Schema          { return oneOf(query.Orders) }
func (deadLetterKind) Schema(huma.Registry) *huma.Schema { return oneOf(query.DeadLetterKinds) }
func (tier) Schema(huma.Registry) *huma.Schema           { return oneOf(engine.Tiers) }
func (optionType) Schema(huma.Registry) *huma.Schema     { return oneOf(engine.OptionTypes) }
func (change) Schema(huma.Registry) *huma.Schema         { return oneOf(engine.Changes) }
func (role) Schema(huma.Registry) *huma.Schema           { return oneOf(principal.Roles) }
func (scope) Schema(huma.Registry) *huma.Schema          { return oneOf(principal.TokenScopes) }
func (linkKind) Schema(huma.Registry) *huma.Schema       { return oneOf(explain.Kinds) }
func (part) Schema(huma.Registry) *huma.Schema           { return oneOf(explain.Parts) }

func (whom) Schema(huma.Registry) *huma.Schema {
	return oneOf([]reason.Whom{reason.Merchant, reason.Operator})
}

func oneOf[T ~string](words []T) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, word := range words {
		s.Enum = append(s.Enum, string(word))
	}
	return s
}
