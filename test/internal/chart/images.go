package chart

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/store-platform/store-platform/pkg/guard"
	"github.com/store-platform/store-platform/pkg/programtest"
	"github.com/store-platform/store-platform/test/internal/repo"
	"github.com/store-platform/store-platform/test/internal/tool"
)

// image is what deploy/local's program for images packs: files of this machine, nothing else. The names of its fields are that
// program's.
type image struct {
	Name       string
	Files      map[string]string // path in the image → path here
	Links      map[string]string // path in the image → what it points to
	Folders    []string
	Entrypoint []string
	Env        []string
	User       string
}

// unprivileged is who the services' images are for, as the Dockerfile has it.
const unprivileged = "65532:65532"

// authorities is where the programs look for the certificates that they trust.
const authorities = "/etc/ssl/certs/ca-certificates.crt"

// Pack packs all images that the chart names into one archive in folder, and answers its path.
//
// The services' are what the Dockerfile makes, but for what asks for their health and the list of modules, which the chart doesn't use. The
// broker's stands in for the published nats image: upstream's own server of that version, started with the chart's own arguments. The
// database's is postgres.go's.
func Pack(ctx context.Context, folder string) (string, error) {
	root, err := repo.Root()
	if err != nil {
		return "", err
	}
	tag, err := version(root)
	if err != nil {
		return "", fmt.Errorf("read the chart's version: %w", err)
	}
	var contents []image
	for _, program := range programs {
		path, err := programtest.Path(ctx, program)
		if err != nil {
			return "", err
		}
		contents = append(contents, ofService(program, path, tag))
	}
	names, err := foreign(root)
	if err != nil {
		return "", err
	}
	broker, err := ofBroker(ctx, names.Nats.Image, tool.Nats)
	if err != nil {
		return "", err
	}
	database, err := ofPostgres(names.Postgres.Image, folder)
	if err != nil {
		return "", err
	}
	archive := filepath.Join(folder, "images.tar")
	return archive, write(ctx, root, archive, append(contents, broker, database))
}

// programs are those that the chart runs; the Dockerfile's targets are called after them.
var programs = []string{"store-backup", "store-events", "store-gateway", "store-janitor", "store-provisioner"}

// ofService is a service's image, made of its program.
func ofService(program, path, tag string) image {
	return image{
		Name: "store-platform/" + strings.TrimPrefix(program, "store-") + ":" + tag, User: unprivileged, Entrypoint: []string{"/" + program},
		Files: map[string]string{"/" + program: path, authorities: authorities},
	}
}

// foreignImages are those that others publish, by the values that name them.
type foreignImages struct {
	Nats, Postgres struct {
		Image string `yaml:"image"`
	}
}

func foreign(root string) (names foreignImages, err error) {
	text, err := os.ReadFile(filepath.Join(folder(root), "values.yaml"))
	if err == nil {
		err = yaml.Unmarshal(text, &names)
	}
	if err == nil && (names.Nats.Image == "" || names.Postgres.Image == "") {
		err = errors.New("it names no image of a broker, or of a database")
	}
	if err != nil {
		return names, fmt.Errorf("read the chart's values: %w", err)
	}
	return names, nil
}

// Images are the names of the broker's and the database's.
func Images(tb testing.TB) (broker, database string) {
	tb.Helper()
	root, err := repo.Root()
	if err != nil {
		tb.Fatal(err)
	}
	names, err := foreign(root)
	if err != nil {
		tb.Fatal(err)
	}
	return names.Nats.Image, names.Postgres.Image
}

// ofBroker is upstream's server, which has to be of the version that the image's name says, or begins to say.
func ofBroker(ctx context.Context, name string, server tool.Tool) (image, error) {
	version, err := server.Pinned()
	if err != nil {
		return image{}, err
	}
	_, tag, _ := strings.Cut(path.Base(name), ":")
	if named, _, _ := strings.Cut(tag, "-"); !strings.HasPrefix(version+".", "v"+named+".") {
		return image{}, fmt.Errorf("the chart's broker is %s, and what can be built here is %s", name, version)
	}
	at, err := server.Path(ctx, os.Stderr)
	return image{Name: name, Entrypoint: []string{"/nats-server"}, Files: map[string]string{"/nats-server": at}}, err
}

// write has the program that packs the images of make up pack these.
func write(ctx context.Context, root, archive string, contents []image) error {
	_, err := ask(ctx, root, map[string]any{"verb": "write", "path": archive, "contents": contents})
	return err
}

// answer is the last one of that program's.
type answer struct {
	Last   bool `json:"last"`
	Images map[string]struct {
		Path string `json:"path"`
	} `json:"images"`
	Failed *struct {
		Error string `json:"error"`
	} `json:"failed"`
}

func ask(ctx context.Context, root string, request map[string]any) (last answer, err error) {
	program, err := programtest.Path(ctx, "store-images")
	if err != nil {
		return last, err
	}
	text, err := json.Marshal(request)
	if err != nil {
		return last, err
	}
	pack := exec.Command(program, "serve")
	pack.Dir, pack.Stdin = root, bytes.NewReader(text)
	var answers, said bytes.Buffer
	pack.Stdout, pack.Stderr = &answers, &said
	if err := guard.Run(ctx, pack); err != nil {
		return last, fmt.Errorf("pack the images: %w\n%s", err, said.Bytes())
	}
	for decoder := json.NewDecoder(&answers); !last.Last; {
		if err := decoder.Decode(&last); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return last, fmt.Errorf("pack the images: read the answer: %w", err)
		}
	}
	if last.Failed != nil {
		return last, fmt.Errorf("pack the images: %s", last.Failed.Error)
	}
	return last, nil
}
