package invariants

import "github.com/store-platform/store-platform/pkg/store"

// model: every message has its row, every store its own, as the log says.
func (c *checker) model() {
	m := c.e.Model
	head := uint64(0)
	if n := len(c.e.Log); n > 0 {
		head = c.e.Log[n-1].Message.Seq
	}
	if m.Checkpoint != head {
		c.offend(Lost, "", "the read model is at %d, the log at %d", m.Checkpoint, head)
	}
	if m.Epoch != c.e.Epoch {
		c.offend(Lost, "", "the read model is of log %s, the log is %s", m.Epoch, c.e.Epoch)
	}
	for _, seq := range m.SetAside {
		c.offend(Lost, "", "message %d was set aside", seq)
	}
	c.eventRows()
	c.storeRows()
	c.counted("rows of messages", len(m.Events))
	c.counted("rows of stores", len(m.Stores))
}

func (c *checker) eventRows() {
	rows := map[uint64]EventRow{}
	for _, row := range c.e.Model.Events {
		rows[row.Seq] = row
	}
	for _, entry := range c.e.Log {
		msg := entry.Message
		row, ok := rows[msg.Seq]
		delete(rows, msg.Seq)
		switch {
		case !ok:
			c.offend(Lost, msg.Store, "message %d (%s) has no row", msg.Seq, msg.Type)
		case row.Store != msg.Store || row.Type != msg.Type || row.Tenant != msg.Tenant || row.Actor != msg.Actor ||
			row.Generation != msg.Generation || !same(row.State, entry.State):
			c.offend(Lost, msg.Store, "the row of message %d says %+v", msg.Seq, row)
		}
	}
	for seq, row := range rows {
		c.offend(Doubled, row.Store, "there is a row of message %d, which isn't in the log", seq)
	}
}

func (c *checker) storeRows() {
	for id, state := range c.last {
		row, ok := c.e.Model.Stores[id]
		switch {
		case !ok:
			c.offend(Lost, id, "it has no row")
		case row.Opened != c.history[id][0].Message.Seq, row.Version != state.Version, row.Status != state.Status,
			row.Tenant != state.Tenant, row.Name != state.Spec.Name, !same(row.State, state):
			c.offend(Lost, id, "its row says %s at %d, the log %s at %d", text(row.State), row.Version, text(state), state.Version)
		}
	}
	for id := range c.e.Model.Stores {
		if _, ok := c.last[id]; !ok {
			c.offend(Doubled, id, "it has a row and isn't in the log")
		}
	}
}

// live says whether the store may have a namespace.
func (c *checker) live(id store.ID) bool {
	state, known := c.last[id]
	return known && state.Status != store.Deleted
}
