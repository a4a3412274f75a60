package store

import (
	"fmt"
	"regexp"
	"slices"
)

// DefaultCluster is the cluster of every store that doesn't say another: the only one there was before stores had one.
// Its stores' subjects, consumers and leases don't name it, so that older releases and older logs go on as they are.
const DefaultCluster = "default"

// maxCluster bounds a cluster's name: it stands in subjects, in consumers' names and in keys.
const maxCluster = 32

var (
	clusterPattern = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	// reserved are words that stand in subjects and keys beside a cluster's name.
	reserved = []string{"store", "command", "apply", "delete", "event", "keeper", "sweep", "cluster"}
)

// ParseCluster refuses what can't be a cluster's name. What comes from outside passes here before it becomes part of a
// subject, where a dot or a star would reach other clusters' stores.
func ParseCluster(s string) (string, error) {
	switch {
	case len(s) > maxCluster || !clusterPattern.MatchString(s):
		return "", fmt.Errorf("%q is no name of a cluster: at most %d characters a-z, 0-9 and -, the first a letter, the last no -", s, maxCluster)
	case slices.Contains(reserved, s):
		return "", fmt.Errorf("%q is no name of a cluster: the word has another meaning", s)
	}
	return s, nil
}

// IsDefaultCluster takes no name for the default one's, as states do.
func IsDefaultCluster(name string) bool { return name == "" || name == DefaultCluster }

// ClusterKey is where something stands in a bucket of which each cluster has one of its own: a lease, a sweep's report.
// The name comes first, so that a broker user can be held to its cluster's keys.
func ClusterKey(cluster, key string) string {
	if IsDefaultCluster(cluster) {
		return key
	}
	return cluster + "." + key
}

// ClusterName is the cluster that the store is made in.
func (s State) ClusterName() string {
	if IsDefaultCluster(s.Cluster) {
		return DefaultCluster
	}
	return s.Cluster
}
