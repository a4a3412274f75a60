package bench

import (
	"strings"
	"testing"

	"github.com/store-platform/store-platform/pkg/store"
)

func TestACastDiffersInItsNamesAndIsAsLong(t *testing.T) {
	const uid = "0a1b2c3d-0000-4000-8000-0123456789ab"
	first, second := store.DeriveID("t", "1"), store.DeriveID("t", "2")
	packed, err := pack(`{"namespace":"` + first.Namespace() + `"}`)
	if err != nil {
		t.Fatal(err)
	}
	m := mould{
		id: first, address: "10.96.7.8", release: `{"namespace":"` + first.Namespace() + `"}`,
		rewritten: []keyValue{
			{[]byte(addressKey + "10.96.7.8"), []byte(`{"name":"10.96.7.8"}`)},
			{[]byte(secretKey + first.Namespace() + "/" + releaseName), []byte(`{"release":"` + releaseMark + `"}`)},
		},
	}
	m.takeObjects([]keyValue{
		{[]byte(registry + "pods/" + first.Namespace() + "/a"), []byte("\x00" + first.Namespace() + uid)},
		{[]byte(registry + "pods/other/a"), []byte("of somebody else")},
	})
	if len(m.objects) != 1 || len(m.uids) != 1 {
		t.Fatalf("took %d objects and %d uids", len(m.objects), len(m.uids))
	}
	cast, err := m.cast(second, "10.96.200.100")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range cast {
		if text := string(o.Key) + string(o.Value); strings.Contains(text, string(first)) || strings.Contains(text, uid) || strings.Contains(text, "10.96.7.8") {
			t.Errorf("a cast still says %q", text)
		}
	}
	if len(cast[0].Value) != len(m.objects[0].Value) {
		t.Error("a text has another length, so that what is before it lies")
	}
	release := strings.Split(string(cast[2].Value), `"`)[3]
	if release == string(encoded(packed)) {
		t.Error("the release is the first store's")
	}
}
