package runas

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// root: only then is there somebody else to become.
var root = os.Geteuid() == 0

func user(t *testing.T, state, name string, number int) *User {
	t.Helper()
	u, err := New(state, "testing", name, number)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// does is what a script of the user's says.
func does(t *testing.T, u *User, script string) (string, error) {
	t.Helper()
	command, err := u.Run("/bin/sh", func(program string, as *syscall.Credential) *exec.Cmd {
		command := exec.Command(program, "-c", script)
		command.SysProcAttr = &syscall.SysProcAttr{Credential: as}
		return command
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// refused: an ordinary user's processes are all that user's.
func refused(t *testing.T, u *User, script string) {
	t.Helper()
	if said, err := does(t, u, script); root && err == nil {
		t.Errorf("%s isn't refused: %s", script, said)
	}
}

func TestAProcessHasAUserAndAFolderOfItsOwn(t *testing.T) {
	state := t.TempDir()
	one, two := user(t, state, "one", 0), user(t, state, "two", 1)
	put(t, one.Path("secret"), "one's")
	if err := one.Give("secret"); err != nil {
		t.Fatal(err)
	}
	put(t, one.Path("root's"), "root's")
	ids := map[string]string{}
	for name, u := range map[string]*User{"one": one, "two": two} {
		said, err := does(t, u, "echo $(id -u) $(id -G) $(grep CapEff /proc/self/status | cut -f 2)")
		if err != nil {
			t.Fatal(said, err)
		}
		ids[name] = said
		want := fmt.Sprint(os.Getuid())
		if root {
			want = fmt.Sprint(u.Group(), u.Group(), " 0000000000000000")
		}
		if !strings.HasPrefix(said, want) {
			t.Errorf("%s runs as %s, want %s", name, said, want)
		}
	}
	if root && ids["one"] == ids["two"] {
		t.Errorf("both run as %s", ids["one"])
	}
	if said, err := does(t, one, "cat "+one.Inside("secret")); err != nil || said != "one's" {
		t.Errorf("it reads %q, %v", said, err)
	}
	refused(t, one, "cat '"+one.Inside("root's")+"'")
	refused(t, one, "echo > "+one.Inside("secret"))
	refused(t, one, "echo > "+one.Inside("new"))
	refused(t, two, "cat "+one.Path("secret"))
	refused(t, two, "cat "+two.Inside("..", "one", "secret"))
	refused(t, two, "cat /proc/self/fd/9/../one/secret")
}

// What a release before had root write is its user's, stays found where it was, and is handed over again after a return to it.
func TestWhatRootWroteIsHandedOver(t *testing.T) {
	state := t.TempDir()
	before := filepath.Join(state, "log-store")
	put(t, filepath.Join(before, "inner", "block"), "a message")
	for _, again := range []string{"block", "another"} {
		u := user(t, state, "broker", 0)
		if err := u.Folder("log-store", before); err != nil {
			t.Fatal(err)
		}
		inside := u.Inside("log-store", "inner", again)
		if said, err := does(t, u, "cat "+inside+" && echo more >> "+inside); err != nil || said != "a message" {
			t.Errorf("%s: %q, %v", again, said, err)
		}
		put(t, filepath.Join(before, "inner", "another"), "a message")
	}
}

// Whoever goes back to a release before finds there what the user has, whatever became of an earlier start.
func TestAReleaseBeforeFindsWhatTheUserHas(t *testing.T) {
	for name, earlier := range map[string]func(before string, u *User) error{
		"an earlier release's":        func(before string, _ *User) error { return os.Mkdir(before, 0o700) },
		"nothing":                     func(string, *User) error { return nil },
		"killed before the link":      func(_ string, u *User) error { return os.Mkdir(u.Path("log-store"), 0o700) },
		"a link whose folder is gone": func(before string, u *User) error { return leave(before, u.Path("log-store")) },
	} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			before, u := filepath.Join(state, "log-store"), user(t, state, "broker", 0)
			if err := earlier(before, u); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := u.Folder("log-store", before); err != nil {
					t.Fatal(err)
				}
			}
			if said, err := does(t, u, "echo a message > "+u.Inside("log-store", "block")); err != nil {
				t.Fatal(said, err)
			}
			if text, err := os.ReadFile(filepath.Join(before, "block")); err != nil || string(text) != "a message\n" {
				t.Errorf("it finds %q, %v", text, err)
			}
		})
	}
}

// Whatever a user puts into its folder, root gives away nothing outside.
func TestALinkLeadsRootNowhere(t *testing.T) {
	state, elsewhere := t.TempDir(), t.TempDir()
	u := user(t, state, "broker", 0)
	if err := u.Folder("data", filepath.Join(state, "none")); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(elsewhere, "file"), "root's")
	link := "cd " + u.Inside("data") + " && ln -s " + elsewhere + " folder && ln -s " + elsewhere + "/file file"
	if said, err := does(t, u, link); err != nil {
		t.Fatal(said, err)
	}
	put(t, u.Path("data", "new"), "")
	if err := u.Folder("data", filepath.Join(state, "none")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{elsewhere, filepath.Join(elsewhere, "file")} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Geteuid() {
			t.Errorf("%s belongs to %d", path, owner.Uid)
		}
	}
}

func TestACopyIsLent(t *testing.T) {
	u, elsewhere := user(t, t.TempDir(), "one", 0), t.TempDir()
	put(t, filepath.Join(elsewhere, "inner", "file"), "first")
	for _, text := range []string{"first", "second"} {
		put(t, filepath.Join(elsewhere, "inner", "file"), text)
		folder, err := u.Lend("folder", elsewhere)
		if err != nil {
			t.Fatal(err)
		}
		file, err := u.Lend("file", filepath.Join(elsewhere, "inner", "file"))
		if err != nil {
			t.Fatal(err)
		}
		if said, err := does(t, u, "cat "+folder+"/inner/file "+file); err != nil || said != text+text {
			t.Errorf("it reads %q, %v", said, err)
		}
	}
	if said, err := u.Lend("everybody's", "/etc/passwd"); err != nil || said != "/etc/passwd" {
		t.Errorf("what everybody reads is at %s, %v", said, err)
	}
	if _, err := u.Lend("none", filepath.Join(elsewhere, "none")); root && err == nil {
		t.Error("what isn't there is lent")
	}
}

func TestNumbersAreThoseThatThereAre(t *testing.T) {
	for table, there := range map[string]bool{
		"         0          0 4294967295\n":               true,
		"         0     100000      65536\n":               false,
		"0 100000 65536\n1900000000 1900000000 20000000\n": true,
		"": false,
	} {
		if mapped(table, first+1) != there {
			t.Errorf("in %q it is there: %v", table, !there)
		}
	}
}
