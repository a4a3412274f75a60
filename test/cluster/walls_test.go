package cluster_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// shop is the store's running pod.
func (b *bench) shop(s query.Store) platform.Pod {
	b.Helper()
	for _, pod := range b.kubernetes.Pods(b.T, s.ID.Namespace(), "store-platform.io/store="+string(s.ID)) {
		if pod.Status.Phase == "Running" && pod.Status.IP != "" {
			return pod
		}
	}
	b.Fatalf("store %s has no running pod", s.ID)
	return platform.Pod{}
}

// strictPod is what a pod says of its own rights.
type strictPod struct {
	Metadata struct {
		Name string `json:"name"`
		UID  string `json:"uid"`
	} `json:"metadata"`
	Spec struct {
		Token   *bool `json:"automountServiceAccountToken"`
		Context struct {
			NonRoot *bool  `json:"runAsNonRoot"`
			User    *int64 `json:"runAsUser"`
		} `json:"securityContext"`
		Containers     []strictContainer `json:"containers"`
		InitContainers []strictContainer `json:"initContainers"`
		Volumes        []struct {
			Name      string `json:"name"`
			Projected any    `json:"projected"`
		} `json:"volumes"`
	} `json:"spec"`
	Status struct {
		InitContainerStatuses []struct {
			Name  string `json:"name"`
			State struct {
				Terminated *struct {
					ExitCode int `json:"exitCode"`
				} `json:"terminated"`
			} `json:"state"`
			Last struct {
				Terminated *struct {
					ExitCode int `json:"exitCode"`
				} `json:"terminated"`
			} `json:"lastState"`
		} `json:"initContainerStatuses"`
	} `json:"status"`
}

type strictContainer struct {
	Name    string `json:"name"`
	Context struct {
		NonRoot  *bool  `json:"runAsNonRoot"`
		User     *int64 `json:"runAsUser"`
		ReadOnly *bool  `json:"readOnlyRootFilesystem"`
		Escalate *bool  `json:"allowPrivilegeEscalation"`
	} `json:"securityContext"`
}

func (c *conformance) strictPods() []strictPod {
	c.Helper()
	var list struct {
		Items []strictPod `json:"items"`
	}
	path := "/api/v1/namespaces/" + c.at.ID.Namespace() + "/pods"
	if status, err := c.kubernetes.Do(c.Context(), http.MethodGet, path, nil, &list); err != nil || status != http.StatusOK {
		c.Fatalf("list the pods: %d %v", status, err)
	}
	return list.Items
}

// wantedPods is how many pods the store's workloads ask for: a plan may do without one of them.
func (c *conformance) wantedPods() (wanted int) {
	c.Helper()
	for _, kind := range []string{"deployments", "statefulsets"} {
		var list struct {
			Items []struct {
				Spec struct {
					Replicas int `json:"replicas"`
				} `json:"spec"`
			} `json:"items"`
		}
		status, err := c.kubernetes.Do(c.Context(), http.MethodGet, "/apis/apps/v1/namespaces/"+c.at.ID.Namespace()+"/"+kind, nil, &list)
		if err != nil || status != http.StatusOK {
			c.Fatalf("list the %s: %d %v", kind, status, err)
		}
		for _, workload := range list.Items {
			wanted += workload.Spec.Replicas
		}
	}
	return wanted
}

// uids are the pods that are there.
func (c *conformance) uids() map[string]bool {
	c.Helper()
	uids := map[string]bool{}
	for _, pod := range c.strictPods() {
		uids[pod.Metadata.UID] = true
	}
	return uids
}

func is(value *bool, want bool) bool { return value != nil && *value == want }

