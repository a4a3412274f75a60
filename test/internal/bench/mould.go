package bench

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/test/internal/platform"
)

// mould is a store that the platform has made, as etcd and the log hold it, from which others are cast. A cast differs in its
// id, its objects' uids and its Service's address, and in nothing else: not in its tenant, nor in its passwords.
type mould struct {
	id store.ID
	// objects are in etcd's own form, where a text is preceded by its length: ids and uids are all as long.
	objects []keyValue
	// rewritten are objects as JSON, which the API server reads as well. In a release the id is packed, and addresses aren't as long
	// as each other.
	rewritten []keyValue
	// release is what Helm wrote, unpacked; releaseKey is where.
	release    string
	releaseKey string
	// address is the Service's.
	address string
	uids    []string
	told    []store.Message
}

var uidPattern = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// takeObjects reads what etcd has of the store; api is asked for what is to be JSON, before it is stopped.
func (m *mould) takeObjects(all []keyValue) {
	space := "/" + m.id.Namespace()
	seen := map[string]bool{}
	for _, o := range all {
		key := string(o.Key)
		if !strings.HasSuffix(key, space) && !strings.Contains(key, space+"/") || strings.HasPrefix(key, registry+"events/") {
			continue
		}
		for _, uid := range uidPattern.FindAllString(string(o.Value), -1) {
			seen[uid] = true
		}
		if !slices.ContainsFunc(m.rewritten, func(r keyValue) bool { return bytes.Equal(r.Key, o.Key) }) {
			m.objects = append(m.objects, o)
		}
	}
	for _, r := range m.rewritten {
		for _, uid := range uidPattern.FindAllString(string(r.Value), -1) {
			seen[uid] = true
		}
	}
	for uid := range seen {
		m.uids = append(m.uids, uid)
	}
}

// Where the API server keeps what is written as JSON.
const (
	serviceKey = registry + "services/specs/"
	addressKey = registry + "ipaddresses/"
	secretKey  = registry + "secrets/"
)

// releaseName is Helm's Secret of a store that was made once.
const releaseName = "sh.helm.release.v1.store.v1"

// takeRewritten asks the API for what is to be JSON.
func (m *mould) takeRewritten(ctx context.Context, k *platform.Kubernetes) error {
	space := "/api/v1/namespaces/" + m.id.Namespace()
	var service struct {
		Spec struct {
			Address string `json:"clusterIP"`
		} `json:"spec"`
	}
	if err := m.take(ctx, k, space+"/services/store", serviceKey+m.id.Namespace()+"/store", &service); err != nil {
		return err
	}
	m.address = service.Spec.Address
	if err := m.take(ctx, k, "/apis/networking.k8s.io/v1/ipaddresses/"+m.address, addressKey+m.address, nil); err != nil {
		return err
	}
	var secret struct {
		Data struct {
			Release []byte `json:"release"`
		} `json:"data"`
	}
	m.releaseKey = secretKey + m.id.Namespace() + "/" + releaseName
	if err := m.take(ctx, k, space+"/secrets/"+releaseName, m.releaseKey, &secret); err != nil {
		return err
	}
	// Of the release the uids need not be new: nothing of it is asked for by them.
	last := len(m.rewritten) - 1
	m.rewritten[last].Value = bytes.Replace(m.rewritten[last].Value, encoded(secret.Data.Release), []byte(releaseMark), 1)
	var err error
	m.release, err = unpack(secret.Data.Release)
	return err
}

// releaseMark stands where the packed release goes.
const releaseMark = "PACKED-RELEASE"

func (m *mould) take(ctx context.Context, k *platform.Kubernetes, path, key string, out any) error {
	var raw json.RawMessage
	if status, err := k.Do(ctx, http.MethodGet, path, nil, &raw); err != nil || status != http.StatusOK {
		return fmt.Errorf("read %s: %d %w", path, status, err)
	}
	m.rewritten = append(m.rewritten, keyValue{[]byte(key), raw})
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}

// cast makes the objects of another store.
func (m *mould) cast(id store.ID, address string) ([]keyValue, error) {
	pairs := []string{string(m.id), string(id)}
	for _, uid := range m.uids {
		pairs = append(pairs, uid, uidFor(uid, id))
	}
	same := strings.NewReplacer(pairs...)
	objects := make([]keyValue, 0, len(m.objects)+len(m.rewritten))
	for _, o := range m.objects {
		objects = append(objects, keyValue{[]byte(same.Replace(string(o.Key))), []byte(same.Replace(string(o.Value)))})
	}
	packed, err := pack(strings.ReplaceAll(m.release, string(m.id), string(id)))
	if err != nil {
		return nil, err
	}
	other := strings.NewReplacer(append(pairs, m.address, address, releaseMark, string(encoded(packed)))...)
	for _, o := range m.rewritten {
		objects = append(objects, keyValue{[]byte(other.Replace(string(o.Key))), []byte(other.Replace(string(o.Value)))})
	}
	return objects, nil
}

func uidFor(uid string, id store.ID) string {
	sum := sha256.Sum256([]byte(uid + string(id)))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func encoded(data []byte) []byte { return base64.StdEncoding.AppendEncode(nil, data) }

// unpack opens what Helm keeps of a release: JSON, zipped, as base64. The Secret around it makes that base64 once more.
func unpack(packed []byte) (string, error) {
	zipped, err := base64.StdEncoding.AppendDecode(nil, packed)
	if err != nil {
		return "", fmt.Errorf("unpack the release: %w", err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return "", fmt.Errorf("unpack the release: %w", err)
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		return "", fmt.Errorf("unpack the release: %w", err)
	}
	return string(text), nil
}

func pack(text string) ([]byte, error) {
	var zipped bytes.Buffer
	writer := gzip.NewWriter(&zipped)
	_, err := io.WriteString(writer, text)
	if err := errors.Join(err, writer.Close()); err != nil {
		return nil, fmt.Errorf("pack the release: %w", err)
	}
	return encoded(zipped.Bytes()), nil
}

// takeMessages reads the store's history.
func (m *mould) takeMessages(ctx context.Context, log *storelog.Log) error {
	head, err := log.Head(ctx)
	if err != nil {
		return err
	}
	errRead := errors.New("read")
	err = log.Tail(ctx, 0, func(raw storelog.Raw) error {
		entry, err := raw.Entry()
		if err != nil {
			return err
		}
		if entry.Message.Store == m.id {
			m.told = append(m.told, entry.Message)
		}
		if raw.Seq == head {
			return errRead
		}
		return nil
	})
	if errors.Is(err, errRead) {
		return nil
	}
	return err
}

// tell appends the history of another store.
func (m *mould) tell(ctx context.Context, log *storelog.Log, id store.ID) error {
	var state store.State
	for _, told := range m.told {
		facts, err := json.Marshal(told.Facts)
		if err != nil {
			return err
		}
		next := store.Message{Type: told.Type, Store: id, Tenant: told.Tenant, Actor: told.Actor, Time: told.Time}
		if err := json.Unmarshal(bytes.ReplaceAll(facts, []byte(m.id), []byte(id)), &next.Facts); err != nil {
			return err
		}
		if !told.IsCommand() {
			next.Generation = state.Generation
		}
		if state, err = log.Append(ctx, state, next); err != nil {
			return err
		}
	}
	return nil
}
