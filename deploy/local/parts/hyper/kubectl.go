package main

import (
	"os"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/cmd/apply"
	"k8s.io/kubectl/pkg/cmd/create"
	"k8s.io/kubectl/pkg/cmd/get"
	"k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/cmd/wait"
)

// kubectl is the four commands that the supervisor asks for, of forty. Who looks around in the cluster has one of their own.
func kubectl() *cobra.Command {
	flags := genericclioptions.NewConfigFlags(true).WithDiscoveryBurst(300).WithDiscoveryQPS(50)
	command := &cobra.Command{Use: "kubectl", SilenceUsage: true}
	flags.AddFlags(command.PersistentFlags())
	factory := util.NewFactory(flags)
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	command.AddCommand(
		apply.NewCmdApply("kubectl", factory, streams), create.NewCmdCreate(factory, streams),
		get.NewCmdGet("kubectl", factory, streams), wait.NewCmdWait(flags, streams))
	return command
}
