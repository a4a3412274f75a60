package kube

import "strings"

// What an API server without nodes has, beside the core group. Whoever removes a namespace asks for the objects of every
// kind there is, and each kind costs its watches: what neither the platform nor an engine, a test or Kubernetes itself
// asks for is left out.
var (
	nodelessGroups = []string{
		"admissionregistration.k8s.io/v1", "apiextensions.k8s.io/v1", "apiregistration.k8s.io/v1", "apps/v1",
		"authentication.k8s.io/v1", "authorization.k8s.io/v1", "batch/v1", "coordination.k8s.io/v1", "discovery.k8s.io/v1",
		"networking.k8s.io/v1", "policy/v1", "rbac.authorization.k8s.io/v1", "resource.k8s.io/v1",
		"storage.k8s.io/v1",
	}
	nodelessControllers = []string{
		"namespace-controller", "serviceaccount-controller", "serviceaccount-token-controller", "root-ca-certificate-publisher-controller",
		"garbage-collector-controller", "resourcequota-controller", "clusterrole-aggregation-controller",
		"deployment-controller", "replicaset-controller", "statefulset-controller", "cronjob-controller", "job-controller",
	}
	// nodelessWithout are admission plugins that wait for kinds which aren't there; the one that would have a class which a test
	// makes the default take claims of others; and the one that has a namespace with a volume wait five seconds more for it to
	// be out of use, which without pods that run it always is.
	nodelessWithout = []string{"Priority", "RuntimeClass", "DefaultStorageClass", "StorageObjectInUseProtection"}
)

func nodelessAPI() []string {
	return []string{
		"--authorization-mode", "RBAC",
		// The reconciler refuses to publish a loopback address, and without nodes nobody would use it.
		"--endpoint-reconciler-type", "none",
		"--runtime-config", "api/all=false,api/v1=true," + strings.Join(nodelessGroups, "=true,") + "=true",
		"--disable-admission-plugins", strings.Join(nodelessWithout, ","),
		// Fairness has a group of its own.
		"--enable-priority-and-fairness=false",
	}
}

func nodelessManager(only []string) []string {
	if len(only) == 0 {
		only = nodelessControllers
	}
	return []string{
		"--controllers", strings.Join(only, ","),
		// Tests remove many at a time, and wait for each.
		"--concurrent-namespace-syncs", "30",
	}
}
