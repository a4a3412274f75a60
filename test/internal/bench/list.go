package bench

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/test/internal/parts"
	"github.com/store-platform/store-platform/test/internal/people"
)

const (
	// listed is how many stores the tenant has whose first page is read.
	listed = 1000
	// listAim is pages a second.
	listAim = 2000
	// listTurns is how often is measured.
	listTurns = 5
)

// barePage is what a page is read from, by the same index: those that are listed, in an order.
func barePage(where, by string) string {
	return fmt.Sprintf("select version, state from (select id, opened, sorted from listed where %s order by %s limit 51) page join stores_4 using (id)", where, by)
}

// listing is a gateway and an events service before as many stores as there are to be, a thousand of them a tenant's.
type listing struct {
	url, database string
	tenant        people.Tenant
	events        *parts.Process
	all           int
}

func (b *bench) listing() listing {
	b.Helper()
	s := b.newBus()
	s.run(whileLoading)
	events := b.freeAddress()
	who, _ := s.people(events)
	log := s.log()
	owner, err := people.Join(b.ctx, who, "owner@example.com")
	b.must("sign up", err)
	tenant, err := owner.Found(b.ctx)
	b.must("make a tenant", err)
	all := max(b.sizes.manyStores, listed)
	b.Logf("loading %d stores, %d of them a tenant's", all, listed)
	// Among all others, not behind them.
	s.loadFor(log, all, func(n int) string {
		if n%(all/listed) == 0 && n/(all/listed) < listed {
			return tenant.ID
		}
		return tenantOf(log, n)
	}, []store.Message{{Type: store.AttemptStarted}, {Type: store.BecameReady}})
	database, p := s.projected(log, events)
	return listing{url: who, database: database, tenant: tenant, events: p, all: all}
}

// projected has the broker measured from now on, and an events service at an address project all that the log holds by then into a database
// that knows how much of everything that is.
func (s *bus) projected(log *storelog.Log, address string) (database string, p *parts.Process) {
	b := s.b
	b.Helper()
	head, err := log.Head(b.ctx)
	b.must("read the head of the log", err)
	s.run(whileMeasuring)
	database = b.newPostgres()
	conn := b.dialPostgres(database)
	p = b.start("events", s.service("events", "LISTEN="+address, "DATABASE_URL="+database))
	b.Logf("projecting %d messages", head)
	b.checkpoint(p, conn, head)
	_, err = conn.Exec(b.ctx, "analyze")
	b.must("analyze the read model", err)
	b.await("reach the events service", p, startPatience, func() error { return parts.Answers(b.ctx, "http://"+address+"/readyz") })
	return database, p
}

// listPages holds the first page of a tenant of a thousand, asked for by its token, against the same rows read from the database.
func listPages(b *bench) {
	l := b.listing()
	askers := b.askers(l.url, func() [2]string { return bearing(l.tenant) })
	b.await("list stores", l.events, startPatience, askers[0].list)
	b.allOf(askers, len(askers), (*asker).list)
	readers, end := b.pageReaders(l.database, barePage("status <> 'Deleted' and tenant = $1", "opened desc"), l.tenant.ID)
	defer end()
	var platform, bare []float64
	for turn := range listTurns {
		platform = append(platform, b.allOf(askers, b.sizes.reads, (*asker).list))
		bare = append(bare, readers(b.sizes.reads))
		b.Logf("turn %d of %d: %s, bare %s", turn+1, listTurns, perSecond(platform[turn]), perSecond(bare[turn]))
	}
	b.report(line{
		what:     fmt.Sprintf("pages of 50 by a token, a tenant of %d among %d stores", listed, l.all),
		platform: perSecond(median(platform)), bare: perSecond(median(bare)), ratio: median(ratios(platform, bare)),
		aim: fmt.Sprintf("≥ %d/s", listAim), met: median(platform) >= listAim,
		how: fmt.Sprintf("medians of %d turns of %d pages; %d clients at one gateway and one events service, against the same select of the same rows by %d connections",
			listTurns, b.sizes.reads, b.sizes.clients, pageConnections),
	})
}

// pageConnections are as many as the events service has.
const pageConnections = 16

// pageReaders reads a page straight from the database, so many times, and answers at what rate, until it is ended.
func (b *bench) pageReaders(database, page string, arguments ...any) (read func(pages int) float64, end func()) {
	b.Helper()
	conns := make(chan *pgx.Conn, pageConnections)
	for range pageConnections {
		conns <- b.dialPostgres(database)
	}
	end = func() {
		for range pageConnections {
			_ = (<-conns).Close(b.ctx)
		}
	}
	return func(pages int) float64 {
		b.Helper()
		took := b.together(pages, func(count int) error {
			for range count {
				conn := <-conns
				err := readPage(b, conn, page, arguments)
				conns <- conn
				if err != nil {
					return err
				}
			}
			return nil
		})
		return rate(pages, took)
	}, end
}

func readPage(b *bench, conn *pgx.Conn, page string, arguments []any) error {
	rows, err := conn.Query(b.ctx, page, arguments...)
	if err != nil {
		return err
	}
	defer rows.Close()
	count := 0
	for rows.Next() {
		count++
	}
	if rows.Err() == nil && count != 51 {
		return fmt.Errorf("the page has %d rows", count)
	}
	return rows.Err()
}