// isRestricted: beyond what Pod Security asks for, no root filesystem can be written and no pod has a token.
func (c *conformance) isRestricted() {
	var namespace struct {
		Metadata struct {
			Labels map[string]string `json:"labels"`
		} `json:"metadata"`
	}
	status, err := c.kubernetes.Do(c.Context(), http.MethodGet, "/api/v1/namespaces/"+c.at.ID.Namespace(), nil, &namespace)
	if err != nil || status != http.StatusOK || namespace.Metadata.Labels["pod-security.kubernetes.io/enforce"] != "restricted" {
		c.Errorf("the namespace enforces %q: %d %v", namespace.Metadata.Labels["pod-security.kubernetes.io/enforce"], status, err)
	}
	c.refusesWhatIsNotRestricted()
	pods := c.strictPods()
	if wanted := c.wantedPods(); wanted == 0 || len(pods) < wanted {
		c.Errorf("only %d pods run of the %d that are wanted", len(pods), wanted)
	}
	for _, pod := range pods {
		for _, volume := range pod.Spec.Volumes {
			if volume.Projected != nil && strings.HasPrefix(volume.Name, "kube-api-access") {
				c.Errorf("pod %s holds a token", pod.Metadata.Name)
			}
		}
		for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
			context, user := container.Context, container.Context.User
			if user == nil {
				user = pod.Spec.Context.User
			}
			nonRoot := is(context.NonRoot, true) || context.NonRoot == nil && is(pod.Spec.Context.NonRoot, true)
			if !nonRoot || user == nil || *user == 0 || !is(context.ReadOnly, true) || !is(context.Escalate, false) {
				c.Errorf("container %s of pod %s: non-root %v, user %v, %+v", container.Name, pod.Metadata.Name, nonRoot, user, context)
			}
		}
	}
}

// refusesWhatIsNotRestricted: the store's namespace takes a pod that is restricted, and no privileged one. Its own run under the
// same rule.
func (c *conformance) refusesWhatIsNotRestricted() {
	c.Helper()
	pod := func(privileged bool) map[string]any {
		return map[string]any{
			"metadata": map[string]any{"name": "try"},
			"spec": map[string]any{
				"restartPolicy": "Never", "securityContext": map[string]any{"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": map[string]any{"type": "RuntimeDefault"}},
				"containers": []any{map[string]any{"name": "try", "image": platform.ShellImage, "securityContext": map[string]any{
					"privileged": privileged, "allowPrivilegeEscalation": privileged, "capabilities": map[string]any{"drop": []string{"ALL"}},
				}}},
			},
		}
	}
	for _, privileged := range []bool{true, false} {
		words, err := c.kubernetes.Refusal(c.Context(), "/api/v1/namespaces/"+c.at.ID.Namespace()+"/pods?dryRun=All", pod(privileged))
		if err != nil || strings.Contains(words, "PodSecurity") != privileged {
			c.Errorf("privileged %v: %q %v", privileged, words, err)
		}
	}
}

// expectPhases: the init containers before the one that failed have ended well.
func (c *conformance) expectPhases(id store.ID) {
	c.Helper()
	well, failed := 0, 0
	var list struct {
		Items []strictPod `json:"items"`
	}
	path := "/api/v1/namespaces/" + id.Namespace() + "/pods"
	if status, err := c.kubernetes.Do(c.Context(), http.MethodGet, path, nil, &list); err != nil || status != http.StatusOK {
		c.Fatalf("list the pods: %d %v", status, err)
	}
	for _, pod := range list.Items {
		for _, status := range pod.Status.InitContainerStatuses {
			ended := status.State.Terminated
			if ended == nil {
				ended = status.Last.Terminated
			}
			switch {
			case ended == nil:
			case ended.ExitCode == 0:
				well++
			default:
				failed++
			}
		}
	}
	if well == 0 || failed != 1 {
		c.Errorf("%d init containers ended well and %d didn't, want some and one", well, failed)
	}
}

// address is what somebody may try to reach.
type address struct{ name, host, port string }

