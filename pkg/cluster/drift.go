package cluster

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/store-platform/store-platform/pkg/store"
)

// Drift is one object of a store that isn't as the platform made it: somebody removed it or changed it by hand.
type Drift struct {
	// Kind is as Kubernetes writes it (Service), or "Release" for Helm's own record.
	Kind, Name string
	// Missing says that it isn't there; otherwise Fields are the paths of what was changed, as far as they are known.
	// Never values: some objects are Secrets.
	Missing bool
	Fields  []string
	// Beyond says that no mend brings it back: data that is gone, or what the platform may not change back, or nobody. An
	// empty volume in the place of a lost one would make an empty shop look well.
	Beyond bool
	// Says is a sentence for the merchant where there is more to say than that somebody has changed it; Remedy a command by
	// which an operator puts it right.
	Says, Remedy string
}

// Sentence is for the merchant.
func (d Drift) Sentence() string {
	switch {
	case d.Says != "":
		return d.Says
	case d.Missing:
		return fmt.Sprintf("%s %s is missing.", d.Kind, d.Name)
	}
	return fmt.Sprintf("%s %s was changed by hand.", d.Kind, d.Name)
}

// Words are for who knows Kubernetes.
func (d Drift) Words() string {
	said := strings.ToLower(d.Kind) + "/" + d.Name
	switch {
	case d.Missing:
		said += ": not found"
	case len(d.Fields) > 0:
		said += ": " + strings.Join(d.Fields, ", ")
	default:
		said += ": changed"
	}
	if d.Remedy != "" {
		said += "; put right by: " + d.Remedy
	}
	return said
}

// refusal is the error of who would have to work on what is so.
func (d Drift) refusal(reason string) *Error {
	return &Error{Kind: Permanent, Reason: reason, Sentence: d.Sentence(), Detail: d.Words()}
}

// Reasons of what can't be mended.
const (
	ReasonNamespaceMissing = "NamespaceMissing"
	ReasonNamespaceTaken   = "NamespaceTaken"
	ReasonDataMissing      = "DataMissing"
)

// NamespaceMissingSentence is for the merchant whose store is gone, DataMissingSentence for one
// whose data is.
const (
	NamespaceMissingSentence = "The store was removed from the cluster, and its data with it."
	DataMissingSentence      = "Some of the store's data was removed from the cluster. It can't be made anew."
)

// NamespaceDrift is about the store's namespace alone. One that is gone, or going, has taken the store's data with it.
func (o *Operation) NamespaceDrift(ctx context.Context, ns Namespace) ([]Drift, error) {
	name := ns.Store.Namespace()
	live, err := o.client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return []Drift{{Kind: "Namespace", Name: name, Missing: true, Beyond: true}}, nil
	case err != nil:
		return nil, o.fail("read namespace", err)
	case live.DeletionTimestamp != nil:
		return []Drift{{Kind: "Namespace", Name: name, Missing: true, Beyond: true}}, nil
	case !o.cluster.isOurs(live, ns.Store):
		return []Drift{o.cluster.relabelled(live, ns.Store)}, nil
	case !hasAll(live.Labels, o.cluster.namespaceLabels(ns)):
		return []Drift{{Kind: "Namespace", Name: name, Fields: []string{"metadata.labels"}}}, nil
	}
	return nil, nil
}

// IsolationDrift lists what of EnsureIsolation isn't as it makes it. Without its rights a provisioner can't look at the
// rest, so that its binding, where that isn't its own, is all there is to say.
func (o *Operation) IsolationDrift(ctx context.Context, is Isolation) ([]Drift, error) {
	binding, err := o.bindingFound(ctx, is.Store)
	if err != nil {
		return nil, err
	}
	if binding != nil {
		return []Drift{*binding}, nil
	}
	pieces, err := o.isolationPieces(ctx, is)
	if err != nil {
		return nil, err
	}
	var found []Drift
	for _, p := range pieces {
		there, same, err := p.look(ctx)
		if err != nil {
			return nil, o.fail("read "+p.title(), err)
		}
		if !there || !same {
			found = append(found, Drift{Kind: p.kind, Name: p.name, Missing: !there})
		}
	}
	return found, nil
}

// SecretDrift says whether the store's passwords are there. Others in their place would open nothing: a database was
// made with them.
func (o *Operation) SecretDrift(ctx context.Context, id store.ID, keys []string) ([]Drift, error) {
	done, err := o.SecretDone(ctx, id, keys)
	if err != nil || done {
		return nil, err
	}
	return []Drift{{Kind: "Secret", Name: SecretName, Missing: true, Beyond: true}}, nil
}
