package api

import (
	"net/http"
	"time"

	"github.com/store-platform/store-platform/services/gateway/internal/door"
)

// The cookies of the gateway, named as they are where nothing is in front of them.
const (
	// SessionCookie holds the secret of a session.
	SessionCookie = "session"
	// deviceCookie holds the secret of a device that has signed in before. It signs nobody in.
	deviceCookie = "device"
	// signInCookie holds the state of a sign-in at a provider, so that it ends in the browser that began it.
	signInCookie = "signin"
)

// hostPrefix makes a browser take a cookie only over TLS, for this host alone and all of its paths (RFC 6265bis, 4.1.3.2): no neighbour below the
// same domain, as every store is, can plant one.
const hostPrefix = "__Host-"

// Cookie makes the cookie that keeps a secret for as long as life says; ended where it is negative. A browser keeps no secure cookie that came
// over plain http, so on the loopback, where nobody is between, it has neither the mark nor the prefix. host is what the request's Host header says: the door has
// refused foreign ones, so a client that says so of another machine is one without a browser, and fools nobody but itself.
func Cookie(name, secret string, life time.Duration, host string) *http.Cookie {
	c := &http.Cookie{
		Name: hostPrefix + name, Value: secret, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
		MaxAge: int(life / time.Second),
	}
	if life < 0 {
		c.MaxAge = -1
	}
	if door.IsLoopback(host) {
		c.Name, c.Secure = name, false
	}
	return c
}

// CookieIn reads what Cookie has set out of a request's Cookie header; empty where there is none.
func CookieIn(header, name, host string) string {
	if !door.IsLoopback(host) {
		name = hostPrefix + name
	}
	// A reader that passes over what it can't read: any page below the same domain can plant a cookie, and a broken one must sign nobody
	// out.
	for _, c := range (&http.Request{Header: http.Header{"Cookie": {header}}}).Cookies() {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}
