package bench

import (
	"fmt"

	"github.com/store-platform/store-platform/pkg/storelog"
)

// asked is what is measured by turns at two gateways.
type asked struct {
	what     string
	requests int
	act      func(*asker) error
	// token and open are the rates of each turn.
	token, open []float64
}

// knownByToken holds a gateway that knows by a token who asks, for which it asks the broker, against one of open mode on the same broker, for
// which an address is enough.
func knownByToken(b *bench) {
	s := b.newBus()
	s.run(whileMeasuring)
	who, _ := s.people("127.0.0.1:1")
	open, log := s.gateway("127.0.0.1:1"), s.log()
	b.must("publish the catalog", s.Offer(b.ctx, b.repo))
	byToken, byAddress := b.tokens(who), (&tenants{}).header
	posts := &asked{what: "accepted POSTs by a token", requests: b.sizes.posts, act: (*asker).create}
	reads := &asked{what: "GET /stores/{id} by a token", requests: b.sizes.reads, act: (*asker).read}
	b.askers(who, byToken)[0].awaitCatalog()
	b.askers(open, byAddress)[0].awaitCatalog()
	for turn := range b.sizes.postTurns {
		tokens, addresses := b.askers(who, byToken), b.askers(open, byAddress)
		// So each has a store to read, and has been seen.
		b.allOf(addresses, len(addresses), (*asker).create)
		b.settle(log, tokens)
		for _, m := range []*asked{posts, reads} {
			m.turn(b, turn, tokens, addresses)
		}
	}
	for _, m := range []*asked{reads, posts} {
		all := ratios(m.token, m.open)
		b.report(line{
			what: m.what, platform: perSecond(median(m.token)), bare: perSecond(median(m.open)), ratio: median(all),
			how: fmt.Sprintf("medians of %d turns (half the ratios are %.2f–%.2f); a turn: %d clients of a tenant each, %d requests, and as many of as many at a gateway of open mode on the same broker, fsync always",
				len(all), quantile(all, 0.25), quantile(all, 0.75), b.sizes.clients, m.requests),
		}.atLeast(0.9))
	}
}

// settle has tokens used until it is written down that each is: once an hour for each, and with new ones that would be half of what is measured.
func (b *bench) settle(log *storelog.Log, tokens []*asker) {
	b.Helper()
	written := func() uint64 {
		stream, err := log.JetStream().Stream(b.ctx, "KV_"+storelog.BucketTokens)
		b.must("ask for the tokens", err)
		return stream.CachedInfo().State.LastSeq
	}
	all := written() + uint64(len(tokens))
	for b.allOf(tokens, len(tokens), (*asker).create); written() < all && b.ctx.Err() == nil; {
		b.allOf(tokens, len(tokens), (*asker).read)
	}
}

// turn is A B, and the next time B A.
func (m *asked) turn(b *bench, n int, tokens, addresses []*asker) {
	b.Helper()
	var token, open float64
	if n%2 == 0 {
		token, open = b.allOf(tokens, m.requests, m.act), b.allOf(addresses, m.requests, m.act)
	} else {
		open, token = b.allOf(addresses, m.requests, m.act), b.allOf(tokens, m.requests, m.act)
	}
	m.token, m.open = append(m.token, token), append(m.open, open)
	b.Logf("%s, turn %d of %d: %s, in open mode %s", m.what, n+1, b.sizes.postTurns, perSecond(token), perSecond(open))
}