// addresses are a namespace's Services and what stands behind them.
func (c *conformance) addresses(namespace string) []address {
	c.Helper()
	var list struct {
		Items []struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
			Spec struct {
				ClusterIP string `json:"clusterIP"`
				Ports     []struct {
					Port int `json:"port"`
				} `json:"ports"`
			} `json:"spec"`
			Subsets []struct {
				Addresses []struct {
					IP string `json:"ip"`
				} `json:"addresses"`
				Ports []struct {
					Port int `json:"port"`
				} `json:"ports"`
			} `json:"subsets"`
		} `json:"items"`
	}
	var all []address
	for _, kind := range []string{"services", "endpoints"} {
		list.Items = nil
		path := "/api/v1/namespaces/" + namespace + "/" + kind
		if status, err := c.kubernetes.Do(c.Context(), http.MethodGet, path, nil, &list); err != nil || status != http.StatusOK {
			c.Fatalf("list the %s: %d %v", kind, status, err)
		}
		for _, item := range list.Items {
			for _, port := range item.Spec.Ports {
				if item.Spec.ClusterIP != "None" {
					all = append(all, address{"Service " + item.Metadata.Name, item.Spec.ClusterIP, fmt.Sprint(port.Port)})
				}
			}
			for _, subset := range item.Subsets {
				for _, where := range subset.Addresses {
					for _, port := range subset.Ports {
						all = append(all, address{"a pod of " + item.Metadata.Name, where.IP, fmt.Sprint(port.Port)})
					}
				}
			}
		}
	}
	if len(all) == 0 {
		c.Fatalf("namespace %s has no Service", namespace)
	}
	return all
}

// ownTries are for what must be reached: that a busy node answers late is no wall.
const ownTries = 20

// reached runs in one container beside a pod's own and tells which addresses it could connect to, in so many tries. By nc:
// the wget of a static busybox crashes. All at once, since what is walled off says nothing until time is up.
func (c *conformance) reached(namespace, pod, name string, to []address, tries int) map[address]bool {
	c.Helper()
	reached := map[address]bool{}
	// An exit code has eight bits.
	for i := 0; i < len(to); i += 7 {
		some := to[i:min(i+7, len(to))]
		var asked, told strings.Builder
		for bit, a := range some {
			fmt.Fprintf(&asked, "(for try in $(busybox seq %d); do busybox nc -w 3 %s %s </dev/null >/dev/null 2>&1 && exit 0; done; exit 1) & p%d=$!\n",
				tries, a.host, a.port, bit)
			fmt.Fprintf(&told, "wait $p%d && code=$((code+%d))\n", bit, 1<<bit)
		}
		script := asked.String() + "code=0\n" + told.String() + "exit $code\n"
		code := c.kubernetes.RunIn(c.T, namespace, pod, fmt.Sprintf("%s-%d", name, i), platform.ShellImage, script)
		for bit, a := range some {
			reached[a] = code&(1<<bit) != 0
		}
	}
	return reached
}

// isWalledIn tries the policies from real pods: every pod reaches its own store's parts, no pod another store's or
// Kubernetes itself.
func (c *conformance) isWalledIn() {
	own, others := c.addresses(c.at.ID.Namespace()), c.addresses(c.other.ID.Namespace())
	kubernetes := c.addresses("default")
	for n, pod := range c.kubernetes.Pods(c.T, c.at.ID.Namespace(), "store-platform.io/store="+string(c.at.ID)) {
		if pod.Status.Phase != "Running" {
			continue
		}
		reached := c.reached(c.at.ID.Namespace(), pod.Metadata.Name, fmt.Sprintf("own-%d", n), own, ownTries)
		walled := slices.Concat(others, kubernetes)
		maps.Copy(reached, c.reached(c.at.ID.Namespace(), pod.Metadata.Name, fmt.Sprintf("walled-%d", n), walled, 1))
		for _, a := range slices.Concat(own, walled) {
			if want := slices.Contains(own, a); reached[a] != want {
				c.Errorf("from pod %s to %s at %s:%s: reached %v, want %v", pod.Metadata.Name, a.name, a.host, a.port, reached[a], want)
			}
		}
	}
	from := c.bench.shop(c.other).Metadata.Name
	for a, reached := range c.reached(c.other.ID.Namespace(), from, "to-"+string(c.at.ID), own, 1) {
		if reached {
			c.Errorf("another store's pod reached %s at %s:%s", a.name, a.host, a.port)
		}
	}
}
