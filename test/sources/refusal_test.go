package sources_test

import (
	"os/exec"
	"strings"
	"testing"
)

// The words are MariaDB's own. A merchant who reads that a volume is full buys a larger one, so nothing else may be called so.
func TestTheShopTellsWhyItsDatabaseRefuses(t *testing.T) {
	needs(t, "php")
	for _, c := range []struct{ number, words, want string }{
		{"0", "", ""},
		{"1290", "The MariaDB server is running with the --read-only option so it cannot execute this statement", "DatabaseReadOnly"},
		{"1114", "The table 'store_platform_check' is full", "DatabaseFull"},
		{"3", `Error writing file './shop/x.frm' (Errcode: 28 "No space left on device")`, "DatabaseFull"},
		{"1005", "Can't create table `shop`.`x` (errno: 28 \"No space left on device\")", "DatabaseFull"},
		{"1005", "Can't create table `shop`.`x` (errno: 150 \"Foreign key constraint is incorrectly formed\")", "DatabaseNotWriting"},
		{"1030", `Got error 28 "No space left on device" from storage engine Aria`, "DatabaseFull"},
		{"1030", `Got error 30 "Read-only file system" from storage engine InnoDB`, "DatabaseReadOnly"},
		{"1030", `Got error 5 "Input/output error" from storage engine InnoDB`, "DatabaseNotWriting"},
		{"1142", "INSERT command denied to user 'shop'@'%' for table `shop`.`store_platform_check`", "DatabaseNotWriting"},
		{"2006", "MySQL server has gone away", "DatabaseNotAnswering"},
	} {
		output, err := exec.CommandContext(t.Context(), "php", "-r", `require $argv[1]; echo refusal((int) $argv[2], $argv[3]);`,
			engines+"/woocommerce/image/shop/health/refusal.php", c.number, c.words).CombinedOutput()
		if got := strings.TrimSpace(string(output)); err != nil || got != c.want {
			t.Errorf("%s, %s: %q (%v), want %q", c.number, c.words, got, err, c.want)
		}
	}
}
