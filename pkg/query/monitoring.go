package query

import (
	"time"

	"github.com/store-platform/store-platform/pkg/reason"
	"github.com/store-platform/store-platform/pkg/store"
)

// MonitoringRequest asks a cluster's provisioners how what they have made of a store is. Who may see it, the asker knows.
type MonitoringRequest struct {
	Store store.ID `json:"store"`
}

// MonitoringReply is what runs in a store's namespace, and what is wrong there. It holds no environment, no Secret and no line of a
// log. Its lists and texts are bounded: it always fits in one answer.
type MonitoringReply struct {
	At        time.Time      `json:"at" doc:"When it was so, by the clock of whoever looked"`
	Wrong     *Wrong         `json:"wrong,omitempty" doc:"What is wrong, in one sentence. Absent while nothing is known to be"`
	Workloads []Workload     `json:"workloads" doc:"What is to run"`
	Pods      []Pod          `json:"pods" doc:"What runs, by name"`
	Volumes   []Volume       `json:"volumes" doc:"Where its data is"`
	Routes    []Route        `json:"routes" doc:"How visitors get there"`
	Crons     []Cron         `json:"crons" doc:"What is done at certain times"`
	Release   *Release       `json:"release,omitempty" doc:"Helm's newest record of it. Absent before there is one, and where it couldn't be looked at"`
	Events    []ClusterEvent `json:"events" doc:"The cluster's newest warnings about it, oldest first. A cluster keeps them for an hour or so"`
	More      []string       `json:"more,omitempty" doc:"The lists of which a part is left out, since there is too much"`
	Missing   []string       `json:"missing,omitempty" doc:"The parts that couldn't be looked at: an empty list among them says nothing"`
}

// Wrong is the first thing that is, where there are more.
type Wrong struct {
	Reason  string      `json:"reason" doc:"CamelCase: docs/reasons.md explains each" example:"ImagePullBackOff"`
	Message string      `json:"message" doc:"The same as a sentence"`
	Object  string      `json:"object,omitempty" doc:"What of the cluster it is about" example:"deployment/store"`
	Detail  string      `json:"detail,omitempty" doc:"The cluster's own words"`
	For     reason.Whom `json:"for,omitempty" doc:"Who is to do something about it. Absent of what passes by itself"`
}

// Workload is a Deployment or a StatefulSet.
type Workload struct {
	Kind      string `json:"kind" doc:"As Kubernetes calls it" example:"Deployment"`
	Name      string `json:"name" doc:"In the store's namespace"`
	Wanted    int32  `json:"wanted" doc:"How many pods there are to be. Parts that a plan does without have none, and those of a suspended store"`
	Available int32  `json:"available" doc:"How many of them serve"`
	Updated   int32  `json:"updated" doc:"How many of them are as they were wanted last"`
	// Cause is what keeps it from being as it is wanted.
	Cause
}

// Pod is one, those that end included.
type Pod struct {
	Name       string      `json:"name" doc:"In the store's namespace"`
	Workload   string      `json:"workload,omitempty" doc:"What it belongs to" example:"deployment/store"`
	Phase      string      `json:"phase" doc:"As Kubernetes calls it" example:"Running"`
	Node       string      `json:"node,omitempty" doc:"The machine; absent while it has none"`
	Since      time.Time   `json:"since" doc:"When it was made"`
	Ready      bool        `json:"ready" doc:"Whether it serves"`
	Ending     bool        `json:"ending,omitempty" doc:"Whether it was told to end"`
	Reason     string      `json:"reason,omitempty" doc:"Why it is in this phase, or isn't ready, in the cluster's words" example:"Unschedulable"`
	Message    string      `json:"message,omitempty" doc:"The same as a sentence of the cluster's"`
	Containers []Container `json:"containers" doc:"In their order; those that prepare the others first"`
}

