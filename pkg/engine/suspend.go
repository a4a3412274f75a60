package engine

import (
	"net/http"
	"slices"
)

// SuspendedMark stands in the page of a store that is suspended. That it is there tells the page from whatever else answers
// 503: an ingress without a backend, a shop whose database is away.
const SuspendedMark = `<meta name="store-state" content="suspended">`

// CanSuspend says whether the pack brings what a suspended store is answered by. One that doesn't can't be suspended.
func (p Pack) CanSuspend() bool { return p.Suspended.Workload != "" }

// WorkloadsWhen are all that must be as the chart has them before ProbeWhen is worth asking. In a suspended store that is
// the shop's, none of whose pods is left then, and what answers in their place.
func (p Pack) WorkloadsWhen(running bool) []Workload {
	if running || !p.CanSuspend() {
		return p.Workloads
	}
	return append(slices.Clone(p.Workloads), Workload{
		Kind: "Deployment", Name: p.Suspended.Workload, Progress: p.Suspended.Progress,
	})
}

// CheckWhen is the light question to a store; nil where there is none to ask, as at a suspended one.
func (p Pack) CheckWhen(running bool) *Check {
	if running {
		return p.Check
	}
	return nil
}

// ProbeWhen is the one request whose answer says that a store is as it shall be: its shop's own, or the page of one that is
// suspended, at the same Service.
func (p Pack) ProbeWhen(running bool) Probe {
	if running || !p.CanSuspend() {
		return p.Probe
	}
	return Probe{
		Service: p.Probe.Service, Port: p.Probe.Port, Path: "/",
		Status: http.StatusServiceUnavailable, Contains: SuspendedMark,
	}
}
