package query_test

import (
	"testing"

	"github.com/store-platform/store-platform/pkg/query"
)

func TestADetailBeginsWithWhatItIsAbout(t *testing.T) {
	for detail, want := range map[string][2]string{
		"deployment/web: pod/web-1: container shop":               {"deployment/web", "pod/web-1"},
		"deployment/web: exceeded quota: store-quota":             {"deployment/web", "deployment/web"},
		"statefulset/database":                                    {"statefulset/database", "statefulset/database"},
		"pod/web-1: container shop":                               {"", "pod/web-1"},
		"persistentvolumeclaim/data of class fast: nobody":        {"", "persistentvolumeclaim/data"},
		"host/store-s1.localhost: probe by ingress: GET / is 404": {"", "host/store-s1.localhost"},
		"503": {"", ""},
		"":    {"", ""},
	} {
		if got := [2]string{query.PartIn(detail), query.ObjectIn(detail)}; got != want {
			t.Errorf("%q is about %q, want %q", detail, got, want)
		}
	}
}
