package cluster_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"github.com/store-platform/store-platform/pkg/cluster"
	"github.com/store-platform/store-platform/pkg/query"
)

func TestWhatNoWatchKnowsIsLookedAt(t *testing.T) {
	b := setup(t)
	b.isolated(t)
	b.provideRoute(t)
	b.provideVolume(t)
	b.runCron(t)
	got := b.provisioner.Surroundings(t.Context(), b.id)
	if len(got.Missing) != 0 || len(got.More) != 0 {
		t.Errorf("missing %q, more %q", got.Missing, got.More)
	}
	if want := []query.Volume{{Claim: "data", Phase: "Bound", Class: "fast", Requested: 1 << 20, Capacity: 2 << 20}}; !reflect.DeepEqual(got.Volumes, want) {
		t.Errorf("volumes %+v", got.Volumes)
	}
	want := []query.Route{
		{Name: "web", Host: "a.example", Paths: []string{"/", "/admin"}, Admitted: true}, {Name: "web", Host: "b.example", Paths: []string{}, Admitted: true},
	}
	if !reflect.DeepEqual(got.Routes, want) {
		t.Errorf("routes %+v", got.Routes)
	}
	if len(got.Crons) != 1 {
		t.Fatalf("crons %+v", got.Crons)
	}
	cron := got.Crons[0]
	if cron.Name != "tasks" || cron.Schedule != "7 * * * *" || !cron.Suspended || cron.LastSchedule == nil || cron.LastSuccess != nil {
		t.Errorf("cron %+v", cron)
	}
	if run := cron.Last; run == nil || run.Job != "tasks-2" || run.Outcome != "failed" || run.Reason != "BackoffLimitExceeded" || run.Message != "it failed too often" || run.At.IsZero() {
		t.Errorf("its last run is %+v", cron.Last)
	}
}

// What the platform may not see it says it hasn't seen, beside all the rest.
func TestWhatCantBeLookedAtIsMissing(t *testing.T) {
	b := setup(t)
	got := b.provisioner.Surroundings(t.Context(), b.id)
	if want := []string{"volumes", "crons", "events"}; !slices.Equal(got.Missing, want) {
		t.Errorf("of a store without rights: missing %q", got.Missing)
	}
	away, err := cluster.Connect(cluster.Config{Kubeconfig: t.TempDir() + "/none", Installation: installation})
	if err != nil {
		t.Fatal(err)
	}
	if got := away.Surroundings(t.Context(), b.id); len(got.Missing) != 4 {
		t.Errorf("without a cluster: missing %q", got.Missing)
	}
}

func (b *testBundle) provideRoute(t *testing.T) {
	t.Helper()
	prefix := networkingv1.PathTypePrefix
	backend := networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "web", Port: networkingv1.ServiceBackendPort{Number: 80}}}
	ingresses := b.api.Admin.NetworkingV1().Ingresses(b.id.Namespace())
	made, err := ingresses.Create(t.Context(), &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: networkingv1.IngressSpec{DefaultBackend: &backend, Rules: []networkingv1.IngressRule{
			{Host: "a.example", IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{
				{Path: "/", PathType: &prefix, Backend: backend}, {Path: "/admin", PathType: &prefix, Backend: backend},
			}}}},
			{Host: "b.example"},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	made.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: "203.0.113.7"}}
	if _, err := ingresses.UpdateStatus(t.Context(), made, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (b *testBundle) provideVolume(t *testing.T) {
	t.Helper()
	class := "fast"
	claims := b.api.Admin.CoreV1().PersistentVolumeClaims(b.id.Namespace())
	made, err := claims.Create(t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data"},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Mi")}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	made.Status.Phase, made.Status.Capacity = corev1.ClaimBound, corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("2Mi")}
	if _, err := claims.UpdateStatus(t.Context(), made, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// runCron makes a CronJob that has run twice, and a job that isn't its.
func (b *testBundle) runCron(t *testing.T) {
	t.Helper()
	ctx, now, yes := t.Context(), metav1.Now(), true
	template := batchv1.JobSpec{Suspend: &yes, Template: b.podTemplate("64Mi")}
	template.Template.Spec.RestartPolicy, template.Template.Labels = corev1.RestartPolicyNever, nil
	crons, jobs := b.api.Admin.BatchV1().CronJobs(b.id.Namespace()), b.api.Admin.BatchV1().Jobs(b.id.Namespace())
	cron, err := crons.Create(ctx, &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Name: "tasks"},
		Spec:       batchv1.CronJobSpec{Schedule: "7 * * * *", Suspend: &yes, JobTemplate: batchv1.JobTemplateSpec{Spec: template}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cron.Status.LastScheduleTime = &now
	if _, err := crons.UpdateStatus(ctx, cron, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tasks-2", "tasks-1", "zzz"} {
		meta := metav1.ObjectMeta{Name: name}
		if strings.HasPrefix(name, "tasks") {
			meta.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(cron, batchv1.SchemeGroupVersion.WithKind("CronJob"))}
		}
		made, err := jobs.Create(ctx, &batchv1.Job{ObjectMeta: meta, Spec: template}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if name == "tasks-2" {
			b.failJob(t, made)
		}
	}
}

// failJob writes what the controller of jobs does, who may be writing beside it.
func (b *testBundle) failJob(t *testing.T, job *batchv1.Job) {
	t.Helper()
	jobs := b.api.Admin.BatchV1().Jobs(job.Namespace)
	const reason, message = "BackoffLimitExceeded", "it failed too often"
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		live, err := jobs.Get(t.Context(), job.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		now := metav1.Now()
		live.Status = batchv1.JobStatus{StartTime: &now}
		for _, condition := range []batchv1.JobConditionType{batchv1.JobFailureTarget, batchv1.JobFailed} {
			live.Status.Conditions = append(live.Status.Conditions, batchv1.JobCondition{
				Type: condition, Status: corev1.ConditionTrue, LastTransitionTime: now, Reason: reason, Message: message,
			})
		}
		_, err = jobs.UpdateStatus(t.Context(), live, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
