package engine

import (
	"cmp"
	"strconv"
	"strings"
)

// CompareVersions orders versions as people count them: parts between dots by number where both are numbers, and what has
// something behind a dash (1.1.0-rc.1) before what hasn't. It returns what cmp.Compare does.
func CompareVersions(a, b string) int {
	a, aPre, _ := strings.Cut(a, "-")
	b, bPre, _ := strings.Cut(b, "-")
	if c := compareParts(a, b); c != 0 {
		return c
	}
	if aPre == "" || bPre == "" {
		return -strings.Compare(aPre, bPre)
	}
	return compareParts(aPre, bPre)
}

func compareParts(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		n, errN := strconv.ParseUint(x, 10, 64)
		m, errM := strconv.ParseUint(y, 10, 64)
		c := strings.Compare(x, y)
		if errN == nil && errM == nil {
			c = cmp.Compare(n, m)
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// Offered picks from packs those that new stores are made of: of each engine the newest version that isn't retired. An
// engine all of whose versions are retired isn't offered.
func Offered(packs []Pack) []Pack {
	var offered []Pack
	at := map[string]int{}
	for _, pack := range packs {
		i, known := at[pack.Name]
		switch {
		case pack.Retired:
		case !known:
			at[pack.Name] = len(offered)
			offered = append(offered, pack)
		case CompareVersions(pack.Version, offered[i].Version) > 0:
			offered[i] = pack
		}
	}
	return offered
}
