//go:build !linux

package runas

import "syscall"

// LowPorts does nothing: everything runs as who started it.
func LowPorts(*syscall.SysProcAttr) {}
