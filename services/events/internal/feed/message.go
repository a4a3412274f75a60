package feed

import (
	"encoding/json"
	"fmt"

	"github.com/fasthttp/websocket"

	"github.com/store-platform/store-platform/pkg/platform"
	"github.com/store-platform/store-platform/pkg/query"
	"github.com/store-platform/store-platform/pkg/storelog"
	"github.com/store-platform/store-platform/services/events/internal/readmodel"
)

// eventMessage looks the same whether the entry comes from the log or from Postgres.
func eventMessage(epoch string, e storelog.Entry) query.FeedMessage {
	e.Message.Time = e.Message.Time.Truncate(readmodel.Resolution).UTC()
	shown, view := query.EventOf(e.Message), query.View(e.State)
	cursor := query.Cursor{Epoch: epoch, Seq: e.Message.Seq}
	return query.FeedMessage{Type: query.FeedEvent, Cursor: cursor.String(), Event: &shown, Store: &view}
}

func platformMessage(c platform.Cluster) query.FeedMessage {
	return query.FeedMessage{Type: query.FeedPlatform, Platform: &c}
}

// prepare makes a message that any number of clients can be sent.
func prepare(m query.FeedMessage) (*websocket.PreparedMessage, error) {
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
