package feed

import (
	"encoding/json"
	"fmt"

	"github.com/fasthttp/websocket"

	"github.com/store-platform/store-platform/pkg/feed"
	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/store"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// eventMessage looks the same whether the entry comes from the log or from Postgres.
func eventMessage(epoch string, e storelog.Entry) feed.Message {
	e.Message.Time = e.Message.Time.Truncate(readmodel.Resolution).UTC()
	shown, view := query.EventOf(e.Message, e.State), query.View(e.State)
	cursor := feed.Cursor{Epoch: epoch, Seq: e.Message.Seq}
	return feed.Message{Type: feed.Event, Cursor: cursor.String(), Event: &shown, Store: &view}
}

// leftMessage is what a store's former owner is told of its transfer.
func leftMessage(epoch string, m store.Message) feed.Message {
	return feed.Message{Type: feed.Left, Cursor: feed.Cursor{Epoch: epoch, Seq: m.Seq}.String(), Left: m.Store}
}

func platformMessage(c platform.Cluster) feed.Message {
	return feed.Message{Type: feed.Platform, Platform: &c}
}

// prepare makes a message that any number of clients can be sent.
func prepare(m feed.Message) (*websocket.PreparedMessage, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode a feed message: %w", err)
	}
	prepared, err := websocket.NewPreparedMessage(websocket.TextMessage, data)
	if err != nil {
		return nil, fmt.Errorf("prepare a feed message: %w", err)
	}
	return prepared, nil
}
