package installed_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/waittest"
	"github.com/store-platform/store-platform/test/internal/chart"
	"github.com/store-platform/store-platform/test/internal/platform"
)

const (
	// adminKey is the operator's, bucket where the backups go. Their port is the one that the chart's policies let backups reach.
	adminKey   = "an-operator-of-the-tests"
	bucket     = "backups"
	bucketPort = "443"
)

// The values that are meant for one's own machine, a PostgreSQL that isn't the chart's, and the nightly job, run by hand: its backup
// brings the platform back on an empty broker, as README says.
func TestANightlyBackupIsRestored(t *testing.T) {
	if testing.Short() {
		t.Skip("a second installation, which is torn down and restored: run by make test-long")
	}
	i := prepare(t, "restored")
	i.make(t, "/api/v1/namespaces", object{"metadata": object{"name": i.Namespace}})
	i.runDatabase(t)
	kept := i.serveBucket(t)
	i.Install(t, chart.Local(t), i.ofOneMachine())
	i.AwaitReady(t)
	s := i.ready(t, "Older than its log")

	i.job(t, "by-hand", "take")
	for _, end := range []string{".age", ".verified"} {
		if !strings.Contains(strings.Join(kept(), "\n")+"\n", end+"\n") {
			t.Errorf("of a backup %s is missing: there are %v", end, kept())
		}
	}
	i.losesItsLog(t)
	i.job(t, "restore", "restore")
	events := i.Pods(t, i.Namespace, component+"=events")[0].Metadata.Name
	if said, err := i.Exec(t.Context(), i.Namespace, events, "/store-events", "rebuild"); err != nil {
		t.Fatalf("make the read model anew: %v\n%s", err, said)
	}
	i.scale(t, "deployments/store-platform-gateway", 1)
	i.AwaitReady(t)
	i.isWhatItWas(t, s)
}

// ofOneMachine is what has to be said over the local values.
func (i *installation) ofOneMachine() object {
	v := i.values()
	v["auth"].(object)["adminKey"] = adminKey
	v["gateway"].(object)["replicas"], v["nats"].(object)["replicas"] = 1, 1
	v["postgres"] = object{"bundled": false, "existingSecret": "database"}
	v["backup"] = object{
		"url":        fmt.Sprintf("s3://%s?region=test&endpoint=http://%s&use_path_style=true", bucket, net.JoinHostPort(platform.NodeAddress, bucketPort)),
		"keysSecret": "backup-keys", "existingSecret": "bucket",
	}
	return v
}

// make makes an object.
func (i *installation) make(t *testing.T, collection string, o object) {
	t.Helper()
	if refusal, err := i.Refusal(t.Context(), collection, o); err != nil || refusal != "" {
		t.Fatalf("make one of %s: %s %v", collection, refusal, err)
	}
}

func (i *installation) makeSecret(t *testing.T, name string, content map[string]string) {
	t.Helper()
	i.make(t, i.Path("/api/v1", "secrets"), object{"metadata": object{"name": name}, "stringData": content})
}

// runDatabase runs a PostgreSQL that is none of the chart's, and tells of it in the Secret that the chart is told of.
func (i *installation) runDatabase(t *testing.T) {
	t.Helper()
	const name, password = "outside", "chosenbyanoperator"
	_, image := chart.Images(t)
	environment := []object{
		{"name": "POSTGRES_USER", "value": "store"}, {"name": "POSTGRES_DB", "value": "store"},
		{"name": "POSTGRES_PASSWORD", "value": password}, {"name": "PGDATA", "value": "/data/cluster"},
	}
	i.make(t, i.Path("/api/v1", "pods"), object{
		"metadata": object{"name": name, "labels": object{"database": name}},
		"spec": object{
			"securityContext": object{"fsGroup": 999},
			"containers": []object{{
				"name": "postgres", "image": image, "imagePullPolicy": "Never", "env": environment,
				"volumeMounts": []object{{"name": "data", "mountPath": "/data"}, {"name": "run", "mountPath": "/run/postgresql"}, {"name": "tmp", "mountPath": "/tmp"}},
			}},
			"volumes": []object{{"name": "data", "emptyDir": object{}}, {"name": "run", "emptyDir": object{}}, {"name": "tmp", "emptyDir": object{}}},
		},
	})
	i.make(t, i.Path("/api/v1", "services"), object{
		"metadata": object{"name": name}, "spec": object{"selector": object{"database": name}, "ports": []object{{"port": 5432}}},
	})
	i.makeSecret(t, "database", map[string]string{"url": fmt.Sprintf("postgres://store:%s@%s:5432/store?sslmode=disable", password, name)})
}

