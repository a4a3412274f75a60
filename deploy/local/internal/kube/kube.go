// Package kube builds and runs a real one-node Kubernetes on a bare Linux machine: no
// Docker, no package of a distribution, only the Go module proxy and a few Debian tools.
//
// There are three ways in. Build makes the binaries and images, each kept in the cache
// folder under a hash of its inputs (see Parts). Start runs them in a sandbox: own
// mount, network, process, host name and IPC namespaces, so that ending one process
// ends every process, container, mount, link and firewall rule of the cluster, and
// nothing of the machine's own is touched. StartAPI runs the control plane alone, with
// no sandbox and no privilege, for tests that need an API server and no node.
//
// A door on a loopback address of the machine leads to the API server in the sandbox.
// It is a listener of this process: nothing of it outlives this process either.
//
// Whoever links this package calls Main first thing in main: the sandbox's first
// process and its watchdog are this same program, started again.
package kube

import (
	"io"
	"time"
)

// Progress reports that part is at done of total; total is 0 while unknown. message is
// a short phrase for people. It is called from one goroutine at a time.
type Progress func(part, message string, done, total int)

// Config says what Start and StartAPI run.
type Config struct {
	// Tools is what Build made.
	Tools *Toolbox
	// StateDir holds everything the cluster keeps: certificates, etcd's data, images,
	// volumes, logs. It is made when absent and resumed when present. Two clusters never
	// share one.
	StateDir string
	// APIAddr is the loopback address of the door to the API server, host:port. Port 0
	// takes a free one; the kubeconfig names the one taken.
	APIAddr string
	// Throwaway lets etcd skip fsync, and has quotas counted anew several times a minute: right for a cluster that
	// nobody keeps (tests) and for nothing else.
	Throwaway bool
	// Controllers are the only ones that an API server without nodes has; empty are those that tests want.
	Controllers []string
	// Out receives what people should see besides progress; nil discards it. Logs of the
	// parts go to StateDir/log.
	Out io.Writer
}

// endGrace is how long the kernel gets to end everything in a sandbox.
const endGrace = 20 * time.Second
