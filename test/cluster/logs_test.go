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
	"github.com/store-platform/store-platform/test/internal/platform"
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
		if len(lines.Bytes()) == 0 {
			continue
		}
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

// talker is a pod that says which run it is, and ends its first when it is told to.
func talker(script string) map[string]any {
	talks := platform.ShellContainer("talks", script)
	talks["volumeMounts"] = []any{map[string]string{"name": "told", "mountPath": "/told"}}
	return map[string]any{
		"volumes":        []any{map[string]any{"name": "told", "emptyDir": map[string]any{}}},
		"initContainers": []any{platform.ShellContainer("prepares", "echo prepared")},
		"containers":     []any{talks},
	}
}

const inRuns = `n=$(($(cat /told/run 2>/dev/null || echo 0)+1)); echo $n >/told/run; echo run $n begins
while [ $n -gt 1 ] || [ ! -e /told/end ]; do sleep 0.1; done; echo run $n ends; exit 3`

// What programs write is read as it is written: of init containers, over a restart and by a pod that comes, and what the run
// before said afterwards.
func TestLogsAreFollowedOverRestartsAndNewPods(t *testing.T) {
	b := setup(t)
	s := b.ready("Talks")
	b.kubernetes.AddPod(t, s.ID, "talker", talker(inRuns))
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
	b.kubernetes.AddPod(t, s.ID, "another", talker("echo run 1 begins in another; sleep 3600"))
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
	// What programs write is theirs: it passes through our services, and none of them says it again. This much no configuration has in it.
	if again := b.Logs(t, "run 2 begins"); len(again) > 0 {
		t.Errorf("the platform says it, too: %q", again)
	}
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

// saysNoSecret holds that nothing a store was given to keep stands in what its programs write, init containers among them, from their first
// line on and in the run before.
func (b *bench) saysNoSecret(id store.ID) {
	b.Helper()
	secrets := b.secretsOf(id)
	var said []string
	waittest.Eventually(b.T, func() error {
		// A pod may go while it is read.
		var end string
		if said, end = b.logs(id, "", "tail", "10000"); len(said) == 0 || end != "" {
			return fmt.Errorf("the store says %d lines, %q", len(said), end)
		}
		return nil
	})
	before, _ := b.logs(id, "", "tail", "10000", "previous", "true")
	all := strings.Join(append(said, before...), "\n")
	for name, value := range secrets {
		for form, text := range map[string]string{"": value, " in base64": base64.StdEncoding.EncodeToString([]byte(value)), " in an address": url.QueryEscape(value)} {
			if strings.Contains(all, text) {
				b.Errorf("%s stands%s in what the store's programs write", name, form)
			}
		}
	}
}

// secretsOf are all values of the Secrets in a store's namespace, but for Helm's own record.
func (b *bench) secretsOf(id store.ID) map[string]string {
	b.Helper()
	var all struct {
		Items []struct {
			Type     string
			Metadata struct{ Name string }
			Data     map[string][]byte
		}
	}
	if status, err := b.kubernetes.Do(b.Context(), http.MethodGet, "/api/v1/namespaces/"+id.Namespace()+"/secrets", nil, &all); err != nil || status != http.StatusOK {
		b.Fatalf("read the Secrets: %d %v", status, err)
	}
	values := map[string]string{}
	for _, secret := range all.Items {
		for key, value := range secret.Data {
			if secret.Type != "helm.sh/release.v1" {
				values[secret.Metadata.Name+"/"+key] = string(value)
			}
			if secret.Metadata.Name == "store-credentials" && len(value) < 8 {
				b.Errorf("%s has %d letters: anything may say it", key, len(value))
			}
		}
	}
	if len(values) == 0 {
		b.Fatalf("none of %d Secrets has a value", len(all.Items))
	}
	return values
}
