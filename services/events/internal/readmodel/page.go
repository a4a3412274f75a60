package readmodel

import "github.com/jackc/pgx/v5"

// pageBytes ends a page whatever its limit, before the row that comes next: of a log from before texts were bounded rows
// have any size, and some hundred of them are too much to hold, and take longer to decode than whoever asked will wait.
const pageBytes = 1 << 20

// collect reads a page of at most limit rows and says whether there are more of them.
func collect[T any](rows pgx.Rows, limit int, scan pgx.RowToFunc[T]) (page []T, more bool, err error) {
	defer rows.Close()
	page = []T{}
	for bytes := 0; rows.Next(); {
		if len(page) == limit || bytes >= pageBytes {
			return page, true, nil
		}
		for _, value := range rows.RawValues() {
			bytes += len(value)
		}
		item, err := scan(rows)
		if err != nil {
			return nil, false, err
		}
		page = append(page, item)
	}
	return page, false, rows.Err()
}
