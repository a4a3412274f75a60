package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
)

// chain merges what the log and the cluster say by their times. Each is in its own order whatever the other's clock says: a message's
// place in the log is where it happened.
func (s Seen) chain() []ChainLink {
	told, stands := s.told(), s.stands()
	all := make([]ChainLink, 0, len(told)+len(stands))
	for len(told) > 0 && len(stands) > 0 {
		if stands[0].At.Before(told[0].At) {
			all, stands = append(all, stands[0]), stands[1:]
		} else {
			all, told = append(all, told[0]), told[1:]
		}
	}
	return append(append(all, told...), stands...)
}

// told is what the log says. Without the history it is what the state has kept of it.
func (s Seen) told() []ChainLink {
	if len(s.History) == 0 {
		return s.remembered()
	}
	var links []ChainLink
	if first := s.History[0]; first.Seq > s.State.Root && s.State.Root != 0 {
		links = append(links, ChainLink{
			At: first.Time, Kind: OfCommand, Title: string(s.State.Doing()), Seq: s.State.Root,
			Text: "It was asked for earlier than what follows. The store's history has all of it.",
		})
	}
	for _, e := range s.History {
		links = append(links, linkOf(e))
	}
	return links
}

func (s Seen) remembered() []ChainLink {
	is := s.State
	command := ChainLink{Kind: OfCommand, Title: string(is.Verb), Text: asked(is.Verb, is.Actor), Seq: is.Generation}
	if is.Doing() == store.Create && is.Verb == store.Create {
		command.At = is.CreatedAt
	}
	links := []ChainLink{command}
	for _, step := range is.Steps {
		links = append(links, ChainLink{Kind: OfStep, Title: step, OK: well(true)})
	}
	if s.Why.Reason != "" {
		kind := OfEvent
		switch {
		case is.InFlight() && !is.Begun:
			kind = OfWait
		case is.Attempt > 0 && (is.InFlight() || is.Outcome == store.Unsuccessful):
			kind = OfAttempt
		}
		links = append(links, ChainLink{
			At: is.UpdatedAt, Kind: kind, Title: s.Why.Reason, Text: joined(s.Why.Message, s.Why.Detail), Object: query.ObjectIn(s.Why.Detail), Seq: is.Version,
		})
	}
	return links
}

// linkOf shows an entry of the history.
func linkOf(e query.Event) ChainLink {
	f := e.Facts
	l := ChainLink{At: e.Time, Seq: e.Seq, Kind: OfEvent, Title: words(e.Type), Text: joined(f.Message, f.Detail), Object: query.ObjectIn(f.Detail)}
	switch e.Type {
	case store.Waited:
		l.Kind, l.Title = OfWait, f.Reason
	case store.AttemptStarted:
		l.Kind, l.Title = OfAttempt, fmt.Sprintf("attempt %d", f.Attempt)
	case store.AttemptYielded:
		l.Kind, l.Text = OfAttempt, "Its worker was asked to end. Another goes on, and the attempt doesn't count."
	case store.StepCompleted:
		l.Kind, l.Title, l.OK = OfStep, f.Step, well(true)
	case store.Progressed:
		l.Kind, l.Title = OfStep, f.Step
	case store.RetryScheduled:
		l.Kind, l.Title, l.OK = OfAttempt, f.Reason, well(false)
		due := ""
		if f.NotBefore != nil {
			due = "The next is due at " + clockOf(*f.NotBefore) + "."
		}
		l.Text = joined(atStep(f.Step), fmt.Sprintf("Attempt %d ended.", f.Attempt), due, l.Text)
	case store.BecameFailed:
		l.Kind, l.OK = OfAttempt, well(false)
		l.Title, l.Text = cmp.Or(f.Reason, l.Title), joined(atStep(f.Step), "It failed for good.", l.Text)
	case store.BecameReady, store.BecameSuspended, store.BecameDeleted:
		l.Kind, l.OK = OfAttempt, well(true)
	case store.Superseded:
		l.Kind, l.Text = OfAttempt, "A newer command has taken its place."
	case store.BecameDegraded:
		l.Title, l.OK = f.Reason, well(false)
	case store.Recovered:
		l.OK = well(true)
	default:
		if e.Generation == e.Seq {
			l.Kind, l.Text = OfCommand, joined(asked(store.Verb(e.Type), e.Actor), l.Text)
		}
	}
	return l
}

