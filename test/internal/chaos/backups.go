package chaos

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/store-platform/store-platform/test/internal/monitoring"
	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/tool"
)

const (
	nightlyPath = "/apis/batch/v1/namespaces/" + monitoring.Namespace + "/cronjobs/store-platform-backup"
	// backupAge is how long ago the newest backup was where backups have failed since. Nobody waits for that: it is what the
	// controller of CronJobs would have noted then.
	backupAge = 48 * time.Hour
)

// withoutBackups has the chart's nightly job be one that hasn't succeeded for long.
func (w *watcher) withoutBackups(ctx context.Context) error {
	job, err := w.nightly(ctx)
	if err != nil {
		return err
	}
	if err := w.api.Apply(ctx, nightlyPath, job); err != nil {
		return err
	}
	defer func() { _, _ = w.api.Do(context.WithoutCancel(ctx), http.MethodDelete, nightlyPath, nil, nil) }()
	noted := map[string]any{"status": map[string]any{"lastSuccessfulTime": time.Now().Add(-backupAge).UTC().Format(time.RFC3339)}}
	if status, err := w.api.Do(ctx, http.MethodPatch, nightlyPath+"/status", noted, nil); err != nil || status != http.StatusOK {
		return fmt.Errorf("note when the nightly job succeeded: %d %w", status, err)
	}
	page, err := w.toldOfNightly(ctx)
	if err != nil {
		return err
	}
	now := monitoring.NewScrape()
	if err := now.Add("kube-state-metrics", page); err != nil {
		return err
	}
	return monitoring.Steady(now, now).Shows(ctx, w.repo, ofBackups, "StorePlatformBackupOld")
}

// nightly is what the chart makes where it is told of a place for backups.
func (w *watcher) nightly(ctx context.Context) ([]byte, error) {
	helm, err := tool.Helm.Path(ctx, w.out)
	if err != nil {
		return nil, err
	}
	var version struct {
		Cluster string `json:"gitVersion"`
	}
	if status, err := w.api.Do(ctx, http.MethodGet, "/version", nil, &version); err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("ask for Kubernetes' version: %d %w", status, err)
	}
	chart := filepath.Join(w.repo, "deploy", "k8s")
	template := exec.CommandContext(ctx, helm, "template", "store-platform", chart, "--show-only", "templates/backup.yaml",
		"--kube-version", version.Cluster, "--values", filepath.Join(chart, "values-local.yaml"), "--set", "backup.url=s3://backups,backup.keysSecret=keys,nats.existingSecret=nats,postgres.existingSecret=postgres")
	template.Env = parts.Environment()
	job, err := template.Output()
	if err != nil {
		return nil, fmt.Errorf("render the nightly job: %w", err)
	}
	return job, nil
}

// toldOfNightly is what kube-state-metrics says of the job as the API server has it, as far as rules and boards ask (cronJobMetricFamilies
// in internal/store/cronjob.go of k8s.io/kube-state-metrics/v2 v2.18.0). It isn't run itself: it wants a client-go of its own, older
// than everybody else's here.
func (w *watcher) toldOfNightly(ctx context.Context) (page string, err error) {
	var job struct {
		Metadata struct {
			Name    string    `json:"name"`
			Created time.Time `json:"creationTimestamp"`
		} `json:"metadata"`
		Status struct {
			Succeeded time.Time `json:"lastSuccessfulTime"`
		} `json:"status"`
	}
	if status, err := w.api.Do(ctx, http.MethodGet, nightlyPath, nil, &job); err != nil || status != http.StatusOK {
		return "", fmt.Errorf("read the nightly job: %d %w", status, err)
	}
	for metric, at := range map[string]time.Time{
		"kube_cronjob_created": job.Metadata.Created, "kube_cronjob_status_last_successful_time": job.Status.Succeeded,
	} {
		page += fmt.Sprintf("%s{cronjob=%q} %d\n", metric, job.Metadata.Name, at.Unix())
	}
	return page, nil
}
