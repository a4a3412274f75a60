package orders

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	logName = "orders.jsonl"
	// probeName is written over and over by Check. It isn't the log: a probe must not risk an order.
	probeName = "probe"
	// capacity keeps the orders in memory far below the smallest plan's, whoever sends them.
	capacity = 20_000
	// room is the free space, in bytes, without which the shop doesn't say that it keeps orders: several orders'.
	room = 64 << 10
)

var (
	// ErrFull is the answer to an order beyond the book's capacity.
	ErrFull = errors.New("the order book is full")
	// ErrNoRoom says that the disk is full, or as good as that.
	ErrNoRoom = errors.New("the disk is full")
	// ErrReadOnly says that the disk takes no writes.
	ErrReadOnly = errors.New("the disk can't be written to")
	// ErrBroken says that the disk failed in a way that leaves open what it holds. Only opening the
	// book anew, in a new process, tells.
	ErrBroken = errors.New("the order book is broken until it is opened again")
)

// Book is the order log of one shop. One process may have it open at a time. Safe for concurrent use.
type Book struct {
	folder string

	mu     sync.RWMutex
	file   *os.File
	size   int64
	orders []Order
	byID   map[string]int
	byKey  map[string]int
	broken error
}

// Open reads the log in folder, making it when it isn't there. It cuts off a torn last line and refuses
// a log that is damaged anywhere else, or that another process has open.
func Open(folder string) (*Book, error) {
	file, err := os.OpenFile(filepath.Join(folder, logName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	b := &Book{folder: folder, file: file, byID: map[string]int{}, byKey: map[string]int{}}
	if err := b.load(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return b, nil
}

func (b *Book) load() error {
	// The kernel drops the lock with the process, also with a killed one.
	if err := syscall.Flock(int(b.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("lock the order log: %w", err)
	}
	content, err := io.ReadAll(b.file)
	if err != nil {
		return fmt.Errorf("read the order log: %w", err)
	}
	for rest := content; len(rest) > 0; {
		line, after, complete := bytes.Cut(rest, []byte("\n"))
		var order Order
		err := json.Unmarshal(line, &order)
		// Disks may keep the end of a write and lose its beginning, so a last line that ends well and
		// can't be read is torn too. An acknowledged one was synced.
		if !complete || err != nil && len(after) == 0 {
			break
		}
		if err != nil {
			return fmt.Errorf("read order %d: %w", len(b.orders)+1, err)
		}
		b.remember(order)
		b.size += int64(len(line)) + 1
		rest = after
	}
	if b.size < int64(len(content)) {
		if err := b.file.Truncate(b.size); err != nil {
			return fmt.Errorf("cut off a torn order: %w", err)
		}
	}
	if err := b.file.Sync(); err != nil {
		return fmt.Errorf("sync the order log: %w", err)
	}
	return syncFolder(b.folder)
}

// syncFolder makes a new file's name as durable as its content.
func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil {
		return fmt.Errorf("sync the folder of orders: %w", err)
	}
	return nil
}

func (b *Book) remember(order Order) {
	b.byID[order.ID] = len(b.orders)
	if order.Key != "" {
		b.byKey[order.Key] = len(b.orders)
	}
	b.orders = append(b.orders, order)
}

// Place keeps an order and returns it with ID, Number and PlacedAt filled in; from then on it survives
// anything that the disk survives. An order whose key is known already is returned as it was placed,
// and placed is false.
func (b *Book) Place(order Order) (_ Order, placed bool, _ error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i, known := b.byKey[order.Key]; known {
		return b.orders[i], false, nil
	}
	if b.broken != nil {
		return Order{}, false, b.broken
	}
	if len(b.orders) >= capacity {
		return Order{}, false, ErrFull
	}
	order.ID = strings.ToLower(rand.Text())
	order.Number = len(b.orders) + 1
	order.PlacedAt = time.Now().UTC().Truncate(time.Second)
	line, err := json.Marshal(order)
	if err != nil {
		return Order{}, false, fmt.Errorf("encode order: %w", err)
	}
	if err := b.write(append(line, '\n')); err != nil {
		return Order{}, false, err
	}
	b.remember(order)
	return order, true, nil
}

// write appends and syncs. A write that failed is undone, unless it hasn't begun: a disk that takes no writes takes no undoing
// either, and breaks nothing. A sync that failed can't be undone, as the kernel forgets what it couldn't write and reports success
// the next time.
func (b *Book) write(line []byte) error {
	if n, err := b.file.WriteAt(line, b.size); err != nil {
		if n > 0 {
			if undo := b.file.Truncate(b.size); undo != nil {
				b.broken = errors.Join(ErrBroken, undo)
			}
		}
		return fmt.Errorf("write order: %w", refusal(err))
	}
	if err := b.file.Sync(); err != nil {
		b.broken = errors.Join(ErrBroken, err)
		return fmt.Errorf("sync order: %w", b.broken)
	}
	b.size += int64(len(line))
	return nil
}

// Find returns an order by its id.
func (b *Book) Find(id string) (Order, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	i, ok := b.byID[id]
	if !ok {
		return Order{}, false
	}
	return b.orders[i], true
}

// Latest returns at most n orders, the newest first.
func (b *Book) Latest(n int) []Order {
	b.mu.RLock()
	defer b.mu.RUnlock()
	latest := make([]Order, 0, min(n, len(b.orders)))
	for i := len(b.orders) - 1; i >= 0 && len(latest) < n; i-- {
		latest = append(latest, b.orders[i])
	}
	return latest
}

// Count is how many orders were placed.
func (b *Book) Count() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.orders)
}

// Broken tells whether only a new process can help.
func (b *Book) Broken() error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.broken
}

