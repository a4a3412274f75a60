package query

import (
	"encoding/json"
	"fmt"
)

// Questions are written with their scope and, for older replicas of the events service, with the tenant that stands for
// it there; and read from older gateways, which say the tenant alone. The fields beside it are the question's own.
type (
	storesFields      StoresRequest
	eventsFields      EventsRequest
	deadLettersFields DeadLettersRequest
	liveFields        LiveRequest
)

// MarshalJSON writes the request as releases before and after scopes read it.
func (r StoresRequest) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		told
		storesFields
	}{tell(r.Scope), storesFields(r)})
}

// UnmarshalJSON reads the request of a gateway of any release.
func (r *StoresRequest) UnmarshalJSON(data []byte) error {
	var wire struct {
		told
		storesFields
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return fmt.Errorf("read a request for stores: %w", err)
	}
	*r = StoresRequest(wire.storesFields)
	r.Scope = wire.understood()
	return nil
}

// MarshalJSON writes the request as releases before and after scopes read it.
func (r EventsRequest) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		told
		eventsFields
	}{tell(r.Scope), eventsFields(r)})
}

// UnmarshalJSON reads the request of a gateway of any release. Older ones say nobody, and look themselves at whose the
// store is.
func (r *EventsRequest) UnmarshalJSON(data []byte) error {
	var wire struct {
		told
		eventsFields
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return fmt.Errorf("read a request for a history: %w", err)
	}
	*r = EventsRequest(wire.eventsFields)
	r.Scope = wire.understood()
	return nil
}

// MarshalJSON writes the request as releases before and after scopes read it.
func (r DeadLettersRequest) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		told
		deadLettersFields
	}{tell(r.Scope), deadLettersFields(r)})
}

// UnmarshalJSON reads the request of a gateway of any release.
func (r *DeadLettersRequest) UnmarshalJSON(data []byte) error {
	var wire struct {
		told
		deadLettersFields
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return fmt.Errorf("read a request for dead letters: %w", err)
	}
	*r = DeadLettersRequest(wire.deadLettersFields)
	r.Scope = wire.understood()
	return nil
}

// Of says which log is asked about; whoever asks of the events service does.
func (r *StoresRequest) Of(log string) { r.Log = log }

// Of is that of StoresRequest.
func (r *EventsRequest) Of(log string) { r.Log = log }

// Of is that of StoresRequest.
func (r *DeadLettersRequest) Of(log string) { r.Log = log }

// MarshalJSON writes the request with its scope. No release before scopes is asked it.
func (r LiveRequest) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		told
		liveFields
	}{tell(r.Scope), liveFields(r)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *LiveRequest) UnmarshalJSON(data []byte) error {
	var wire struct {
		told
		liveFields
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return fmt.Errorf("read a request for what lives: %w", err)
	}
	*r = LiveRequest(wire.liveFields)
	r.Scope = wire.understood()
	return nil
}
