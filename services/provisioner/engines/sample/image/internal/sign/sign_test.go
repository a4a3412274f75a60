package sign

import (
	"os"
	"path/filepath"
	"testing"
)

// mounted is a folder as the kubelet makes it of a ConfigMap: the files are links through one that is put in another's place.
type mounted struct {
	t      *testing.T
	folder string
	turn   string
}

func mount(t *testing.T, files map[string]string) *mounted {
	t.Helper()
	m := &mounted{t: t, folder: t.TempDir()}
	m.put(files)
	for _, name := range []string{"title", "tagline"} {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(m.folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (m *mounted) put(files map[string]string) {
	m.t.Helper()
	m.turn += "x"
	data := filepath.Join(m.folder, "..turn-"+m.turn)
	if err := os.Mkdir(data, 0o755); err != nil {
		m.t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(data, name), []byte(text), 0o644); err != nil {
			m.t.Fatal(err)
		}
	}
	link := filepath.Join(m.folder, "..data_tmp")
	if err := os.Symlink(filepath.Base(data), link); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Rename(link, filepath.Join(m.folder, "..data")); err != nil {
		m.t.Fatal(err)
	}
}

func TestASignIsReadAnew(t *testing.T) {
	m := mount(t, map[string]string{"title": "Linden & Rye", "tagline": "Good things"})
	board, err := Open(m.folder)
	if err != nil {
		t.Fatal(err)
	}
	if got := board.Sign(); got != (Sign{"Linden & Rye", "Good things"}) {
		t.Errorf("at first: %+v", got)
	}
	m.put(map[string]string{"title": "Amber $5\n", "tagline": ""})
	if got := board.Sign(); got != (Sign{"Amber $5", ""}) {
		t.Errorf("changed: %+v", got)
	}
	for name, broken := range map[string]map[string]string{
		"no title": {"tagline": "x"}, "an empty one": {"title": "", "tagline": "x"}, "no tagline": {"title": "x"},
		"no text": {"title": "\xff", "tagline": "x"},
	} {
		m.put(broken)
		if got := board.Sign(); got != (Sign{"Amber $5", ""}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	m.put(map[string]string{"title": "Back", "tagline": "again"})
	if got := board.Sign(); got != (Sign{"Back", "again"}) {
		t.Errorf("mended: %+v", got)
	}
}

func TestNoShopBeginsWithoutASign(t *testing.T) {
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("an empty folder was taken for one")
	}
}
