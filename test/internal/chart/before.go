package chart

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/store-platform/store-platform/test/internal/before"
	"github.com/store-platform/store-platform/test/internal/repo"
	"github.com/store-platform/store-platform/test/internal/tool"
)

// registryBefore is where the release before finds its images: both releases call them by the same tags, which a registry never moves.
const registryBefore = "before.example"

// Former is the release before, as its operator has it.
type Former struct {
	// Chart is the folder of its chart, and Values have it take the images that are in Archives.
	Chart    string
	Values   Values
	Archives []string
}

// Before is that release: its services, the sample engine's shop, and the broker of the version that its chart names. Its database is
// that of Pack.
func Before(ctx context.Context, archives string) (Former, error) {
	root, err := repo.Root()
	if err != nil {
		return Former{}, err
	}
	tree, err := before.Tree(ctx, root)
	if err != nil {
		return Former{}, err
	}
	services, err := packServicesBefore(ctx, root, tree, archives)
	if err != nil {
		return Former{}, fmt.Errorf("pack the release before: %w", err)
	}
	shop, err := packShopBefore(ctx, root, tree)
	if err != nil {
		return Former{}, fmt.Errorf("pack the sample shop of the release before: %w", err)
	}
	return Former{
		Chart: folder(tree), Archives: []string{services, shop},
		Values: Values{"image": Values{"registry": registryBefore, "pullPolicy": "Never"}},
	}, nil
}

// FolderBefore is where that release's chart is.
func FolderBefore(ctx context.Context) (string, error) {
	root, err := repo.Root()
	if err != nil {
		return "", err
	}
	tree, err := before.Tree(ctx, root)
	return folder(tree), err
}

func packServicesBefore(ctx context.Context, root, tree, folder string) (string, error) {
	tag, err := version(tree)
	if err != nil {
		return "", fmt.Errorf("read the chart's version: %w", err)
	}
	paths, err := before.Paths(ctx, root)
	if err != nil {
		return "", err
	}
	names, err := foreign(tree)
	if err != nil {
		return "", err
	}
	broker, err := ofBroker(ctx, names.Nats.Image, tool.NatsBefore)
	if err != nil {
		return "", err
	}
	contents := []image{broker}
	for program, path := range paths {
		packed := ofService(program, path, tag)
		packed.Name = registryBefore + "/" + packed.Name
		contents = append(contents, packed)
	}
	archive := filepath.Join(folder, "before.tar")
	return archive, write(ctx, root, archive, contents)
}

// packShopBefore has the shop built as make up has it, but under that registry.
func packShopBefore(ctx context.Context, root, tree string) (string, error) {
	at := filepath.Join(tree, "services", "provisioner", "engines", "sample")
	text, err := os.ReadFile(filepath.Join(at, "engine.yaml"))
	if err != nil {
		return "", err
	}
	var pack struct {
		Name, Version string
		Images        map[string]string
	}
	if err := yaml.Unmarshal(text, &pack); err != nil {
		return "", err
	}
	for container, name := range pack.Images {
		pack.Images[container] = registryBefore + "/" + name
	}
	built, err := ask(ctx, root, map[string]any{"verb": "ensure", "packs": []any{map[string]any{
		"name": pack.Name, "version": pack.Version, "images": pack.Images, "folder": at,
	}}})
	return built.Images[pack.Name+"."+pack.Version].Path, err
}
