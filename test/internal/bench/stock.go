package bench

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
)

// fleetForm is raised by who changes how stores are copied.
const fleetForm = "1"

// kept is where stores are kept that were made. Paths of programs name what these are made of.
func (b *bench) kept(size int) string {
	b.Helper()
	key := sha256.New()
	for _, name := range []string{"apiserver", "store-broker", "store-provisioner"} {
		fmt.Fprintln(key, b.program(name))
	}
	fmt.Fprintln(key, fleetForm, size)
	return filepath.Join(b.cache, fmt.Sprintf("standing-%d-%x", size, key.Sum(nil)[:8]))
}

// Folders of what is kept: etcd with its certificates, and the broker's.
var apiFolders = []string{"etc", "etcd"}

const brokerFolder = "log"

// keysMode is that of folders with keys in them, which a copy makes readable for everybody.
const keysMode = 0o700

// thaw copies what is kept to where it is used.
func (f *fleet) thaw(kept string) {
	f.b.Helper()
	for _, name := range apiFolders {
		f.b.copyFolder(filepath.Join(f.state, name), filepath.Join(kept, name))
	}
	f.b.copyFolder(filepath.Join(f.dir, brokerFolder), filepath.Join(kept, brokerFolder))
}

// freeze keeps what was made, instead of what was kept of older programs. A run that ends meanwhile leaves nothing that one
// after it would take for whole.
func (f *fleet) freeze(kept string) {
	f.b.Helper()
	f.stop()
	older, err := filepath.Glob(fmt.Sprintf("%s/standing-%d-*", f.b.cache, len(f.ids)))
	f.b.must("find what is kept", err)
	for _, folder := range older {
		f.b.must("forget what is kept", os.RemoveAll(folder))
	}
	unfinished := kept + "-unfinished"
	f.b.must("make a folder in the cache", os.MkdirAll(unfinished, keysMode))
	for _, name := range apiFolders {
		f.b.copyFolder(filepath.Join(unfinished, name), filepath.Join(f.state, name))
		f.b.must("make room", os.RemoveAll(filepath.Join(f.state, name)))
	}
	f.b.copyFolder(filepath.Join(unfinished, brokerFolder), filepath.Join(f.dir, brokerFolder))
	f.b.must("make room", os.RemoveAll(filepath.Join(f.dir, brokerFolder)))
	f.b.must("keep what was made", os.Rename(unfinished, kept))
}

func (b *bench) copyFolder(to, from string) {
	b.Helper()
	b.must("copy "+filepath.Base(from), os.CopyFS(to, os.DirFS(from)))
}

// make has the platform make the first store, and casts the others from it.
func (f *fleet) make(kept string) {
	f.b.Helper()
	if len(f.ids) == 1 {
		f.run(whileLoading)
		f.runAPI()
		f.makeFirst()
		f.freeze(kept)
		return
	}
	first := f.b.kept(1)
	if _, err := os.Stat(first); err != nil {
		f.b.emptyFleet(1).make(first)
	}
	f.thaw(first)
	f.run(whileLoading)
	f.fill()
	f.freeze(kept)
}

// fill casts all other stores from the first, which is there.
func (f *fleet) fill() {
	f.b.Helper()
	m := mould{id: f.ids[0]}
	f.runAPI()
	f.b.must("copy the first store", m.takeRewritten(f.b.ctx, f.api))
	f.stopAPI()
	server, url := f.b.apiServer(f.state, "--etcd")
	f.server = server
	into, err := openEtcd(url, f.state)
	f.b.must("open etcd", err)
	var all []keyValue
	f.b.await("read etcd", f.server, startPatience, func() (err error) { all, err = into.all(f.b.ctx); return err })
	m.takeObjects(all)
	log := f.openLog()
	f.b.must("read the first store's history", m.takeMessages(f.b.ctx, f.readLog()))
	f.b.Logf("copying %d objects and %d messages", len(m.objects)+len(m.rewritten), len(m.told))
	f.b.must("copy a store", f.each(f.ids[1:], func(ctx context.Context, n int, id store.ID) error {
		objects, err := m.cast(id, castAddress(m.address, n))
		if err != nil {
			return err
		}
		if err := into.put(ctx, objects); err != nil {
			return err
		}
		return m.tell(ctx, log, id)
	}))
	f.settleCommands()
}

// castAddress is that of the n-th Service's, in another part of the range than the first's.
func castAddress(first string, n int) string {
	octets := strings.Split(first, ".")
	part := 64
	if octets[2] > "12" {
		part = 160
	}
	return fmt.Sprintf("%s.%s.%d.%d", octets[0], octets[1], part+n/250, 1+n%250)
}

// each does what is to be done to stores, several at once.
func (f *fleet) each(ids []store.ID, do func(ctx context.Context, n int, id store.ID) error) error {
	group, ctx := errgroup.WithContext(f.b.ctx)
	var next atomic.Int64
	for range copiers {
		group.Go(func() error {
			for {
				n := int(next.Add(1)) - 1
				if n >= len(ids) {
					return nil
				}
				if err := do(ctx, n, ids[n]); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

// settleCommands takes out of the provisioners' queue what has been done long ago.
func (f *fleet) settleCommands() {
	f.b.Helper()
	own, err := storelog.Open(f.b.ctx, f.connect("provisioner"))
	f.b.must("open the log", err)
	queue, err := own.JetStream().Consumer(f.b.ctx, storelog.Stream, storelog.Durable("provisioner", store.DefaultCluster))
	f.b.must("open the provisioners' queue", err)
	for left := len(f.ids) - 1; left > 0; {
		batch, err := queue.FetchNoWait(min(left, 250))
		f.b.must("take commands", err)
		taken := 0
		for message := range batch.Messages() {
			f.b.must("settle a command", message.DoubleAck(f.b.ctx))
			taken++
		}
		if taken == 0 {
			f.b.Fatalf("%d commands aren't in the provisioners' queue: %w", left, batch.Error())
		}
		left -= taken
	}
	info, err := queue.Info(f.b.ctx)
	f.b.must("look at the provisioners' queue", err)
	if info.NumPending+uint64(info.NumAckPending) > 0 {
		f.b.Fatalf("%d commands are left in the provisioners' queue", info.NumPending+uint64(info.NumAckPending))
	}
}
