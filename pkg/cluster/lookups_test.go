package cluster

import "testing"

// What is taken of a program's log are the words about a name, and nothing else of the line.
func TestOnlyWhatIsSaidOfANameIsTakenOfALog(t *testing.T) {
	for line, want := range map[string]string{
		`level=error password=hunter2 err="dial tcp: lookup database on 10.96.0.10:53: server misbehaving"`:       "lookup database on 10.96.0.10:53: server misbehaving",
		"lookup redis on 10.96.0.10:53: read udp 10.1.0.4:51234->10.96.0.10:53: read: connection refused hunter2": "lookup redis on 10.96.0.10:53: read udp 10.1.0.4:51234->10.96.0.10:53: read: connection refused",
		"Error: getaddrinfo EAI_AGAIN database hunter2":                                                           "getaddrinfo EAI_AGAIN database",
		"php_network_getaddresses: getaddrinfo for database failed: Temporary failure in name resolution":         "getaddrinfo for database failed: Temporary failure in name resolution",
		`could not translate host name "database" to address: Name or service not known`:                          `could not translate host name "database" to address`,
		"ERROR 2005 (HY000): Unknown MySQL server host 'database' (-2) hunter2":                                   "Unknown MySQL server host 'database'",
		"** server can't find database.example: REFUSED":                                                          "server can't find database.example: REFUSED",
		"curl: (6) Could not resolve host: database":                                                              "Could not resolve host: database",
		"dial tcp 10.1.0.7:5432: connect: connection refused":                                                     "",
		"lookup of the cart 12 failed":                                                                            "",
	} {
		if got := string(unresolved.Find([]byte(line))); got != want {
			t.Errorf("of %q it takes %q, want %q", line, got, want)
		}
	}
}