// Check asks the disk whether an order could be placed and read back now: the log must be intact, and the folder must take a
// write. It doesn't sync, as anybody may have it asked. ErrNoRoom and ErrReadOnly are what an operator can mend.
func (b *Book) Check() error {
	if err := b.Intact(); err != nil {
		return err
	}
	return b.checkWrite()
}

// Intact asks what can be told without a write: the log must be the file that is open, with the length it should have and its
// last order in it, and have place for another.
func (b *Book) Intact() error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.broken != nil {
		return b.broken
	}
	if len(b.orders) >= capacity {
		return ErrFull
	}
	named, err := os.Stat(filepath.Join(b.folder, logName))
	if err != nil {
		return err
	}
	opened, err := b.file.Stat()
	if err != nil {
		return fmt.Errorf("look at the order log: %w", err)
	}
	if !os.SameFile(named, opened) || opened.Size() != b.size {
		return errors.New("the order log was changed by somebody else")
	}
	return b.checkLast()
}

// checkWrite overwrites in place: truncating first would make ext4 flush the file each time. That needs no new
// room, so it asks for room by itself.
func (b *Book) checkWrite() error {
	probe, err := os.OpenFile(filepath.Join(b.folder, probeName), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("write beside the order log: %w", refusal(err))
	}
	_, err = probe.WriteAt([]byte("written to learn whether it can be\n"), 0)
	if err := errors.Join(err, probe.Close()); err != nil {
		return fmt.Errorf("write beside the order log: %w", refusal(err))
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(b.folder, &disk); err != nil {
		return fmt.Errorf("look at the disk: %w", err)
	}
	if free := disk.Bavail * uint64(disk.Bsize); free < room {
		return fmt.Errorf("%w: %d bytes are left", ErrNoRoom, free)
	}
	return nil
}

// refusal says which kind of refusal a disk's is.
func refusal(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return errors.Join(ErrNoRoom, err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return errors.Join(ErrReadOnly, err)
	}
	return err
}

// checkLast reads the last line's end back from the log.
func (b *Book) checkLast() error {
	if b.size == 0 {
		return nil
	}
	end := make([]byte, 2)
	if _, err := b.file.ReadAt(end, b.size-int64(len(end))); err != nil {
		return fmt.Errorf("read the order log: %w", err)
	}
	if string(end) != "}\n" {
		return errors.New("the order log doesn't end with an order")
	}
	return nil
}

// Close lets go of the log.
func (b *Book) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = ErrBroken
	return b.file.Close()
}
