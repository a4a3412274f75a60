package platform

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// Inside runs a command in all the namespaces of a process, as a user of its container, and answers what it has printed. Its
// programs are the container's.
func Inside(ctx context.Context, pid int, user string, command ...string) ([]byte, error) {
	args := append([]string{"--target", fmt.Sprint(pid), "--all", "--setuid", user, "--setgid", user, "--"}, command...)
	return exec.CommandContext(ctx, "nsenter", args...).CombinedOutput()
}

// Volumes are folders of the cluster's node that pods have as their volumes. They have no size there, so that each can be
// given one while no pod has it.
type Volumes struct {
	// node is a process that sees the node's mounts.
	node string
}

// VolumesOf finds them from any process of a pod.
func VolumesOf(pid int, uid string) (Volumes, error) {
	node, err := nodeOf(pid, uid)
	return Volumes{fmt.Sprint(node)}, err
}

// Volumes are the node's.
func (n Node) Volumes() Volumes { return Volumes{fmt.Sprint(n.runtime)} }

// Disk makes a folder that is a file system of its own, in memory, of 16 MiB, where everybody may write. Discard takes both away.
func (v Volumes) Disk(ctx context.Context, folder string) error {
	return v.run(ctx, `mkdir "$1" && mount -t tmpfs -o size=16m,mode=0777 disk "$1"`, folder)
}

// Discard is Disk's opposite.
func (v Volumes) Discard(ctx context.Context, folder string) error {
	return v.run(ctx, `umount "$1" && rmdir "$1"`, folder)
}

// Limit puts what is in the folder on a file system in memory, which has a size, in the folder's place. All of it is the
// group's to write then, as where a cluster gives volumes to the group of their pods.
func (v Volumes) Limit(ctx context.Context, folder string) error {
	return v.run(ctx, `t=$(mktemp -d) && mount -t tmpfs -o size=512m,mode=0777 limited "$t" &&
		cp -a "$1/." "$t/" && chmod -R g+rwX "$t" && mount --bind "$t" "$1" && umount "$t" && rmdir "$t"`, folder)
}

// Fill makes the file system as large as what is on it, and Widen large again.
func (v Volumes) Fill(ctx context.Context, folder string) error {
	// None at all would be any.
	return v.run(ctx, `used=$(($(df --block-size=1K --output=used "$1" | tail -n 1))) &&
		mount -o "remount,size=$((used > 4 ? used : 4))k" "$1"`, folder)
}

// Widen is Fill's opposite.
func (v Volumes) Widen(ctx context.Context, folder string) error {
	return v.run(ctx, `mount -o remount,size=512m "$1"`, folder)
}

// Freeze has the kernel refuse whatever would change the folder or its files, open ones included; a read-only mount would be
// refused itself while one is. Thaw ends that.
func (v Volumes) Freeze(ctx context.Context, folder string) error {
	return v.run(ctx, `chattr -R +i "$1"`, folder)
}

// Thaw is Freeze's opposite.
func (v Volumes) Thaw(ctx context.Context, folder string) error {
	return v.run(ctx, `chattr -R -i "$1"`, folder)
}

// Release takes the file system away again. Pods that have it keep it until they end.
func (v Volumes) Release(ctx context.Context, folder string) error {
	return v.run(ctx, `umount --lazy "$1"`, folder)
}

func (v Volumes) run(ctx context.Context, script, folder string) error {
	enter := exec.CommandContext(ctx, "nsenter", "--target", v.node, "--mount", "--pid", "sh", "-euc", script, "sh", folder)
	said, err := enter.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", folder, err, strings.TrimSpace(string(said)))
	}
	return nil
}
