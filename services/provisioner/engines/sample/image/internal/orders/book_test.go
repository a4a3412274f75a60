package orders

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// writerFolder makes the test binary a shop that does nothing but take orders in that folder.
const writerFolder = "ORDERS_TEST_WRITER"

func TestMain(m *testing.M) {
	if folder := os.Getenv(writerFolder); folder != "" {
		writeForEver(folder)
	}
	os.Exit(m.Run())
}

// writeForEver prints the id of each order once it was acknowledged.
func writeForEver(folder string) {
	book, err := Open(folder)
	for err == nil {
		var order Order
		if order, _, err = book.Place(sampleOrder("")); err == nil {
			fmt.Println(order.ID)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func sampleOrder(key string) Order {
	return Order{
		Key:      key,
		Customer: Customer{Name: "Ada Lovelace", Email: "ada@example.org", City: "London"},
		Lines:    []Line{{SKU: "kite", Name: "Pocket Kite", Price: 2100, Quantity: 2}},
		Currency: "EUR", Total: 4690, Shipping: 490, Payment: CashOnDelivery,
	}
}

func open(t *testing.T, folder string) *Book {
	t.Helper()
	book, err := Open(folder)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = book.Close() })
	return book
}

func place(t *testing.T, book *Book, n int) []Order {
	t.Helper()
	placed := make([]Order, n)
	for i := range placed {
		order, fresh, err := book.Place(sampleOrder(fmt.Sprintf("key-%d", book.Count())))
		if err != nil || !fresh {
			t.Fatalf("place: fresh %v, %v", fresh, err)
		}
		placed[i] = order
	}
	return placed
}

func TestOrdersSurviveReopening(t *testing.T) {
	folder := t.TempDir()
	book := open(t, folder)
	placed := place(t, book, 3)
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	book = open(t, folder)
	if book.Count() != 3 {
		t.Fatalf("count %d", book.Count())
	}
	for i, want := range placed {
		got, ok := book.Find(want.ID)
		if !ok || got.Number != i+1 || !got.PlacedAt.Equal(want.PlacedAt) || got.Customer != want.Customer ||
			!slices.Equal(got.Lines, want.Lines) {
			t.Errorf("order %d: got %+v, want %+v", i+1, got, want)
		}
	}
	if latest := book.Latest(2); len(latest) != 2 || latest[0].Number != 3 || latest[1].Number != 2 {
		t.Errorf("latest: %+v", latest)
	}
	if again, fresh, err := book.Place(sampleOrder("key-1")); err != nil || fresh || again.ID != placed[1].ID {
		t.Errorf("a key known from before: %q fresh %v, %v", again.ID, fresh, err)
	}
}

func TestTornLastLineIsCutOff(t *testing.T) {
	folder := t.TempDir()
	book := open(t, folder)
	place(t, book, 2)
	kept := book.size
	place(t, book, 1)
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(folder, logName))
	if err != nil {
		t.Fatal(err)
	}
	last := int64(len(whole)) - 1
	for _, length := range []int64{kept + 1, kept + 2, (kept + last) / 2, last - 1, last} {
		torn := t.TempDir()
		if err := os.WriteFile(filepath.Join(torn, logName), whole[:length], 0o600); err != nil {
			t.Fatal(err)
		}
		checkReopened(t, torn)
	}
	lost := slices.Concat(whole[:kept], make([]byte, int64(len(whole))-kept-1), []byte("\n"))
	torn := t.TempDir()
	if err := os.WriteFile(filepath.Join(torn, logName), lost, 0o600); err != nil {
		t.Fatal(err)
	}
	checkReopened(t, torn)
}

func checkReopened(t *testing.T, folder string) {
	t.Helper()
	book := open(t, folder)
	if book.Count() != 2 {
		t.Fatalf("count %d", book.Count())
	}
	if err := book.Check(); err != nil {
		t.Fatalf("check: %v", err)
	}
	if order := place(t, book, 1)[0]; order.Number != 3 {
		t.Fatalf("number %d", order.Number)
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	if again := open(t, folder); again.Count() != 3 {
		t.Fatalf("count %d after placing", again.Count())
	}
}

func TestDamageInTheMiddleIsRefused(t *testing.T) {
	folder := t.TempDir()
	book := open(t, folder)
	place(t, book, 3)
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(folder, logName)
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	content[3] = 0
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(folder); err == nil || !strings.Contains(err.Error(), "order 1") {
		t.Fatalf("open: %v", err)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	folder := t.TempDir()
	open(t, folder)
	if _, err := Open(folder); err == nil {
		t.Fatal("the log was opened twice")
	}
}

func TestSameKeyIsOneOrder(t *testing.T) {
	book := open(t, t.TempDir())
	ids := make([]string, 20)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			order, _, err := book.Place(sampleOrder("double click"))
			if err != nil {
				t.Error(err)
			}
			ids[i] = order.ID
		})
	}
	group.Wait()
	if slices.Sort(ids); book.Count() != 1 || ids[0] != ids[len(ids)-1] {
		t.Fatalf("%d orders: %v", book.Count(), ids)
	}
}

