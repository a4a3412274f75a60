package tiers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func runStatic(ctx context.Context, r *shift) error {
	if err := r.checkFormat(ctx); err != nil {
		return err
	}
	// Vet reads and checks every package and test of a module, without the workspace; what of them is run is linked elsewhere.
	for _, m := range r.modules {
		r.check("vet "+m.dir, r.command(ctx, m.dir, "go", "vet", "./..."))
	}
	if err := runLint(ctx, r); err != nil {
		return err
	}
	return r.goTest(ctx, suite{tier: "static", fresh: true})
}

// runLint reads all modules in one go, in the workspace: what they share is read once, and only there does the linter know a
// package of a module that stands in for another by its place in the clone, so that what it found is found again in the next clone.
func runLint(ctx context.Context, r *shift) error {
	linter, err := golangci.Path(ctx, r.out)
	if err != nil {
		return err
	}
	arguments := []string{"run", "--config", filepath.Join(r.repo, ".golangci.yaml")}
	for _, m := range r.modules {
		arguments = append(arguments, "./"+filepath.ToSlash(m.dir)+"/...")
	}
	lint := r.command(ctx, ".", linter, arguments...)
	lint.Env = append(lint.Env, "GOWORK="+filepath.Join(r.repo, "go.work"))
	r.check("lint", lint)
	return nil
}

// checkFormat looks at what git knows or would add: the state folder may hold a whole cluster.
func (r *shift) checkFormat(ctx context.Context) error {
	files, err := r.command(ctx, ".", "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", "*.go").Output()
	if err != nil {
		return fmt.Errorf("list the sources: %w", err)
	}
	args := []string{"-l"}
	for _, name := range strings.Split(strings.TrimRight(string(files), "\x00"), "\x00") {
		if _, err := os.Stat(filepath.Join(r.repo, name)); err == nil {
			args = append(args, name)
		}
	}
	began := time.Now()
	format := r.command(ctx, ".", "gofmt", args...)
	unformatted, err := format.CombinedOutput()
	r.spent(format)
	if err == nil && len(unformatted) > 0 {
		err = errors.New("gofmt would change these files")
	}
	r.settle("gofmt", began, string(unformatted), err)
	return nil
}
