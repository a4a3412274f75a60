package door

import (
	"slices"
	"testing"
)

func TestOriginsAreWrittenAsBrowsersSendThem(t *testing.T) {
	got, err := ParseOrigins([]string{"https://Shop.Example", " http://localhost:3000", "", "https://a.example:443", "http://b.example:80", "http://[::1]:8080"})
	want := []string{"https://shop.example", "http://localhost:3000", "https://a.example", "http://b.example", "http://[::1]:8080"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q (%v), want %q", got, err, want)
	}
	for _, text := range []string{
		"*", "null", "shop.example", "https://", "https://*.shop.example", "https://shop.example/", "https://shop.example/path", "https://shop.example?q",
		"https://shop.example#f", "https://me@shop.example", "ftp://shop.example", "file:///x", "https://a.example https://b.example",
	} {
		if origins, err := ParseOrigins([]string{"https://shop.example", text}); err == nil {
			t.Errorf("%q is %q", text, origins)
		}
	}
}
