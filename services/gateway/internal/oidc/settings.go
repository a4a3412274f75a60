package oidc

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/store-platform/store-platform/services/gateway/internal/principal"
)

// Settings is a file of providers.
type Settings struct {
	Providers []Provider `yaml:"providers"`
}

// Provider is one of those who know people, as an operator describes it.
type Provider struct {
	// Name stands in paths, and for ever in what accounts are known by; Title is what people read.
	Name   string `yaml:"name"`
	Title  string `yaml:"title"`
	Issuer string `yaml:"issuer"`
	// ClientID and the secret are what the provider has given the installation. The secret's file is read at each sign-in, so that
	// it can be replaced; without one the client is public, and PKCE alone tells it from others.
	ClientID         string `yaml:"clientID"`
	ClientSecretFile string `yaml:"clientSecretFile"`
	// Scopes are asked for beside openid; email and profile without any.
	Scopes []string `yaml:"scopes"`
	// GroupsClaim is where the provider lists somebody's groups: "groups" when empty.
	GroupsClaim string  `yaml:"groupsClaim"`
	Groups      []Group `yaml:"groups"`
}

// Group says what whoever is in a group of the provider's is here, for as long as that is so.
type Group struct {
	Name string `yaml:"name"`
	// Operator, or Role in Tenant.
	Operator bool           `yaml:"operator"`
	Tenant   string         `yaml:"tenant"`
	Role     principal.Role `yaml:"role"`
}

var names = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

// Load reads a file of providers. Its error names what is wrong, and where.
func Load(path string) (Settings, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Settings{}, err
	}
	var s Settings
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&s); err != nil {
		return Settings{}, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	var wrong []error
	seen := map[string]bool{}
	for i, p := range s.Providers {
		if seen[p.Name] {
			wrong = append(wrong, fmt.Errorf("providers[%d]: there are two of the name %q", i, p.Name))
		}
		seen[p.Name] = true
		for _, err := range p.check() {
			wrong = append(wrong, fmt.Errorf("providers[%d]: %w", i, err))
		}
	}
	if len(s.Providers) == 0 {
		wrong = append(wrong, errors.New("providers: there is none"))
	}
	return s, errors.Join(wrong...)
}

func (p Provider) check() (wrong []error) {
	if !names.MatchString(p.Name) {
		wrong = append(wrong, fmt.Errorf("name %q: lower-case letters, digits and dashes, at most 31", p.Name))
	}
	issuer, err := url.Parse(p.Issuer)
	// In clear whoever stands between says who people are; on one's own machine nobody does.
	if err != nil || issuer.Host == "" || issuer.Scheme != "https" && !(issuer.Scheme == "http" && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, issuer.Hostname())) {
		wrong = append(wrong, fmt.Errorf("issuer %q: must be like https://accounts.example", p.Issuer))
	}
	if p.ClientID == "" {
		wrong = append(wrong, errors.New("clientID is missing"))
	}
	if p.ClientSecretFile != "" {
		if _, err := p.secret(); err != nil {
			wrong = append(wrong, err)
		}
	}
	for i, g := range p.Groups {
		if g.Name == "" || g.Operator == (g.Tenant != "") || !g.Operator && !g.Role.Known() || g.Operator && g.Role != "" {
			wrong = append(wrong, fmt.Errorf("groups[%d]: must have a name, and either operator: true or a tenant and a role of it", i))
		}
	}
	return wrong
}

func (p Provider) secret() (string, error) {
	if p.ClientSecretFile == "" {
		return "", nil
	}
	data, err := os.ReadFile(p.ClientSecretFile)
	if err != nil {
		return "", fmt.Errorf("clientSecretFile: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

func (p Provider) scopes() []string {
	if len(p.Scopes) > 0 {
		return p.Scopes
	}
	return []string{"email", "profile"}
}

func (p Provider) groupsClaim() string {
	if p.GroupsClaim != "" {
		return p.GroupsClaim
	}
	return "groups"
}
