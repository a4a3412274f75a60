package problem

import "net/http"

// Code names a kind of failure for programs. A code is never renamed.
type Code string

// The codes. Adding one is adding its line to kinds.
const (
	InvalidJSON           Code = "invalid_json"
	InvalidField          Code = "invalid_field"
	InvalidCursor         Code = "invalid_cursor"
	InvalidRequest        Code = "invalid_request"
	UnsupportedMediaType  Code = "unsupported_media_type"
	UnsupportedEncoding   Code = "unsupported_encoding"
	BodyTooLarge          Code = "body_too_large"
	HeadersTooLarge       Code = "headers_too_large"
	RequestTimeout        Code = "request_timeout"
	UpgradeRequired       Code = "upgrade_required"
	ForeignHost           Code = "foreign_host"
	ForeignOrigin         Code = "foreign_origin"
	ProxyNotTrusted       Code = "proxy_not_trusted"
	ForwardedUnreadable   Code = "forwarded_unreadable"
	Unauthenticated       Code = "unauthenticated"
	AdminKeyRequired      Code = "admin_key_required"
	AdminKeyWrong         Code = "admin_key_wrong"
	NotFound              Code = "not_found"
	MethodNotAllowed      Code = "method_not_allowed"
	QuotaExceeded         Code = "quota_exceeded"
	IdempotencyKeyReused  Code = "idempotency_key_reused"
	ConflictInFlight      Code = "conflict_in_flight"
	ConflictChanged       Code = "conflict_changed"
	NothingToRetry        Code = "nothing_to_retry"
	NothingToCancel       Code = "nothing_to_cancel"
	TooLateToCancel       Code = "too_late_to_cancel"
	WrongStatus           Code = "wrong_status"
	CannotSuspend         Code = "cannot_suspend"
	EngineUnknown         Code = "engine_unknown"
	Changed               Code = "changed"
	Upgrading             Code = "upgrading"
	StoreDeleted          Code = "store_deleted"
	StoreUnreadable       Code = "store_unreadable"
	NoDeadLetter          Code = "no_dead_letter"
	NotReady              Code = "not_ready"
	LogFull               Code = "log_full"
	AuditFull             Code = "audit_full"
	BrokerUnavailable     Code = "broker_unavailable"
	CatalogEmpty          Code = "catalog_empty"
	ProjectionUnavailable Code = "projection_unavailable"
	FeedUnavailable       Code = "feed_unavailable"
	FeedFull              Code = "feed_full"
	TooManyFeeds          Code = "too_many_feeds"
	TooManyRequests       Code = "too_many_requests"
	TooManyCommands       Code = "too_many_commands"
	CredentialsMissing    Code = "credentials_unavailable"
	CredentialsGone       Code = "credentials_gone"
	ClusterUnavailable    Code = "cluster_unavailable"
	LogsFull              Code = "logs_full"
	TooManyLogs           Code = "too_many_logs"
	NewerSchema           Code = "newer_schema"
	Internal              Code = "internal"
	Forbidden             Code = "forbidden"
	AccountsOff           Code = "accounts_off"
	SignInRefused         Code = "sign_in_refused"
	TooManyGuesses        Code = "too_many_guesses"
	Busy                  Code = "busy"
	AccountsUnconfirmed   Code = "accounts_unconfirmed"
	AccountExists         Code = "account_exists"
	SignUpOff             Code = "sign_up_off"
	InviteNeeded          Code = "invite_needed"
	LinkUnknown           Code = "link_unknown"
	LastOperator          Code = "last_operator"
	Unverified            Code = "unverified"
	NotListed             Code = "not_listed"
	LastOwner             Code = "last_owner"
	TenantHasStores       Code = "tenant_has_stores"
	AlreadyMember         Code = "already_member"
	TooManyTokens         Code = "too_many_tokens"
	LimitReached          Code = "limit_reached"
	TenantChanged         Code = "tenant_changed"
)

type kind struct {
	status    int
	title     string
	retryable bool
}

