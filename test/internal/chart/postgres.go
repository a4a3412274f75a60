package chart

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// PostgresEntrypoint behaves as that of the published image does, as far as the chart and docker-compose.yaml lean on it: who starts it
// is no root; an empty data folder becomes a cluster with the user, the password and the database that the environment says, and
// passwords from then on open it; then the server listens everywhere.
const PostgresEntrypoint = `#!/bin/sh
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  umask 077
  printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password
  initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth-host=scram-sha-256 --auth-local=trust
  rm /tmp/password
  echo "create database $POSTGRES_DB" | postgres --single -D "$PGDATA" postgres
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
fi
postgres -c listen_addresses='*' &
# The published image has itself ended by this signal, which doesn't wait for clients; the kubelet's own would.
trap "kill -INT $!" TERM
wait || wait
`

// users is whom the published image knows: initdb asks for the name of who runs it.
const users = "root:x:0:0:root:/root:/bin/sh\npostgres:x:999:999::/var/lib/postgresql:/bin/sh\n"

// ofPostgres stands in for the published image of PostgreSQL: what this machine has installed of it, and an entrypoint of ours. Extensions and just-in-time
// compilation, which nothing here asks for, are left out: LLVM is larger than all the rest.
func ofPostgres(name, folder string) (image, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return image{}, errors.Join(errors.New("find PostgreSQL: install postgresql"), err)
	}
	bin := filepath.Dir(found[len(found)-1])
	version := filepath.Base(filepath.Dir(bin))
	if _, tag, _ := strings.Cut(name, ":"); !strings.HasPrefix(tag, version+"-") {
		return image{}, fmt.Errorf("the chart's database is %s, and what is installed here is %s", name, version)
	}
	made := image{
		Name: name, User: "999:999", Entrypoint: []string{"/docker-entrypoint.sh"}, Env: []string{"PATH=" + bin + ":/bin", "LC_ALL=C.UTF-8"},
		Files: map[string]string{"/bin/busybox": "/bin/busybox"}, Links: map[string]string{"/var/run": "/run"},
	}
	for _, command := range []string{"sh", "rm", "echo", "printf", "cat"} {
		made.Links["/bin/"+command] = "busybox"
	}
	for target, text := range map[string]string{made.Entrypoint[0]: PostgresEntrypoint, "/etc/passwd": users} {
		made.Files[target] = filepath.Join(folder, path.Base(target))
		if err := os.WriteFile(made.Files[target], []byte(text), 0o755); err != nil {
			return image{}, err
		}
	}
	var binaries []string
	for _, program := range []string{"initdb", "postgres", "pg_isready"} {
		binaries = append(binaries, filepath.Join(bin, program))
	}
	for _, library := range []string{"plpgsql.so", "dict_snowball.so", "libpqwalreceiver.so", "pgoutput.so", "*_and_*.so"} {
		more, err := filepath.Glob(filepath.Join(filepath.Dir(bin), "lib", library))
		if err != nil {
			return image{}, err
		}
		binaries = append(binaries, more...)
	}
	libraries, err := linked(binaries)
	if err != nil {
		return image{}, err
	}
	for _, file := range slices.Concat(binaries, libraries) {
		made.Files[file] = file
	}
	for _, tree := range []string{"/usr/share/postgresql/" + version, "/usr/share/zoneinfo", "/usr/lib/locale/C.utf8"} {
		if err := made.add(tree); err != nil {
			return image{}, fmt.Errorf("read what PostgreSQL needs: %w", err)
		}
	}
	return made, nil
}

// libraryPath is a path in what ldd says.
var libraryPath = regexp.MustCompile(`(?m)(/\S+) \(0x`)

// linked are the libraries that programs and libraries want, by the paths that the loader finds them at; it is one of them.
func linked(binaries []string) ([]string, error) {
	said, err := exec.Command("ldd", binaries...).Output()
	if err != nil {
		return nil, fmt.Errorf("ask which libraries PostgreSQL wants: %w", err)
	}
	var all []string
	for _, found := range libraryPath.FindAllSubmatch(said, -1) {
		all = append(all, string(found[1]))
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// add adds the files of a tree; what links lead to stands in their place.
func (i image) add(tree string) error {
	return filepath.WalkDir(tree, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() {
			i.Files[path] = path
		}
		return err
	})
}
