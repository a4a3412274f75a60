package release

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

// fence makes Helm's changes of its revisions conditional on what it has seen of them. Helm writes over whatever is
// there, so that the last word of a worker that slept through its lease would make "deployed" again what another has
// replaced.
type fence struct {
	corev1client.SecretInterface

	mu sync.Mutex
	// seen are the versions by name.
	seen map[string]string
}

func newFence(secrets corev1client.SecretInterface) *fence {
	return &fence{SecretInterface: secrets, seen: make(map[string]string)}
}

func (f *fence) note(secret *corev1.Secret, err error) (*corev1.Secret, error) {
	if err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.seen[secret.Name] = secret.ResourceVersion
	}
	return secret, err
}

// Get is one of the four calls by which Helm learns of a revision.
func (f *fence) Get(ctx context.Context, name string, options metav1.GetOptions) (*corev1.Secret, error) {
	return f.note(f.SecretInterface.Get(ctx, name, options))
}

// List notes every revision.
func (f *fence) List(ctx context.Context, options metav1.ListOptions) (*corev1.SecretList, error) {
	list, err := f.SecretInterface.List(ctx, options)
	if err != nil {
		return nil, err
	}
	for i := range list.Items {
		_, _ = f.note(&list.Items[i], nil)
	}
	return list, nil
}

// Create notes the new revision.
func (f *fence) Create(ctx context.Context, secret *corev1.Secret, options metav1.CreateOptions) (*corev1.Secret, error) {
	return f.note(f.SecretInterface.Create(ctx, secret, options))
}

// Update fails with a conflict where somebody else has changed the revision since it was seen.
func (f *fence) Update(ctx context.Context, secret *corev1.Secret, options metav1.UpdateOptions) (*corev1.Secret, error) {
	f.mu.Lock()
	secret.ResourceVersion = f.seen[secret.Name]
	f.mu.Unlock()
	return f.note(f.SecretInterface.Update(ctx, secret, options))
}
