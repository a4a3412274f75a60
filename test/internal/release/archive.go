package release

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// The files of a recording.
const (
	logFile       = "log.tar.gz"
	readModelFile = "readmodel.sql"
	answersFile   = "answers.json"
)

// pack writes the folder into one compressed file.
func pack(folder, path string) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	compressed, err := gzip.NewWriterLevel(file, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(compressed)
	if err := archive.AddFS(os.DirFS(folder)); err != nil {
		return fmt.Errorf("pack %s: %w", folder, err)
	}
	return errors.Join(archive.Close(), compressed.Close())
}

// UnpackLog puts a recording's broker folder where an installation in dir has it.
func UnpackLog(recording, dir string) error {
	file, err := os.Open(filepath.Join(recording, logFile))
	if err != nil {
		return fmt.Errorf("open a recorded log: %w", err)
	}
	defer file.Close()
	compressed, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("unpack a recorded log: %w", err)
	}
	if err := os.MkdirAll(Folder(dir), 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(Folder(dir))
	if err != nil {
		return err
	}
	defer root.Close()
	archive := tar.NewReader(compressed)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = unpackOne(root, header, archive)
		}
		if err != nil {
			return fmt.Errorf("unpack a recorded log: %w", err)
		}
	}
}

func unpackOne(root *os.Root, header *tar.Header, content io.Reader) (err error) {
	name := filepath.Clean(filepath.FromSlash(header.Name))
	if header.Typeflag == tar.TypeDir {
		return root.MkdirAll(name, 0o755)
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, fs.FileMode(header.Mode).Perm())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = io.Copy(file, content)
	return err
}

// ReadAnswers reads what a recording's API said.
func ReadAnswers(recording string) (a Answers, err error) {
	data, err := os.ReadFile(filepath.Join(recording, answersFile))
	if err != nil {
		return a, fmt.Errorf("read a release's answers: %w", err)
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return a, fmt.Errorf("read a release's answers: %w", err)
	}
	return a, nil
}
