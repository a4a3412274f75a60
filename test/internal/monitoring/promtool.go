package monitoring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/tool"
)

// Promtool runs it on words and answers what it says. Nothing that it is asked for here takes a network.
func Promtool(ctx context.Context, words ...string) (string, error) {
	path, err := tool.Promtool.Path(ctx, os.Stderr)
	if err != nil {
		return "", err
	}
	var said bytes.Buffer
	command := exec.Command(path, words...)
	command.Env = parts.Environment()
	command.Stdout, command.Stderr = &said, &said
	if err := guard.Run(ctx, command); err != nil {
		return said.String(), fmt.Errorf("promtool %s: %w\n%s", strings.Join(words, " "), err, said.Bytes())
	}
	return said.String(), nil
}

// lasts is how many minutes go on as they did: longer than any alert waits, a change within an hour included.
const lasts = 150

// inputSeries, question and answer are as much of promtool's test files as is written here.
type inputSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type question struct {
	Expr     string   `yaml:"expr"`
	EvalTime string   `yaml:"eval_time"`
	Expected []answer `yaml:"exp_samples"`
}

type answer struct {
	Labels string `yaml:"labels"`
	Value  int    `yaml:"value"`
}

// ask has promtool answer questions about what goes on, under the clone's rules.
func (g Going) ask(ctx context.Context, repo string, questions []question) error {
	rules, err := Rules(repo)
	if err != nil {
		return err
	}
	var queries []string
	for _, rule := range rules {
		queries = append(queries, rule.Expr)
	}
	for _, q := range questions {
		queries = append(queries, q.Expr)
	}
	type object = map[string]any
	file, err := yaml.Marshal(object{
		"rule_files": []string{RulesFile(repo)}, "evaluation_interval": "1m",
		"tests": []object{{
			"interval": "1m", "start_timestamp": g.now.at.UTC().Format(time.RFC3339), "input_series": g.series(queries, lasts), "promql_expr_test": questions,
		}},
	})
	if err != nil {
		return fmt.Errorf("write what promtool is asked: %w", err)
	}
	dir, err := os.MkdirTemp("", "monitoring")
	if err != nil {
		return fmt.Errorf("make a folder for promtool: %w", err)
	}
	path := filepath.Join(dir, "asked.yaml")
	if err = os.WriteFile(path, file, 0o600); err == nil {
		_, err = Promtool(ctx, "test", "rules", path)
	}
	return errors.Join(err, os.RemoveAll(dir))
}

func at(minute int) string { return fmt.Sprintf("%dm", minute) }

// Answered fails unless each query has an answer, by the message that names it.
func (g Going) Answered(ctx context.Context, repo string, queries []string) error {
	questions := make([]question, len(queries))
	for i, query := range queries {
		questions[i] = question{"count(" + query + ") > bool 0", at(lasts / 2), []answer{{"{}", 1}}}
	}
	return g.ask(ctx, repo, questions)
}

// Fires fails unless these alerts fire where this goes on; others may. Without any, none may.
func (g Going) Fires(ctx context.Context, repo string, alerts ...string) error {
	if len(alerts) == 0 {
		return g.ask(ctx, repo, []question{{Expr: `ALERTS{alertstate="firing"}`, EvalTime: at(lasts)}})
	}
	questions := make([]question, len(alerts))
	for i, alert := range slices.Sorted(slices.Values(alerts)) {
		questions[i] = question{fmt.Sprintf(`count(ALERTS{alertname=%q,alertstate="firing"}) > bool 0`, alert), at(lasts), []answer{{"{}", 1}}}
	}
	return g.ask(ctx, repo, questions)
}

// Quiet fails if this alert fires where this goes on; others may.
func (g Going) Quiet(ctx context.Context, repo, alert string) error {
	return g.ask(ctx, repo, []question{{Expr: fmt.Sprintf(`ALERTS{alertname=%q,alertstate="firing"}`, alert), EvalTime: at(lasts)}})
}

// Shows fails unless these panels have something to show where this goes on, and these alerts fire.
func (g Going) Shows(ctx context.Context, repo string, panels []string, alerts ...string) error {
	queries, err := Queries(repo, func(title string) bool { return slices.Contains(panels, title) })
	if err == nil && len(queries) < len(panels) {
		err = fmt.Errorf("the boards have %d queries in the panels %q", len(queries), panels)
	}
	if err != nil {
		return err
	}
	return errors.Join(g.Answered(ctx, repo, queries), g.Fires(ctx, repo, alerts...))
}
