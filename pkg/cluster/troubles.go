package cluster

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/kubernetes/scheme"
)

const (
	// troublesKept is how many of an operation's last are remembered: Helm tells of several changes at once.
	troublesKept = 16
	// statusAtMost is in bytes; what an API server says of a refusal is shorter.
	statusAtMost = 1 << 20
)

// troubles are the last requests of an operation that weren't carried out, as errors that have a type. Helm makes text of some
// errors; whose text it is says what it was. What isn't quoted isn't it: an operation goes on after most of its troubles,
// and what it fails for later has nothing to do with them.
type troubles struct {
	mu   sync.Mutex
	last []error
}

func (t *troubles) add(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, err)
	t.last = t.last[max(0, len(t.last)-troublesKept):]
}

// quoted is the newest that the error tells of; nil where it tells of none.
func (t *troubles) quoted(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := err.Error()
	for i := len(t.last) - 1; i >= 0; i-- {
		said := t.last[i]
		if unsent := (*url.Error)(nil); errors.As(said, &unsent) {
			said = unsent.Err
		}
		if strings.Contains(text, said.Error()) {
			return t.last[i]
		}
	}
	return nil
}

// readRefusal returns what the API server says of a request that it refuses; nil where it doesn't, or says that what was
// looked for isn't there. The body can be read again afterwards.
func readRefusal(resp *http.Response) error {
	if resp.StatusCode < http.StatusBadRequest || resp.StatusCode == http.StatusNotFound {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, statusAtMost))
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		return err
	}
	said, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
	if err != nil {
		return nil
	}
	return apierrors.FromObject(said)
}

// refusedObject is what a webhook has objected to: its refusal doesn't say.
type refusedObject struct {
	error
	// object is like "ingress/store".
	object string
}

func (e *refusedObject) Unwrap() error { return e.error }

// about names the object of a request that a webhook has refused. Others' refusals name it by themselves.
func about(req *http.Request, refusal error) error {
	if !objected(refusal) {
		return refusal
	}
	// Of a patch the address says it, and of what is to be made the body.
	of := path.Dir(req.URL.Path)
	object := workloadKey(path.Base(of), path.Base(req.URL.Path))
	if kind, name := madeBy(req); name != "" {
		object = workloadKey(kind, name)
	}
	return &refusedObject{refusal, object}
}

// madeBy reads what a request sends; nothing where it isn't a whole object.
func madeBy(req *http.Request) (kind, name string) {
	if req.GetBody == nil {
		return "", ""
	}
	body, err := req.GetBody()
	if err != nil {
		return "", ""
	}
	defer func() { _ = body.Close() }()
	content, err := io.ReadAll(body)
	if err != nil {
		return "", ""
	}
	sent, kinds, err := scheme.Codecs.UniversalDeserializer().Decode(content, nil, nil)
	if err != nil {
		return "", ""
	}
	named, err := meta.Accessor(sent)
	if err != nil {
		return "", ""
	}
	return kinds.Kind, named.GetName()
}

// flattened is an error that has lost its type, and what it was.
type flattened struct{ text, was error }

func (e *flattened) Error() string   { return e.text.Error() }
func (e *flattened) Unwrap() []error { return []error{e.text, e.was} }
