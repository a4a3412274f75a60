package cluster_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
)

// logLine is one of an answer; a last one may say the end alone.
type logLine struct {
	query.LogLine
	End string `json:"end"`
}

// logs reads a store's, each line said as container: line, until it ends or the line that is waited for has come.
func (b *bench) logs(id store.ID, until string, parameters ...string) (said []string, end string) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	wanted := url.Values{}
	for i := 0; i+1 < len(parameters); i += 2 {
		wanted.Set(parameters[i], parameters[i+1])
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.API+"/stores/"+string(id)+"/logs?"+wanted.Encode(), nil)
	if err != nil {
		b.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "application/x-ndjson" {
		b.Fatalf("the logs of %s answer %s %s", id, answer.Status, answer.Header)
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line logLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			b.Fatalf("%s: %v", lines.Text(), err)
		}
		if line.End != "" {
			end = line.End
			continue
		}
		if line.At.IsZero() || line.Pod == "" {
			b.Errorf("a line of no time or pod: %s", lines.Text())
		}
		said = append(said, line.Container+": "+line.Line)
		if until != "" && said[len(said)-1] == until {
			return said, end
		}
	}
	if err := lines.Err(); err != nil || until != "" {
		b.Fatalf("%q never came (%v): %q, %q", until, err, said, end)
	}
	return said, end
}

// talker is a pod of a store that says which run it is, and ends its first when it is told to.
func talker(id store.ID, installation, name string) map[string]any {
	run := `n=$(($(cat /told/run 2>/dev/null || echo 0)+1)); echo $n >/told/run; echo run $n begins
while [ $n -gt 1 ] || [ ! -e /told/end ]; do sleep 0.1; done; echo run $n ends; exit 3`
	container := func(name, script string) map[string]any {
		return map[string]any{
			"name": name, "image": shellImage, "imagePullPolicy": "Never", "command": []string{"/bin/sh", "-c", script},
			"resources":    map[string]any{"limits": map[string]string{"cpu": "50m", "memory": "16Mi"}, "requests": map[string]string{"cpu": "10m", "memory": "16Mi"}},
			"volumeMounts": []any{map[string]string{"name": "told", "mountPath": "/told"}},
			"securityContext": map[string]any{
				"runAsNonRoot": true, "runAsUser": 65532, "allowPrivilegeEscalation": false,
				"capabilities": map[string]any{"drop": []string{"ALL"}}, "seccompProfile": map[string]any{"type": "RuntimeDefault"},
			},
		}
	}
	return map[string]any{
		"metadata": map[string]any{"name": name, "labels": map[string]string{
			"app.kubernetes.io/managed-by": "store-platform", "store-platform.io/installation": installation, "store-platform.io/store": string(id),
		}},
		"spec": map[string]any{
			"terminationGracePeriodSeconds": 0, "automountServiceAccountToken": false,
			"volumes":        []any{map[string]any{"name": "told", "emptyDir": map[string]any{}}},
			"initContainers": []any{container("prepares", "echo prepared")},
			"containers":     []any{container("talks", run)},
		},
	}
}

