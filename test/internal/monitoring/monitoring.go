// Package monitoring reads what an operator's Prometheus and Grafana are given (deploy/k8s/files/monitoring), and has Prometheus' own
// promtool say what they make of what the services say of themselves.
package monitoring

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Files is the folder with the rules and boards, in the clone.
const Files = "deploy/k8s/files/monitoring"

// RulesFile is that of the rules.
func RulesFile(repo string) string { return filepath.Join(repo, Files, "alerts.yaml") }

// Rule is one of it: a record or an alert.
type Rule struct {
	Record, Alert, Expr, For string
	Labels, Annotations      map[string]string
}

// Rules are all, in their order.
func Rules(repo string) ([]Rule, error) {
	data, err := os.ReadFile(RulesFile(repo))
	if err != nil {
		return nil, fmt.Errorf("read the rules: %w", err)
	}
	var file struct{ Groups []struct{ Rules []Rule } }
	if err := yaml.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read the rules: %w", err)
	}
	var all []Rule
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	return all, nil
}

// Board is one of Grafana's, as far as it is looked at.
type Board struct {
	// File is its name in the folder, without the ending.
	File       string   `json:"-"`
	UID        string   `json:"uid"`
	Title      string   `json:"title"`
	Tags       []string `json:"tags"`
	Panels     []Panel  `json:"panels"`
	Templating struct {
		List []struct{ Name, Type, Query string }
	} `json:"templating"`
}

// Panel is one of a board's.
type Panel struct {
	Type        string            `json:"type"`
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Datasource  map[string]string `json:"datasource"`
	GridPos     struct{ X, Y, W, H int }
	Targets     []struct {
		RefID string `json:"refId"`
		Expr  string `json:"expr"`
	} `json:"targets"`
}

// Boards are all, in the order of their files' names.
func Boards(repo string) ([]Board, error) {
	paths, err := filepath.Glob(filepath.Join(repo, Files, "boards", "*.json"))
	if err != nil {
		return nil, fmt.Errorf("find the boards: %w", err)
	}
	boards := make([]Board, len(paths))
	for i, path := range paths {
		data, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(data, &boards[i])
		}
		if err != nil {
			return nil, fmt.Errorf("read the board %s: %w", filepath.Base(path), err)
		}
		boards[i].File = strings.TrimSuffix(filepath.Base(path), ".json")
	}
	return boards, nil
}

// inGrafana are what Grafana puts into a query, and what stands there while somebody looks at an installation.
var inGrafana = strings.NewReplacer("$namespace", Namespace, "$__rate_interval", "5m")

// Queries are the panel's as Prometheus gets them.
func (p Panel) Queries() []string {
	queries := make([]string, len(p.Targets))
	for i, target := range p.Targets {
		queries[i] = inGrafana.Replace(target.Expr)
	}
	return queries
}

// Queries are those of all panels whose title is wanted.
func Queries(repo string, wanted func(title string) bool) (queries []string, err error) {
	boards, err := Boards(repo)
	for _, board := range boards {
		for _, panel := range board.Panels {
			if wanted(panel.Title) {
				queries = append(queries, panel.Queries()...)
			}
		}
	}
	return queries, err
}
