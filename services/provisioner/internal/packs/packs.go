// Package packs holds the engine packs that this provisioner carries: the built-in ones and those that an operator
// has mounted.
package packs

import (
	"fmt"
	"io/fs"

	"github.com/store-platform/store-platform/pkg/engine"
)

// Engine is one pack and its chart.
type Engine struct {
	engine.Pack
	Chart []engine.ChartFile
}

// Set is immutable.
type Set struct {
	engines map[string]Engine
	packs   []engine.Pack
}

// Load reads the packs of every source. Two of one name are refused: which of them runs must not depend on an order.
func Load(sources ...fs.FS) (*Set, error) {
	set := &Set{engines: map[string]Engine{}}
	for _, source := range sources {
		loaded, err := engine.Load(source)
		if err != nil {
			return nil, err
		}
		for _, pack := range loaded {
			if _, taken := set.engines[pack.Name]; taken {
				return nil, fmt.Errorf("load engine %s: there are two packs of that name", pack.Name)
			}
			chart, err := engine.Chart(source, pack.Name)
			if err != nil {
				return nil, err
			}
			set.engines[pack.Name] = Engine{Pack: pack, Chart: chart}
			set.packs = append(set.packs, pack)
		}
	}
	return set, nil
}

// All lists the packs, for the catalog.
func (s *Set) All() []engine.Pack { return s.packs }

// Find is by the engine's name.
func (s *Set) Find(name string) (Engine, bool) {
	e, ok := s.engines[name]
	return e, ok
}