// stands is what the cluster says, oldest first.
func (s Seen) stands() []ChainLink {
	if s.Cluster == nil {
		return nil
	}
	var links []ChainLink
	if r := s.Cluster.Release; r != nil {
		links = append(links, ChainLink{
			At: r.At, Kind: OfHelm, Title: r.Status, Text: r.Description, Object: releaseObject(*r), OK: released(r.Status),
		})
	}
	for _, p := range s.Cluster.Pods {
		links = append(links, podLinks(p)...)
	}
	for _, e := range s.Cluster.Events {
		title := e.Reason
		if e.Count > 1 {
			title = fmt.Sprintf("%s (%d times)", e.Reason, e.Count)
		}
		links = append(links, ChainLink{At: e.At, Kind: OfEvent, Title: title, Text: e.Message, Object: e.Object})
	}
	slices.SortStableFunc(links, func(a, b ChainLink) int { return a.At.Compare(b.At) })
	return links
}

func releaseObject(r query.Release) string { return fmt.Sprintf("release/store.v%d", r.Revision) }

// podLinks are a pod, and how those of its containers are that don't serve, or have ended before.
func podLinks(p query.Pod) []ChainLink {
	object := "pod/" + p.Name
	text := colon(p.Reason, p.Message)
	if p.Node != "" {
		text = joined("It is on the node "+p.Node+".", text)
	}
	links := []ChainLink{{At: p.Since, Kind: OfPod, Title: p.Phase, Text: text, Object: object, OK: serving(p)}}
	for _, c := range p.Containers {
		if last := c.Last; last != nil {
			links = append(links, ChainLink{
				At: last.At, Kind: OfPod, Title: cmp.Or(last.Reason, "ended"), Object: object, OK: well(last.ExitCode == 0),
				Text: fmt.Sprintf("Container %s ended with %d. It was started again %d times.", c.Name, last.ExitCode, c.Restarts),
			})
		}
		if c.Reason == "" || c.Ready || c.Last != nil && c.Last.ExitCode == 0 && p.Phase == succeeded {
			continue
		}
		// A container that waits doesn't say since when.
		at := p.Since
		if c.Last != nil {
			at = c.Last.At
		}
		links = append(links, ChainLink{
			At: at, Kind: OfPod, Title: c.Reason, Text: colon("Container "+c.Name, c.Message), Object: object, OK: well(false),
		})
	}
	return links
}

// released says whether Helm's work went well, where it has come to an end.
func released(status string) *bool {
	switch status {
	case "deployed":
		return well(true)
	case "failed":
		return well(false)
	}
	return nil
}

// succeeded is the phase of a pod whose programs have done what they were for, as those of cron jobs do.
const succeeded = "Succeeded"

// serving says whether a pod is well. Of one that starts, and that nothing is in the way of, nobody can say yet.
func serving(p query.Pod) *bool {
	if p.Phase == "Pending" && p.Reason == "" {
		return nil
	}
	return well(p.Ready || p.Phase == succeeded)
}

func asked(verb store.Verb, actor string) string {
	does, by := store.Verbs[verb].Does, ""
	if actor != "" {
		by = " Asked for by " + actor + "."
	}
	if does == "" {
		return strings.TrimSpace(by)
	}
	return strings.ToUpper(does[:1]) + does[1:] + "." + by
}

func atStep(step string) string {
	if step == "" {
		return ""
	}
	return "At the step " + step + "."
}

func words(t store.Type) string { return strings.ReplaceAll(string(t), "_", " ") }

func joined(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(t string) bool { return t == "" }), " ")
}

func colon(name, text string) string {
	if name == "" || text == "" {
		return name + text
	}
	return name + ": " + text
}

func well(ok bool) *bool { return &ok }
