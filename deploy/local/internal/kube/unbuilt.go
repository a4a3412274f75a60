package kube

import "github.com/store-platform/store-platform/deploy/local/internal/buildcache"

// Unbuilt names the parts that Build would have to compile.
func (b Builder) Unbuilt() []string {
	var names []string
	for _, r := range recipes {
		// One whose key can't be told fails in Build, which says why.
		if key, err := r.key(b.Repo); err != nil || !buildcache.Has(b.Cache, r.Name, key) {
			names = append(names, r.Name)
		}
	}
	return names
}
