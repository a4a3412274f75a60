package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/store-platform/store-platform/pkg/store"
)

// SecretName is the Secret with a store's generated passwords.
const SecretName = "store-credentials"

// EnsureSecret creates the Secret of fresh values (engine.Pack.NewSecret). Of one that exists it keeps every value,
// because a database was made with it, and only adds the keys that it lacks.
func (o *Operation) EnsureSecret(ctx context.Context, id store.ID, fresh map[string][]byte) error {
	secrets := o.client.CoreV1().Secrets(id.Namespace())
	_, err := secrets.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: SecretName, Labels: o.cluster.ObjectLabels(id)},
		Data:       fresh,
	}, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return o.fail("create secret", err)
	}
	live, err := secrets.Get(ctx, SecretName, metav1.GetOptions{})
	if err != nil {
		return o.fail("read secret", err)
	}
	missing := make(map[string][]byte)
	for key, value := range fresh {
		if _, ok := live.Data[key]; !ok {
			missing[key] = value
		}
	}
	if len(missing) == 0 {
		return nil
	}
	// With the version that was read, or two workers could both believe that a key is missing.
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": live.ResourceVersion},
		"data":     missing,
	})
	if err != nil {
		return o.fail("encode secret", err)
	}
	_, err = secrets.Patch(ctx, SecretName, types.MergePatchType, patch, metav1.PatchOptions{})
	return o.fail("add keys to secret", err)
}

// SecretDone says whether the Secret has all keys.
func (o *Operation) SecretDone(ctx context.Context, id store.ID, keys []string) (bool, error) {
	live, err := o.client.CoreV1().Secrets(id.Namespace()).Get(ctx, SecretName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, o.fail("read secret", err)
	}
	return !slices.ContainsFunc(keys, func(key string) bool { return len(live.Data[key]) == 0 }), nil
}

// ReadSecret reads a store's passwords outside any operation, for the owner who asks to see them. It fails with
// ReasonDataMissing where a store that stands has none any more.
func (c *Cluster) ReadSecret(ctx context.Context, id store.ID) (map[string][]byte, error) {
	l, err := c.connect()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	live, err := l.client.CoreV1().Secrets(id.Namespace()).Get(ctx, SecretName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, wrap(err, Permanent, ReasonDataMissing, DataMissingSentence)
	}
	if err != nil {
		return nil, Classify(fmt.Errorf("read secret: %w", err))
	}
	return live.Data, nil
}
