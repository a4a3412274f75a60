package runas

import "syscall"

// netBindService is CAP_NET_BIND_SERVICE.
const netBindService = 10

// LowPorts lets a command listen on ports below 1024, which root may and other users may not.
func LowPorts(attributes *syscall.SysProcAttr) {
	attributes.AmbientCaps = append(attributes.AmbientCaps, netBindService)
}
