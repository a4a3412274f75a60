//go:build !linux

package kube

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"syscall"
)

// errLinux is what a node says elsewhere; StartAPI works wherever Kubernetes compiles.
var errLinux = errors.New("start the cluster: a node needs Linux; use KUBE_CONTEXT=name")

type (
	sandbox struct{}
	thread  struct{}
)

func (*sandbox) stop(string) error { return nil }
func (*thread) end()               {}

// Main does nothing here: there are no sandboxes.
func Main() {}

// Start needs Linux.
func Start(context.Context, Config, Progress) (*Cluster, error) { return nil, errLinux }

// DialContext connects as any program would.
func (c *Cluster) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// Command is an ordinary command.
func (c *Cluster) Command(ctx context.Context, as *syscall.Credential, name string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, name, arguments...)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	return command
}

func (c *Cluster) startInside(*exec.Cmd) error { return errLinux }

func snapshotter(string) string { return "native" }

func missingPrivileges() []Lack { return nil }
