// hyper is Kubernetes in one static binary: a command is chosen by argv[0] or argv[1].
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	_ "time/tzdata"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func run(f func() *cobra.Command) { os.Exit(cli.Run(f())) }

func main() {
	name := filepath.Base(os.Args[0])
	for i := 0; i < 2; i++ {
		switch name {
		case "etcd":
			etcdmain.Main(os.Args)
			return
		case "kube-apiserver":
			run(apiserver.NewAPIServerCommand)
		case "kube-controller-manager":
			run(kcm.NewControllerManagerCommand)
		case "kube-scheduler":
			run(func() *cobra.Command { return scheduler.NewSchedulerCommand() })
		case "kubelet":
			run(func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) })
		case "kube-proxy":
			run(proxy.NewProxyCommand)
		case "certificates":
			if err := certificates(os.Stdin); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		case "kubectl":
			run(kubectl)
		}
		if len(os.Args) < 2 {
			break
		}
		name = os.Args[1]
		os.Args = os.Args[1:]
	}
	fmt.Fprintln(os.Stderr, "usage: hyper etcd|kube-apiserver|kube-controller-manager|kube-scheduler|kubelet|kube-proxy|kubectl|certificates [flags]")
	os.Exit(2)
}
