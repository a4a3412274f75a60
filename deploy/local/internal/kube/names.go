package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
)

// Addresses inside the sandbox. Each sandbox has a network of its own, so all have the same.
const (
	nodeName    = "local"
	nodeIP      = "172.31.255.1"
	podCIDR     = "10.244.0.0/16"
	nodeCIDR    = "10.244.0.0/22" // the first and only one that is carved out of podCIDR
	serviceCIDR = "10.96.0.0/16"
	dnsIP       = "10.96.0.10"
)

// Folders inside the sandbox. They are short and always the same, because paths of Unix
// sockets end at 108 bytes and because certificates, volumes and container records
// name them: a clone may be moved with its state.
const (
	insideState = "/run/cluster" // Config.StateDir
	insideTools = "/run/tools"   // the cache folder
)

// ownerVariable marks every process of a cluster in its environment, for Leftovers.
const ownerVariable = "STORE_PLATFORM_CLUSTER"

// clusterName names the cluster of a state folder: its cgroup, and its mark in the
// environment of processes. Unique on a machine, so clusters run side by side.
func clusterName(stateDir string) string {
	if absolute, err := filepath.Abs(stateDir); err == nil {
		stateDir = absolute
	}
	if real, err := filepath.EvalSymlinks(stateDir); err == nil {
		stateDir = real
	}
	sum := sha256.Sum256([]byte(stateDir))
	return "store-platform-" + hex.EncodeToString(sum[:4])
}

// linkName is the name of the node's link: at most 15 bytes, and unique as the cluster's, so
// that one that got out of its sandbox could be told.
func linkName(cluster string) string {
	return "sp-" + cluster[strings.LastIndex(cluster, "-")+1:]
}
