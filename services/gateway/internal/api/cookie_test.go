package api

import (
	"net/http"
	"testing"
	"time"
)

func TestACookieIsSecureBeyondTheLoopback(t *testing.T) {
	for host, secure := range map[string]bool{
		"localhost": false, "localhost:8080": false, "127.0.0.1:8080": false, "[::1]:8080": false, "[::1]": false, "127.0.0.9": false,
		"example.com": true, "localhost.example.com": true, "10.0.0.1:80": true, "[fd00::1]:80": true, "": true, ":80": true,
	} {
		c := Cookie(SessionCookie, "s3cret", time.Hour, host)
		if c.Secure != secure || c.Name != map[bool]string{true: "__Host-session", false: "session"}[secure] || !c.HttpOnly || c.Path != "/" ||
			c.SameSite != http.SameSiteLaxMode || c.MaxAge != 3600 || c.Domain != "" {
			t.Errorf("%s gets %s", host, c)
		}
		if got := CookieIn("a=b; "+c.Name+"="+c.Value, SessionCookie, host); got != "s3cret" {
			t.Errorf("%s reads %q", host, got)
		}
		// Who plants a cookie without the prefix plants nothing.
		if got := CookieIn("session=planted", SessionCookie, host); secure && got != "" {
			t.Errorf("%s reads %q, which a neighbour has planted", host, got)
		}
	}
	if c := Cookie(SessionCookie, "", -1, "example.com"); c.MaxAge != -1 {
		t.Errorf("it doesn't end: %s", c)
	}
}

// Any page below the same domain can plant a cookie on it, and what it has planted comes before ours or behind it.
func TestABrokenCookieSignsNobodyOut(t *testing.T) {
	for _, planted := range []string{"a", "=", "a b=c", `theme="dark`, "x=\"y\\\"", "ü=ä", "a=b,c", "a=\x01", ";;", "=x", "session"} {
		for _, header := range []string{planted + "; __Host-session=s3cret", "__Host-session=s3cret; " + planted} {
			if got := CookieIn(header, SessionCookie, "example.com"); got != "s3cret" {
				t.Errorf("beside %q the session is %q", planted, got)
			}
		}
	}
}