// serveBucket plays an object store, on the node, and answers what lies there. It is S3's protocol and nobody's service: whom AWS, or
// another, would let in isn't shown.
func (i *installation) serveBucket(t *testing.T) (kept func() []string) {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(gofakes3.New(backend).Server())
	_ = server.Listener.Close()
	server.Listener = i.Release.Node(t).Listen(t, bucketPort)
	server.Start()
	t.Cleanup(server.Close)
	i.makeSecret(t, "bucket", map[string]string{"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})
	i.makeSecret(t, "backup-keys", map[string]string{"keys": "random text that is kept where a lost cluster doesn't take it"})
	return func() (names []string) {
		prefix := gofakes3.NewPrefix(nil, nil)
		list, err := backend.ListBucket(bucket, &prefix, gofakes3.ListBucketPage{})
		if err != nil {
			t.Fatal(err)
		}
		for _, content := range list.Contents {
			names = append(names, content.Key)
		}
		return names
	}
}

// job runs the nightly one by hand, with another word than "take" where README says so.
func (i *installation) job(t *testing.T, name, word string) {
	t.Helper()
	var nightly struct {
		Spec struct {
			Template struct {
				Spec json.RawMessage `json:"spec"`
			} `json:"jobTemplate"`
		} `json:"spec"`
	}
	if status, err := i.Do(t.Context(), http.MethodGet, i.Path("/apis/batch/v1", "cronjobs", "store-platform-backup"), nil, &nightly); err != nil || status != http.StatusOK {
		t.Fatalf("read the nightly job: %d %v", status, err)
	}
	spec := json.RawMessage(strings.Replace(string(nightly.Spec.Template.Spec), `"take"`, fmt.Sprintf("%q", word), 1))
	jobs := i.Path("/apis/batch/v1", "jobs")
	// kubectl create job --from gives it the template's labels, by which the policies know it.
	i.make(t, jobs, object{"metadata": object{"name": name}, "spec": spec})
	waittest.Eventually(t, func() error {
		var now struct {
			Status struct {
				Succeeded, Failed, Active int
			} `json:"status"`
		}
		if _, err := i.Do(t.Context(), http.MethodGet, jobs+"/"+name, nil, &now); err != nil {
			return err
		}
		if now.Status.Succeeded == 0 {
			return fmt.Errorf("the job %s: %+v", name, now.Status)
		}
		return nil
	})
}

// scale says how many pods a workload is to have.
func (i *installation) scale(t *testing.T, workload string, replicas int) {
	t.Helper()
	path := i.Path("/apis/apps/v1", workload)
	if status, err := i.Do(t.Context(), http.MethodPatch, path, object{"spec": object{"replicas": replicas}}, nil); err != nil || status != http.StatusOK {
		t.Fatalf("scale %s to %d: %d %v", workload, replicas, status, err)
	}
}

// losesItsLog stops the gateway, which would make an empty one, and gives the broker an empty disk.
func (i *installation) losesItsLog(t *testing.T) {
	t.Helper()
	const broker = "statefulsets/store-platform-nats"
	i.scale(t, "deployments/store-platform-gateway", 0)
	i.scale(t, broker, 0)
	claim := i.Path("/api/v1", "persistentvolumeclaims", "data-store-platform-nats-0")
	if status, err := i.Do(t.Context(), http.MethodDelete, claim, nil, nil); err != nil || status >= 300 {
		t.Fatalf("remove the broker's volume: %d %v", status, err)
	}
	waittest.Eventually(t, func() error {
		if status := i.Status(t, claim); status != http.StatusNotFound {
			return errors.New("the broker's volume is still there")
		}
		if left := len(i.Pods(t, i.Namespace, component+"=gateway")); left > 0 {
			return errors.New("the gateway is still there")
		}
		return nil
	})
	i.scale(t, broker, 1)
}

// isWhatItWas holds that the store is in the log again, as it was, and that sweeps wait for somebody.
func (i *installation) isWhatItWas(t *testing.T, s query.Store) {
	t.Helper()
	waittest.Eventually(t, func() error {
		var now query.Store
		if _, err := i.Call(t.Context(), http.MethodGet, "/stores/"+string(s.ID), nil, &now, "X-Api-Key", adminKey); err != nil {
			return err
		}
		if now.Status != store.Ready || now.Name != s.Name {
			return fmt.Errorf("it is %s, and called %q", now.Status, now.Name)
		}
		return nil
	})
	i.isListed(t, s)
	var sweeps struct {
		Paused string `json:"paused"`
	}
	if _, err := i.Call(t.Context(), http.MethodGet, "/sweeps", nil, &sweeps, "X-Api-Key", adminKey); err != nil || sweeps.Paused == "" {
		t.Errorf("sweeps of a restored log are paused: %q, %v", sweeps.Paused, err)
	}
	if status, err := i.Call(t.Context(), http.MethodPost, "/sweeps/resume", nil, nil, "X-Api-Key", adminKey); err != nil {
		t.Errorf("resume the sweeps: %d %v", status, err)
	}
}