// What programs write is read as it is written: of init containers, over a restart and by a pod that comes, and what the run
// before said afterwards.
func TestLogsAreFollowedOverRestartsAndNewPods(t *testing.T) {
	b := setup(t)
	s := b.ready("Talks")
	installation := b.namespace(s.ID).Labels["store-platform.io/installation"]
	b.addPod(s.ID, talker(s.ID, installation, "talker"))
	first := b.saidOnce(s.ID, "talks: run 1 begins", "pod", "talker")
	if want := "prepares: prepared, talks: run 1 begins"; strings.Join(first, ", ") != want {
		t.Errorf("told was %q, want %s", first, want)
	}

	followed := make(chan []string, 1)
	go func() {
		said, _ := b.logs(s.ID, "talks: run 1 begins in another", "follow", "true", "since", "10m")
		followed <- said
	}()
	if _, err := b.kubernetes.Exec(t.Context(), s.ID.Namespace(), "talker", "touch", "/told/end"); err != nil {
		t.Fatal(err)
	}
	b.saidOnce(s.ID, "talks: run 2 begins", "pod", "talker")
	another := talker(s.ID, installation, "another")
	another["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)["command"] = []string{"/bin/sh", "-c", "echo run 1 begins in another; sleep 3600"}
	b.addPod(s.ID, another)
	told := map[string]int{}
	for _, line := range <-followed {
		told[line]++
	}
	want := map[string]int{
		"talks: run 1 begins": 1, "talks: run 1 ends": 1, "talks: run 2 begins": 1, "talks: run 1 begins in another": 1,
	}
	for line, times := range want {
		if told[line] != times {
			t.Errorf("%q is told %d times: %v", line, told[line], told)
		}
	}
	// Its pod's other container may be heard of first.
	if n := told["prepares: prepared"]; n == 0 || n > 2 {
		t.Errorf("two init containers have said %d lines: %v", n, told)
	}
	before, end := b.logs(s.ID, "", "pod", "talker", "previous", "true")
	if want := "talks: run 1 begins, talks: run 1 ends"; strings.Join(before, ", ") != want || end != "" {
		t.Errorf("the run before said %q (%s), want %s", before, end, want)
	}
	if last, _ := b.logs(s.ID, "", "pod", "talker", "container", "talks", "tail", "1"); strings.Join(last, ", ") != "talks: run 2 begins" {
		t.Errorf("the last line is %q", last)
	}
	b.saysNoSecret(s.ID)
}

// addPod makes a pod beside those that fill a store's quota, which is as it was when the pod is there.
func (b *bench) addPod(id store.ID, pod map[string]any) {
	b.Helper()
	namespace := "/api/v1/namespaces/" + id.Namespace()
	var quota struct {
		Spec struct{ Hard map[string]string }
	}
	if status, err := b.kubernetes.Do(b.Context(), http.MethodGet, namespace+"/resourcequotas/store", nil, &quota); err != nil || status != http.StatusOK {
		b.Fatalf("read the quota: %d %v", status, err)
	}
	granting := func(hard map[string]string) {
		b.change(http.MethodPatch, namespace+"/resourcequotas/store", map[string]any{"spec": map[string]any{"hard": hard}})
	}
	defer granting(quota.Spec.Hard)
	granting(map[string]string{"limits.cpu": "4", "limits.memory": "4Gi", "requests.cpu": "4", "requests.memory": "4Gi"})
	// Admission has a watch of its own on quotas.
	waittest.Eventually(b.T, func() error {
		status, err := b.kubernetes.Do(b.Context(), http.MethodPost, namespace+"/pods", pod, nil)
		if err == nil && status != http.StatusCreated {
			err = fmt.Errorf("make a pod: %d", status)
		}
		return err
	})
}

// saidOnce waits for a line to stand in a store's logs, and answers all.
func (b *bench) saidOnce(id store.ID, line string, parameters ...string) (said []string) {
	b.Helper()
	waittest.Eventually(b.T, func() error {
		// The pod may not be there yet.
		var answer *http.Response
		answer, err := http.Get(b.API + "/stores/" + string(id) + "/logs?" + url.Values{parameters[0]: {parameters[1]}}.Encode())
		if err == nil {
			err = answer.Body.Close()
		}
		if err != nil || answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%v %w", answer.Status, err)
		}
		said, _ = b.logs(id, "", parameters...)
		if !strings.Contains(strings.Join(said, "\n")+"\n", line+"\n") {
			return fmt.Errorf("it says %q", said)
		}
		return nil
	})
	return said
}

// namespace is a store's, as the API server has it.
func (b *bench) namespace(id store.ID) (metadata struct{ Labels map[string]string }) {
	b.Helper()
	var found struct {
		Metadata *struct{ Labels map[string]string }
	}
	found.Metadata = &metadata
	if status, err := b.kubernetes.Do(b.Context(), http.MethodGet, "/api/v1/namespaces/"+id.Namespace(), nil, &found); err != nil || status != http.StatusOK {
		b.Fatalf("read the namespace: %d %v", status, err)
	}
	return metadata
}

// saysNoSecret holds that nothing a store was given to keep stands in what its programs write, from their first line on.
func (b *bench) saysNoSecret(id store.ID) {
	b.Helper()
	said, end := b.logs(id, "", "tail", "10000")
	if len(said) == 0 || end != "" {
		b.Fatalf("the store says %d lines, %q", len(said), end)
	}
	var held struct{ Data map[string]string }
	path := "/api/v1/namespaces/" + id.Namespace() + "/secrets/store-credentials"
	if status, err := b.kubernetes.Do(b.Context(), http.MethodGet, path, nil, &held); err != nil || status != http.StatusOK || len(held.Data) == 0 {
		b.Fatalf("read the Secret: %d %v, %d values", status, err, len(held.Data))
	}
	all := strings.Join(said, "\n")
	for name, encoded := range held.Data {
		value, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(value) == 0 {
			b.Fatalf("%s: %v", name, err)
		}
		if strings.Contains(all, string(value)) {
			b.Errorf("%s stands in what the store's programs write", name)
		}
	}
}
