package readmodel

import (
	"strings"
	"testing"
)

// Whatever is wrong with the address of the database, the error that says so goes to the log.
func TestNoPasswordIsInTheErrorOfAWrongAddress(t *testing.T) {
	for _, url := range []string{
		"postgres://user:a@secret:b@127.0.0.1:1/db", "postgres://user@127.0.0.1:secret/db", "host=127.0.0.1 password='a secret",
	} {
		pool, err := Open(t.Context(), url)
		if err == nil {
			pool.Close()
			t.Errorf("%s is no address", url)
		} else if strings.Contains(err.Error(), "secret") || !strings.HasPrefix(err.Error(), "DATABASE_URL: ") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