// Container is one of a pod's.
type Container struct {
	Name     string        `json:"name" doc:"In its pod"`
	Init     bool          `json:"init,omitempty" doc:"Whether it prepares the others and ends"`
	State    string        `json:"state" doc:"What it is at" enum:"waiting,running,ended"`
	Since    *time.Time    `json:"since,omitempty" doc:"Since when it runs"`
	Reason   string        `json:"reason,omitempty" doc:"Why it waits or has ended, in the cluster's words" example:"CrashLoopBackOff"`
	Message  string        `json:"message,omitempty" doc:"The same as a sentence of the cluster's"`
	Ready    bool          `json:"ready" doc:"Whether it serves; of one that prepares, whether it is done"`
	Restarts int32         `json:"restarts" doc:"How often it was started again"`
	Last     *ContainerEnd `json:"last,omitempty" doc:"How it ended last"`
}

// ContainerEnd is how a container ended.
type ContainerEnd struct {
	ExitCode int32     `json:"exitCode" doc:"What its program ended with: 0 is well, 137 killed"`
	Reason   string    `json:"reason,omitempty" doc:"In the cluster's words" example:"OOMKilled"`
	At       time.Time `json:"at,omitzero" doc:"When"`
}

// Volume is a claim and what answers it, in bytes.
type Volume struct {
	Claim     string `json:"claim" doc:"Its name in the store's namespace"`
	Phase     string `json:"phase" doc:"As Kubernetes calls it" example:"Bound"`
	Class     string `json:"class,omitempty" doc:"Its storage class; absent where none is named and the cluster has no default"`
	Requested int64  `json:"requested" doc:"How large it is to be, in bytes"`
	Capacity  int64  `json:"capacity,omitempty" doc:"How large it is, in bytes; absent before there is one"`
	Used      *int64 `json:"used,omitempty" doc:"How much of it is in use, in bytes; absent where that can't be told"`
	Of        *int64 `json:"of,omitempty" doc:"How much there is to use, in bytes: of some storage classes it is the machine's whole disk"`
}

// Route leads visitors to the store.
type Route struct {
	Name     string   `json:"name" doc:"Of the Ingress"`
	Host     string   `json:"host,omitempty" doc:"The host whose visitors it leads; absent where it leads all"`
	Paths    []string `json:"paths" doc:"What lies behind it"`
	Admitted bool     `json:"admitted,omitempty" doc:"That an ingress controller has said where it listens for it. Some never say so"`
}

// Cron is a CronJob.
type Cron struct {
	Name         string     `json:"name" doc:"In the store's namespace"`
	Schedule     string     `json:"schedule" doc:"As in crontab"`
	Suspended    bool       `json:"suspended,omitempty" doc:"Whether it is halted, as a suspended store's are"`
	LastSchedule *time.Time `json:"lastSchedule,omitempty" doc:"When it was begun last"`
	LastSuccess  *time.Time `json:"lastSuccess,omitempty" doc:"When it ended well last"`
	Last         *CronRun   `json:"last,omitempty" doc:"Its newest run that the cluster still knows"`
}

// CronRun is a Job that a CronJob has made.
type CronRun struct {
	Job     string    `json:"job" doc:"Its name in the store's namespace"`
	Outcome string    `json:"outcome" doc:"How it ended, if it has" enum:"running,succeeded,failed"`
	At      time.Time `json:"at" doc:"When it ended, or began while it runs"`
	Reason  string    `json:"reason,omitempty" doc:"Why it failed, in the cluster's words"`
	Message string    `json:"message,omitempty" doc:"The same as a sentence of the cluster's"`
}

// Release is Helm's record of what it made.
type Release struct {
	Revision    int       `json:"revision" doc:"Counts what was made of it"`
	Status      string    `json:"status" doc:"As Helm calls it" example:"deployed"`
	Description string    `json:"description,omitempty" doc:"Helm's own words"`
	At          time.Time `json:"at" doc:"When it was made"`
}

// ClusterEvent is a warning of the cluster's.
type ClusterEvent struct {
	At      time.Time `json:"at" doc:"When it was said last"`
	Object  string    `json:"object" doc:"What it is about" example:"pod/store-6d4f5b7c9-x2x9k"`
	Reason  string    `json:"reason" doc:"In the cluster's words" example:"FailedMount"`
	Message string    `json:"message" doc:"The same as a sentence of the cluster's"`
	Count   int32     `json:"count" doc:"How often it was said"`
}
