// Package sign is what stands over the shop, which its merchant may change while it is open.
package sign

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// Sign is what people read on every page.
type Sign struct {
	Title   string
	Tagline string
}

// Board is the folder in which each of a sign's texts is a file: title and tagline. It is a mounted ConfigMap, so that what
// is in it changes under a running shop. Safe for concurrent use.
type Board struct {
	folder string
	last   atomic.Pointer[Sign]
}

// Open fails where there is no sign to begin with.
func Open(folder string) (*Board, error) {
	b := &Board{folder: folder}
	first, err := b.read()
	if err != nil {
		return nil, err
	}
	b.last.Store(&first)
	return b, nil
}

// Sign reads anew each time: two small files from memory cost a page nothing, and nobody has to wait for a clock. What
// can't be read leaves the sign as it was.
func (b *Board) Sign() Sign {
	if now, err := b.read(); err == nil {
		b.last.Store(&now)
	}
	return *b.last.Load()
}

func (b *Board) read() (Sign, error) {
	title, err := b.text("title")
	if err != nil {
		return Sign{}, err
	}
	if title == "" {
		return Sign{}, errors.New("the file title is empty")
	}
	tagline, err := b.text("tagline")
	return Sign{Title: title, Tagline: tagline}, err
}

func (b *Board) text(name string) (string, error) {
	content, err := os.ReadFile(filepath.Join(b.folder, name))
	if err != nil {
		return "", err
	}
	if !utf8.Valid(content) {
		return "", fmt.Errorf("the file %s isn't UTF-8", name)
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}
