package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
)

// tables of the read model, with the order of their rows.
var tables = map[string]string{"checkpoint": "only_row", "events": "seq", "stores": "opened", "set_aside": "seq"}

// dump writes schema and rows, with the table of the migrations that were applied, as SQL that any client can run.
func (in *Installation) dump(ctx context.Context, path string) error {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
	if err != nil || len(found) == 0 {
		return errors.Join(errors.New("there is no pg_dump here: install PostgreSQL's client programs"), err)
	}
	text, err := exec.CommandContext(ctx, found[len(found)-1], "--no-owner", "--no-privileges", "--inserts", in.Database()).Output()
	if err != nil {
		return fmt.Errorf("dump the read model: %w", err)
	}
	var kept strings.Builder
	for line := range strings.Lines(string(text)) {
		// psql's own commands, comments, and settings that another version of PostgreSQL may not know.
		if !strings.HasPrefix(line, `\`) && !strings.HasPrefix(line, "--") && !strings.HasPrefix(line, "SET ") && line != "\n" {
			kept.WriteString(line)
		}
	}
	return os.WriteFile(path, []byte(kept.String()), 0o644)
}

// LoadReadModel restores a recording's read model into the empty database.
func (in *Installation) LoadReadModel(ctx context.Context, recording string) error {
	text, err := os.ReadFile(filepath.Join(recording, readModelFile))
	if err != nil {
		return fmt.Errorf("read a recorded read model: %w", err)
	}
	conn, err := pgx.Connect(ctx, in.Database())
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	_, err = conn.PgConn().Exec(ctx, string(text)).ReadAll()
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		return fmt.Errorf("restore a recorded read model: %w", err)
	}
	return nil
}

// Rows reads the read model, every row as JSON, by table.
func (in *Installation) Rows(ctx context.Context) (map[string][]any, error) {
	conn, err := pgx.Connect(ctx, in.Database())
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	rows := map[string][]any{}
	for table, order := range tables {
		found, failed := conn.Query(ctx, "select to_jsonb(t)::text from public."+table+" t order by "+order)
		if failed == nil {
			rows[table], failed = pgx.CollectRows(found, func(r pgx.CollectableRow) (row any, err error) {
				var text string
				if err := r.Scan(&text); err != nil {
					return nil, err
				}
				err = json.Unmarshal([]byte(text), &row)
				return row, err
			})
		}
		err = errors.Join(err, failed)
	}
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		return nil, fmt.Errorf("read the read model: %w", err)
	}
	return rows, nil
}