func TestCheckSeesTheDisk(t *testing.T) {
	faults := map[string]func(t *testing.T, folder string){
		"log removed": func(t *testing.T, folder string) {
			must(t, os.Remove(filepath.Join(folder, logName)))
		},
		"log replaced": func(t *testing.T, folder string) {
			must(t, os.Rename(filepath.Join(folder, logName), filepath.Join(folder, "old")))
			must(t, os.WriteFile(filepath.Join(folder, logName), nil, 0o600))
		},
		"log shortened": func(t *testing.T, folder string) {
			must(t, os.Truncate(filepath.Join(folder, logName), 10))
		},
		"folder takes no writes": func(t *testing.T, folder string) {
			// A folder in the probe's place refuses to be written, also for root.
			must(t, os.RemoveAll(filepath.Join(folder, probeName)))
			must(t, os.Mkdir(filepath.Join(folder, probeName), 0o700))
		},
	}
	for name, damage := range faults {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			book := open(t, folder)
			place(t, book, 1)
			if err := book.Check(); err != nil {
				t.Fatalf("check before: %v", err)
			}
			damage(t, folder)
			if err := book.Check(); err == nil {
				t.Fatal("check saw nothing")
			}
		})
	}
}

// A disk that takes no writes any more breaks nothing that is there: orders are placed again when it takes them.
func TestADiskThatRefusesWritesBreaksNothing(t *testing.T) {
	folder := t.TempDir()
	book := open(t, folder)
	place(t, book, 1)
	writable := book.file
	readOnly, err := os.Open(filepath.Join(folder, logName))
	must(t, err)
	book.file = readOnly
	if _, _, err := book.Place(Order{}); err == nil {
		t.Error("an order was placed in a log that can't be written")
	}
	if err := book.Broken(); err != nil {
		t.Errorf("the book is broken: %v", err)
	}
	book.file = writable
	must(t, readOnly.Close())
	place(t, book, 2)
	if err := book.Check(); err != nil {
		t.Errorf("check afterwards: %v", err)
	}
}

func TestRefusalsOfADiskAreToldApart(t *testing.T) {
	for errno, want := range map[syscall.Errno]error{
		syscall.ENOSPC: ErrNoRoom, syscall.EDQUOT: ErrNoRoom, syscall.EROFS: ErrReadOnly, syscall.EPERM: ErrReadOnly,
		syscall.EACCES: ErrReadOnly, syscall.EIO: syscall.EIO,
	} {
		err := refusal(&os.PathError{Op: "write", Path: "probe", Err: errno})
		if !errors.Is(err, want) || !errors.Is(err, errno) || want == errno && (errors.Is(err, ErrNoRoom) || errors.Is(err, ErrReadOnly)) {
			t.Errorf("%v became %v", errno, err)
		}
	}
}

func TestAfterCloseNothingIsPlaced(t *testing.T) {
	book := open(t, t.TempDir())
	must(t, book.Close())
	if _, _, err := book.Place(sampleOrder("")); !errors.Is(err, ErrBroken) {
		t.Errorf("place: %v", err)
	}
	if err := book.Check(); !errors.Is(err, ErrBroken) {
		t.Errorf("check: %v", err)
	}
}

// TestKilledWriterLosesNothingAcknowledged kills a real process in the midst of its writes.
func TestKilledWriterLosesNothingAcknowledged(t *testing.T) {
	folder := t.TempDir()
	for round := range 5 {
		writer := exec.Command(os.Args[0])
		writer.Env = append(os.Environ(), writerFolder+"="+folder)
		output, err := writer.StdoutPipe()
		must(t, err)
		must(t, writer.Start())
		var acknowledged []string
		for lines := bufio.NewScanner(output); lines.Scan(); {
			acknowledged = append(acknowledged, lines.Text())
			if len(acknowledged) == 10+round {
				must(t, writer.Process.Kill())
			}
		}
		// It was killed, which is what its error says.
		_ = writer.Wait()
		book := open(t, folder)
		for _, id := range acknowledged {
			if _, ok := book.Find(id); !ok {
				t.Errorf("round %d: order %s was acknowledged and is gone", round, id)
			}
		}
		if len(acknowledged) < 10+round {
			t.Fatalf("round %d: the writer stopped by itself after %d orders", round, len(acknowledged))
		}
		must(t, book.Close())
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
