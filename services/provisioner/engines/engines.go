// Package engines carries the engine packs that ship with the provisioner, a folder each: engine.yaml
// (what the platform must know), chart/ (how it is deployed) and image/ (how its images are built).
// The format is pkg/engine; read it with engine.Load(engines.Packs) and engine.Chart(engines.Packs, pack).
//
// A new engine is a new folder, and no more. The second version of one is a folder beside the first (<name>/<version>/…,
// with patterns of its own below), which stays whole for as long as stores of it may stand. Patterns name the parts of a pack because image/ stays outside: it may
// be a module of its own, which can't be embedded, and belongs in a registry, not in the provisioner.
package engines

import "embed"

// Packs has a folder per engine at its root.
//
// The prefix "all:" keeps _helpers.tpl, which a plain pattern leaves out. _library is what the charts have in common; it is
// called so because what begins with "_" is no pack.
//
//go:embed */engine.yaml all:*/chart all:_library
var Packs embed.FS
