// Package packs holds the engine packs that this provisioner carries: the built-in ones and those that an operator
// has mounted.
package packs

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/store-platform/store-platform/pkg/engine"
)

// Engine is one pack and its chart.
type Engine struct {
	engine.Pack
	Chart []engine.ChartFile
}

// Set is immutable.
type Set struct {
	engines map[version]Engine
	packs   []engine.Pack
	// offered is the version of each engine that new stores are made of.
	offered map[string]engine.Pack
}

type version struct{ name, version string }

// Load reads the packs of every source. Two of one name and version are refused: which of them runs must not depend on
// an order.
func Load(sources ...fs.FS) (*Set, error) {
	set := &Set{engines: map[version]Engine{}, offered: map[string]engine.Pack{}}
	for _, source := range sources {
		loaded, err := engine.Load(source)
		if err != nil {
			return nil, err
		}
		for _, pack := range loaded {
			key := version{pack.Name, pack.Version}
			if _, taken := set.engines[key]; taken {
				return nil, fmt.Errorf("load engine %s: there are two packs of version %s", pack.Name, pack.Version)
			}
			chart, err := engine.Chart(source, pack)
			if err != nil {
				return nil, err
			}
			set.engines[key] = Engine{Pack: pack, Chart: chart}
			set.packs = append(set.packs, pack)
		}
	}
	for _, pack := range engine.Offered(set.packs) {
		set.offered[pack.Name] = pack
	}
	return set, nil
}

// All lists the packs, every version of each engine.
func (s *Set) All() []engine.Pack { return s.packs }

// Offered lists those that new stores may be made of, one of each engine.
func (s *Set) Offered() []engine.Pack { return engine.Offered(s.packs) }

// Find is by the engine's name and the version that a store was made of. Stores of the oldest logs say none; theirs is
// what is offered.
func (s *Set) Find(name, of string) (Engine, bool) {
	if of == "" {
		of = s.offered[name].Version
	}
	e, ok := s.engines[version{name, of}]
	return e, ok
}

// Name is how a pack is called that Find finds by these.
func Name(engine, version string) string { return engine + "@" + version }

// Names are all by which something is found.
func (s *Set) Names() []string {
	var all []string
	for _, pack := range s.packs {
		all = append(all, Name(pack.Name, pack.Version))
	}
	for _, pack := range s.offered {
		all = append(all, Name(pack.Name, ""))
	}
	slices.Sort(all)
	return all
}

// Versions lists what is carried of one engine.
func (s *Set) Versions(name string) []Engine {
	var all []Engine
	for _, pack := range s.packs {
		if pack.Name == name {
			all = append(all, s.engines[version{name, pack.Version}])
		}
	}
	return all
}
