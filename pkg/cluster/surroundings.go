package cluster

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
)

const (
	// listAtMost bounds each list. A store has a few of each; of warnings, which are told in no order, the newest are wanted, so that
	// more are looked through.
	listAtMost, warningsAtMost = 50, 1000
	// warningsTold are the newest.
	warningsTold = 20
)

// Surroundings are what belongs to a store and no watch knows.
type Surroundings struct {
	Volumes []query.Volume
	Routes  []query.Route
	Crons   []query.Cron
	// Events are the newest warnings, oldest first.
	Events []query.ClusterEvent
	// More are the lists that were cut, Missing those that couldn't be had, as query.MonitoringReply calls them.
	More, Missing []string
}

// Surroundings asks the API server, up to five requests beside each other. What it doesn't tell is missing, and the rest isn't.
func (c *Cluster) Surroundings(ctx context.Context, id store.ID) Surroundings {
	s := surroundings{namespace: id.Namespace()}
	looks := []look{{"volumes", s.volumes}, {"routes", s.routes}, {"crons", s.crons}, {"events", s.events}}
	op, err := c.Operation(Looking(ctx))
	if err != nil {
		for _, l := range looks {
			s.Missing = append(s.Missing, l.list)
		}
		return s.Surroundings
	}
	s.client = op.client
	more, failed := make([]bool, len(looks)), make([]error, len(looks))
	var asking sync.WaitGroup
	for i, l := range looks {
		asking.Go(func() { more[i], failed[i] = l.at(ctx) })
	}
	asking.Wait()
	for i, l := range looks {
		if failed[i] != nil {
			slog.DebugContext(ctx, "a part of a store couldn't be looked at", "store", id, "part", l.list, "error", failed[i])
			s.Missing = append(s.Missing, l.list)
		}
		if more[i] {
			s.More = append(s.More, l.list)
		}
	}
	return s.Surroundings
}

// surroundings are those that are asked for. Each look writes a list of its own.
type surroundings struct {
	Surroundings
	client    kubernetes.Interface
	namespace string
}

// look fills in one of the lists, and says whether there is more than that.
type look struct {
	list string
	at   func(context.Context) (more bool, err error)
}

func listed() metav1.ListOptions { return metav1.ListOptions{Limit: listAtMost} }

func (s *surroundings) volumes(ctx context.Context) (more bool, err error) {
	claims, err := s.client.CoreV1().PersistentVolumeClaims(s.namespace).List(ctx, listed())
	if err != nil {
		return false, err
	}
	for i := range claims.Items {
		claim := &claims.Items[i]
		v := query.Volume{
			Claim: claim.Name, Phase: string(claim.Status.Phase),
			Requested: claim.Spec.Resources.Requests.Storage().Value(), Capacity: claim.Status.Capacity.Storage().Value(),
		}
		if claim.Spec.StorageClassName != nil {
			v.Class = *claim.Spec.StorageClassName
		}
		s.Volumes = append(s.Volumes, v)
	}
	return claims.Continue != "", nil
}

func (s *surroundings) routes(ctx context.Context) (more bool, err error) {
	ingresses, err := s.client.NetworkingV1().Ingresses(s.namespace).List(ctx, listed())
	if err != nil {
		return false, err
	}
	more = ingresses.Continue != ""
	for i := range ingresses.Items {
		for _, route := range routesOf(&ingresses.Items[i]) {
			more = more || len(route.Paths) > listAtMost || len(s.Routes) == listAtMost
			route.Paths = route.Paths[:min(len(route.Paths), listAtMost)]
			s.Routes = append(s.Routes, route)
		}
	}
	s.Routes = s.Routes[:min(len(s.Routes), listAtMost)]
	return more, nil
}

func routesOf(ingress *networkingv1.Ingress) []query.Route {
	admitted := len(ingress.Status.LoadBalancer.Ingress) > 0
	if len(ingress.Spec.Rules) == 0 {
		return []query.Route{{Name: ingress.Name, Paths: []string{}, Admitted: admitted}}
	}
	var all []query.Route
	for _, rule := range ingress.Spec.Rules {
		route := query.Route{Name: ingress.Name, Host: rule.Host, Paths: []string{}, Admitted: admitted}
		if rule.HTTP != nil {
			for _, path := range rule.HTTP.Paths {
				route.Paths = append(route.Paths, path.Path)
			}
		}
		all = append(all, route)
	}
	return all
}

// crons asks for the jobs, too: how one ended, only itself tells.
func (s *surroundings) crons(ctx context.Context) (more bool, err error) {
	batch := s.client.BatchV1()
	crons, err := batch.CronJobs(s.namespace).List(ctx, listed())
	if err != nil || len(crons.Items) == 0 {
		return false, err
	}
	jobs, err := batch.Jobs(s.namespace).List(ctx, listed())
	if err != nil {
		return false, err
	}
	for i := range crons.Items {
		cron := &crons.Items[i]
		s.Crons = append(s.Crons, query.Cron{
			Name: cron.Name, Schedule: cron.Spec.Schedule, Suspended: cron.Spec.Suspend != nil && *cron.Spec.Suspend,
			LastSchedule: timeOf(cron.Status.LastScheduleTime), LastSuccess: timeOf(cron.Status.LastSuccessfulTime),
			Last: lastRun(cron, jobs.Items),
		})
	}
	return crons.Continue != "" || jobs.Continue != "", nil
}

func timeOf(t *metav1.Time) *time.Time {
	if t == nil {
		return nil
	}
	return &t.Time
}

// lastRun is nil where the cluster knows none any more. The names of a CronJob's end with the time that they were due.
func lastRun(cron *batchv1.CronJob, jobs []batchv1.Job) *query.CronRun {
	var newest *batchv1.Job
	for i := range jobs {
		if metav1.IsControlledBy(&jobs[i], cron) && (newest == nil || olderJob(newest, &jobs[i])) {
			newest = &jobs[i]
		}
	}
	if newest == nil {
		return nil
	}
	run := &query.CronRun{Job: newest.Name, Outcome: "running", At: newest.CreationTimestamp.Time}
	for _, condition := range newest.Status.Conditions {
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		switch condition.Type {
		case batchv1.JobComplete:
			run.Outcome, run.At = "succeeded", condition.LastTransitionTime.Time
		case batchv1.JobFailed:
			run.Outcome, run.At = "failed", condition.LastTransitionTime.Time
			run.Reason, run.Message = condition.Reason, store.Bounded(condition.Message)
		}
	}
	return run
}

func olderJob(a, b *batchv1.Job) bool {
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name)) < 0
}

func (s *surroundings) events(ctx context.Context) (more bool, err error) {
	warnings, err := s.client.CoreV1().Events(s.namespace).List(ctx, metav1.ListOptions{
		FieldSelector: "type=" + corev1.EventTypeWarning, Limit: warningsAtMost,
	})
	if err != nil {
		return false, err
	}
	for i := range warnings.Items {
		e := &warnings.Items[i]
		told := query.ClusterEvent{
			At: eventTime(*e), Object: workloadKey(e.InvolvedObject.Kind, e.InvolvedObject.Name),
			Reason: e.Reason, Message: store.Bounded(e.Message), Count: max(e.Count, 1),
		}
		if e.Series != nil {
			told.Count = max(told.Count, e.Series.Count)
		}
		s.Events = append(s.Events, told)
	}
	slices.SortStableFunc(s.Events, func(a, b query.ClusterEvent) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Object, b.Object))
	})
	cut := max(0, len(s.Events)-warningsTold)
	s.Events = s.Events[cut:]
	return cut > 0 || warnings.Continue != "", nil
}
