package cluster_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/engine"
)

// installing is a pod whose init container "install" is in the given state.
func installing(state corev1.ContainerState) corev1.PodStatus {
	return corev1.PodStatus{
		Phase:                 corev1.PodPending,
		InitContainerStatuses: []corev1.ContainerStatus{{Name: "install", State: state}},
	}
}

func ended(code int32, run string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error", ContainerID: "containerd://" + run}}
}

func TestAwaitWorkloadsTellsThePhases(t *testing.T) {
	b := setup(t)
	op := b.isolated(t)
	b.deploy(t, "64Mi")
	told := make(chan string, 10)
	a := awaited(b.id)
	a.Workloads = []engine.Workload{{Kind: "Deployment", Name: "web", Progress: "Opening", Phases: map[string]string{"install": "Installing"}}}
	a.Tell = func(phrase string) { told <- phrase }
	waited := await(within(t, time.Minute), op, a)
	b.runPods(t, "registry.example/shop:1", installing(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}))
	if phrase := <-told; phrase != "Installing" {
		t.Fatalf("%q while the init container runs", phrase)
	}
	done := running()
	done.Conditions = nil
	done.InitContainerStatuses = installing(ended(0, "first")).InitContainerStatuses
	b.runPods(t, "registry.example/shop:1", done)
	if phrase := <-told; phrase != "Opening" {
		t.Fatalf("%q after it", phrase)
	}
	b.runPods(t, "registry.example/shop:1", running())
	if err := <-waited; err != nil || len(told) > 0 {
		t.Fatalf("%v, and %d more phrases", err, len(told))
	}
}

var nothingToSell = []engine.Failure{{Container: "install", ExitCode: 78, Reason: "NothingToSell", Message: "The shelves stay empty."}}

func TestAwaitWorkloadsKnowsThePacksOwnFailures(t *testing.T) {
	b := setup(t)
	op := b.isolated(t)
	b.deploy(t, "64Mi")
	a := awaited(b.id)
	a.Failures = nothingToSell
	failed := await(within(t, time.Minute), op, a)
	// Any other end is the kubelet's to try again.
	b.runPods(t, "registry.example/shop:1", installing(ended(1, "first")))
	b.runPods(t, "registry.example/shop:1", installing(ended(78, "second")))
	err := <-failed
	wantKind(t, err, cluster.Permanent, "NothingToSell")
	wantNotReady(t, err, "deployment/web", ": init container install ended with 78")
}

// Somebody has filled the shelves and asks for a retry. The kubelet goes on telling of the last end until the next.
func TestAwaitWorkloadsDoesNotBlameWhatWasMended(t *testing.T) {
	t.Parallel()
	before := waiting("CrashLoopBackOff", 5)
	before.InitContainerStatuses, before.ContainerStatuses = before.ContainerStatuses, nil
	before.InitContainerStatuses[0].Name = "install"
	before.InitContainerStatuses[0].LastTerminationState = ended(78, "before")
	for name, c := range map[string]struct {
		next   corev1.PodStatus
		reason string
	}{
		"mended":     {next: running()},
		"not mended": {next: installing(ended(78, "after")), reason: "NothingToSell"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			op := b.isolated(t)
			b.deploy(t, "64Mi")
			b.runPods(t, "registry.example/shop:1", before)
			a := awaited(b.id)
			a.Workloads = []engine.Workload{{Kind: "Deployment", Name: "web", Phases: map[string]string{"install": "Installing"}}}
			told := make(chan string, 10)
			a.Failures, a.Again, a.Tell = nothingToSell, true, func(phrase string) { told <- phrase }
			waited := await(within(t, time.Minute), op, a)
			select {
			case err := <-waited:
				t.Fatalf("it believes what was: %v", err)
			case <-told:
			}
			b.runPods(t, "registry.example/shop:1", c.next)
			err := <-waited
			if c.reason != "" {
				wantKind(t, err, cluster.Permanent, c.reason)
			} else if err != nil {
				t.Fatal(err)
			}
		})
	}
}
