package target

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/store-platform/store-platform/deploy/local/internal/images"
	"github.com/store-platform/store-platform/pkg/engine"
)

// enginesFolder holds the packs in a clone.
const enginesFolder = "services/provisioner/engines"

// Packs reads the engine packs of a clone, and those in the folder more, unless that is empty.
func Packs(repository, more string) ([]images.Pack, error) {
	folders := []string{filepath.Join(repository, enginesFolder)}
	if more != "" {
		absolute, err := filepath.Abs(more)
		if err != nil {
			return nil, fmt.Errorf("find the folder of more engine packs: %w", err)
		}
		folders = append(folders, absolute)
	}
	var all []images.Pack
	for _, folder := range folders {
		packs, err := engine.Load(os.DirFS(folder))
		if err != nil {
			return nil, fmt.Errorf("read the engine packs in %s: %w", folder, err)
		}
		for _, pack := range packs {
			all = append(all, images.Pack{Pack: pack, Folder: filepath.Join(folder, engine.Folder(os.DirFS(folder), pack))})
		}
	}
	return all, nil
}
