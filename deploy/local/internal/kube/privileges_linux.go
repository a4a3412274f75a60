package kube

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// probe tries what a node does, in namespaces that are gone with it: a bridge, a pair of
// links, a mount, a rule, a set of addresses. Trying says more than reading capabilities: a
// container may have them all and a kernel without the module.
const probe = `set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
ip link add probe0 type bridge
ip link add probe1 type veth peer name probe2
mkdir -p /run/a /run/b /run/c /run/d
mount -t overlay overlay -o lowerdir=/run/a,upperdir=/run/b,workdir=/run/c /run/d
iptables -t nat -A POSTROUTING -m comment --comment probe -j MASQUERADE
iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP
ipset create probe hash:ip
iptables -A FORWARD -m set --match-set probe src -j DROP
test -d /sys/fs/cgroup
`

// missingPrivileges tells what this process isn't allowed to do. Without the tools the
// probe isn't run: they are on the list already.
func missingPrivileges() []Lack {
	const otherWay = "or use a cluster of your own: KUBE_CONTEXT=name make up"
	if os.Geteuid() != 0 {
		return []Lack{{"root: a node makes namespaces, mounts and firewall rules (in a sandbox of its own)", "sudo make up, " + otherWay}}
	}
	if len(MissingPackages()) > 0 {
		return nil
	}
	command := exec.Command("sh", "-c", probe)
	command.Env = []string{"PATH=" + toolPath}
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
	}
	output, err := command.CombinedOutput()
	if err == nil {
		return nil
	}
	reason := strings.TrimSpace(string(output))
	if reason == "" {
		reason = err.Error()
	}
	reason, _, _ = strings.Cut(reason, "\n")
	return []Lack{{"the right to run a node here (" + reason + ")", "run on a machine or in a container that allows it (--privileged), " + otherWay}}
}
