package lint

import corev1 "k8s.io/api/core/v1"

// calm is how many seconds lie between two probes of what has started, at least. Ten thousand stores are asked all day; that
// a container has ended Kubernetes sees without asking.
const calm = 10

// checkProbes: what standing costs. A command in a container takes the node some fifty milliseconds of a core, each time.
func (r rendering) checkProbes(w workload) {
	for _, container := range w.pod.Containers {
		for _, probe := range []*corev1.Probe{container.StartupProbe, container.ReadinessProbe, container.LivenessProbe} {
			switch {
			case probe == nil:
			case probe.Exec != nil:
				r.fault("%s: %s is probed by a command", w.name, container.Name)
			// Zero is Kubernetes' own, which is as much.
			case probe != container.StartupProbe && probe.PeriodSeconds != 0 && probe.PeriodSeconds < calm:
				r.fault("%s: %s is probed every %d seconds, and only a startupProbe may be asked more often than every %d",
					w.name, container.Name, probe.PeriodSeconds, calm)
			}
		}
	}
}