// kinds says of every code its HTTP status, what it is in a few words, and whether the same request may succeed later
// without anybody changing it.
var kinds = map[Code]kind{
	InvalidJSON:           {http.StatusBadRequest, "The body is not JSON", false},
	InvalidField:          {http.StatusUnprocessableEntity, "A field has a value that can't be accepted", false},
	InvalidCursor:         {http.StatusBadRequest, "The cursor is not one of ours", false},
	InvalidRequest:        {http.StatusBadRequest, "The request can't be understood", false},
	UnsupportedMediaType:  {http.StatusUnsupportedMediaType, "Only application/json is accepted", false},
	UnsupportedEncoding:   {http.StatusUnsupportedMediaType, "Packed bodies are not accepted", false},
	BodyTooLarge:          {http.StatusRequestEntityTooLarge, "The body is too large", false},
	HeadersTooLarge:       {http.StatusRequestHeaderFieldsTooLarge, "The headers are too large", false},
	RequestTimeout:        {http.StatusRequestTimeout, "The request took too long to arrive", true},
	UpgradeRequired:       {http.StatusUpgradeRequired, "This is a WebSocket", false},
	ForeignHost:           {http.StatusForbidden, "The Host is not this gateway's", false},
	ForeignOrigin:         {http.StatusForbidden, "The request comes from another site", false},
	ProxyNotTrusted:       {http.StatusForbidden, "The proxy in front of the gateway is not trusted", false},
	ForwardedUnreadable:   {http.StatusBadRequest, "Who the request was forwarded for can't be read", false},
	Unauthenticated:       {http.StatusUnauthorized, "It is not known who asks", false},
	AdminKeyRequired:      {http.StatusUnauthorized, "The admin key is needed", false},
	AdminKeyWrong:         {http.StatusUnauthorized, "The admin key is wrong", false},
	NotFound:              {http.StatusNotFound, "Not found", false},
	MethodNotAllowed:      {http.StatusMethodNotAllowed, "The method is not allowed here", false},
	QuotaExceeded:         {http.StatusForbidden, "The quota of stores is used up", false},
	IdempotencyKeyReused:  {http.StatusUnprocessableEntity, "The Idempotency-Key belongs to another request", false},
	ConflictInFlight:      {http.StatusConflict, "Another operation is running", true},
	ConflictChanged:       {http.StatusConflict, "The store keeps changing", true},
	NothingToRetry:        {http.StatusConflict, "There is nothing to retry", false},
	NothingToCancel:       {http.StatusConflict, "There is nothing to call off", false},
	TooLateToCancel:       {http.StatusConflict, "The operation can't be called off any more", false},
	WrongStatus:           {http.StatusConflict, "The store is in another status", false},
	CannotSuspend:         {http.StatusConflict, "The engine's stores can't be suspended", false},
	EngineUnknown:         {http.StatusConflict, "The store's engine isn't in the catalog", true},
	Changed:               {http.StatusPreconditionFailed, "The store has changed", false},
	Upgrading:             {http.StatusConflict, "The installation is being upgraded", true},
	StoreDeleted:          {http.StatusConflict, "The store has been deleted", false},
	StoreUnreadable:       {http.StatusConflict, "The store's newest message can't be read", false},
	NoDeadLetter:          {http.StatusNotFound, "There is no such dead letter", false},
	NotReady:              {http.StatusConflict, "The store is not ready", true},
	LogFull:               {http.StatusServiceUnavailable, "The log is full", true},
	AuditFull:             {http.StatusServiceUnavailable, "The audit is full", true},
	BrokerUnavailable:     {http.StatusServiceUnavailable, "The broker can't be reached", true},
	CatalogEmpty:          {http.StatusServiceUnavailable, "No engine is on offer yet", true},
	ProjectionUnavailable: {http.StatusServiceUnavailable, "Lists and histories can't be read right now", true},
	FeedUnavailable:       {http.StatusServiceUnavailable, "The feed can't be reached right now", true},
	FeedFull:              {http.StatusServiceUnavailable, "The feed has no room for another client", true},
	TooManyFeeds:          {http.StatusTooManyRequests, "The tenant has too many connections to the feed", true},
	TooManyRequests:       {http.StatusTooManyRequests, "The tenant sends too many requests", true},
	TooManyCommands:       {http.StatusTooManyRequests, "The tenant sends too many commands", true},
	CredentialsMissing:    {http.StatusServiceUnavailable, "The credentials can't be read right now", true},
	CredentialsGone:       {http.StatusConflict, "The store's passwords are gone", false},
	ClusterUnavailable:    {http.StatusServiceUnavailable, "Nobody can look at the store's cluster right now", true},
	LogsFull:              {http.StatusServiceUnavailable, "There is no room for another reader of logs", true},
	TooManyLogs:           {http.StatusTooManyRequests, "The tenant reads too many logs", true},
	NewerSchema:           {http.StatusServiceUnavailable, "The store was written by a newer version", true},
	Internal:              {http.StatusInternalServerError, "Something went wrong here", true},
	Forbidden:             {http.StatusForbidden, "You may not do this", false},
	AccountsOff:           {http.StatusNotFound, "There are no accounts here", false},
	SignInRefused:         {http.StatusUnauthorized, "The address or the password is wrong", false},
	TooManyGuesses:        {http.StatusTooManyRequests, "Too much was tried", true},
	AccountsUnconfirmed:   {http.StatusForbidden, "The accounts were restored, and wait for an operator", false},
	Busy:                  {http.StatusServiceUnavailable, "Too many passwords are being compared", true},
	AccountExists:         {http.StatusConflict, "Somebody has the address already", false},
	SignUpOff:             {http.StatusForbidden, "Nobody signs up here", false},
	InviteNeeded:          {http.StatusForbidden, "It takes an invite to sign up", false},
	LinkUnknown:           {http.StatusNotFound, "The link is good for nothing", false},
	LastOperator:          {http.StatusConflict, "There is no other operator", false},
	Unverified:            {http.StatusConflict, "The address isn't verified", false},
	NotListed:             {http.StatusConflict, "The address isn't among those of operators", false},
	LastOwner:             {http.StatusConflict, "The tenant would have no owner", false},
	TenantHasStores:       {http.StatusConflict, "The tenant has stores", false},
	AlreadyMember:         {http.StatusConflict, "The account is a member already", false},
	TooManyTokens:         {http.StatusConflict, "There are as many API tokens as there may be", false},
	LimitReached:          {http.StatusConflict, "There are as many as there may be", false},
	TenantChanged:         {http.StatusPreconditionFailed, "The tenant has changed", false},
}

// Status is the HTTP status that a problem of the code is sent with.
func (c Code) Status() int { return kinds[c].status }

// Title says what kind of problem it is, in a few words.
func (c Code) Title() string { return kinds[c].title }

// codeOf finds the code of an error that is known by its HTTP status only, from Fiber or huma.
func codeOf(status int) Code {
	switch status {
	case http.StatusBadRequest:
		return InvalidRequest
	case http.StatusNotFound:
		return NotFound
	case http.StatusMethodNotAllowed:
		return MethodNotAllowed
	case http.StatusRequestTimeout:
		return RequestTimeout
	case http.StatusRequestEntityTooLarge:
		return BodyTooLarge
	case http.StatusUnsupportedMediaType:
		return UnsupportedMediaType
	case http.StatusUnprocessableEntity:
		return InvalidField
	case http.StatusUpgradeRequired:
		return UpgradeRequired
	case http.StatusRequestHeaderFieldsTooLarge:
		return HeadersTooLarge
	case http.StatusServiceUnavailable:
		return BrokerUnavailable
	}
	if status >= http.StatusInternalServerError {
		return Internal
	}
	// Whatever else is the request's own fault is so the next time, too.
	return InvalidRequest
}
