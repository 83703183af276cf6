package relational

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// insert inserts rows into a table, in order: on Postgres with one statement for all. Each row has
// a value for each of the columns ("a, b"), of the same type in each row: a text, an integer or
// a bool.
func (d *DB) insert(ctx context.Context, tx *transaction, table, columns string, rows [][]any) error {
	_, err := d.put(ctx, tx, "INSERT INTO "+table+" ("+columns+")", "", rows)
	return err
}

// upsert inserts rows, no two of which have the same key ("a, b"). Where a row's key is
// there already, what is there is updated with set ("c = excluded.c").
func (d *DB) upsert(ctx context.Context, tx *transaction, table, columns, key, set string, rows [][]any) error {
	_, err := d.put(ctx, tx, "INSERT INTO "+table+" ("+columns+")", " ON CONFLICT ("+key+") DO UPDATE SET "+set, rows)
	return err
}

// insertNew inserts those of the rows that break no unique key, and says which they were. The
// first column is a text, by which rows are told apart; of two with the same, the first is inserted.
func (d *DB) insertNew(ctx context.Context, tx *transaction, table, columns string, rows [][]any) (added []bool, err error) {
	if len(rows) == 0 {
		return nil, nil
	}
	key, _, _ := strings.Cut(columns, ",")
	var keys []string
	if d.dialect.Arrays {
		var query string
		var args []any
		if query, args, err = unnest("INSERT INTO "+table+" ("+columns+")", rows); err != nil {
			return nil, err
		}
		keys, err = collect(ctx, tx, scanText, query+" ON CONFLICT DO NOTHING RETURNING "+key, args...)
	} else {
		// OR IGNORE, unlike ON CONFLICT DO NOTHING, cannot fail halfway, so that SQLite keeps no
		// copies of pages to undo a statement of many rows.
		var n int64
		n, err = d.put(ctx, tx, "INSERT OR IGNORE INTO "+table+" ("+columns+")", "", rows)
		if err == nil && n == int64(len(rows)) {
			return slices.Repeat([]bool{true}, len(rows)), nil
		}
		if err == nil && n > 0 { // rows get ascending numbers, and nobody else writes meanwhile
			keys, err = collect(ctx, tx, scanText, "SELECT "+key+" FROM "+table+" ORDER BY rowid DESC LIMIT ?", n)
		}
	}
	if err != nil {
		return nil, err
	}
	fresh := make(map[string]bool, len(keys))
	for _, k := range keys {
		fresh[k] = true
	}
	added = make([]bool, len(rows))
	for i, row := range rows {
		k := reflect.ValueOf(row[0]).String()
		added[i] = fresh[k]
		delete(fresh, k)
	}
	return added, nil
}

func scanText(row scanner) (string, error) {
	var s string
	err := row.Scan(&s)
	return s, err
}

// statementValues is how many values a statement for SQLite holds at most, unless a row has
// more: enough that its fixed cost is small, few enough that it is parsed soon.
const statementValues = 320

// put sends rows between the two halves of a statement, and returns how many were affected:
// on Postgres as lists in one statement, on SQLite as values in a few.
func (d *DB) put(ctx context.Context, tx *transaction, before, after string, rows [][]any) (affected int64, err error) {
	if len(rows) == 0 {
		return 0, nil
	}
	if d.dialect.Arrays {
		query, args, err := unnest(before, rows)
		if err != nil {
			return 0, err
		}
		return count(tx.ExecContext(ctx, query+after, args...))
	}
	width := len(rows[0])
	size := min(len(rows), max(1, statementValues/width))
	row := "(?" + strings.Repeat(", ?", width-1) + ")"
	statement := func(n int) string { return before + " VALUES " + row + strings.Repeat(", "+row, n-1) + after }
	stmt, err := tx.PrepareContext(ctx, statement(size))
	if err != nil {
		return 0, err
	}
	defer stmt.Close()
	args := make([]any, 0, size*width)
	for part := range slices.Chunk(rows, size) {
		args = args[:0]
		for _, row := range part {
			args = append(args, row...)
		}
		var n int64
		if len(part) == size {
			n, err = count(stmt.ExecContext(ctx, args...))
		} else {
			n, err = count(tx.ExecContext(ctx, statement(len(part)), args...))
		}
		if err != nil {
			return 0, err
		}
		affected += n
	}
	return affected, nil
}

func count(r sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// unnest is the statement that inserts rows from a list for each column, and the lists.
func unnest(before string, rows [][]any) (query string, args []any, err error) {
	var lists []string
	for c := range rows[0] {
		values, kind, err := list(rows, c)
		if err != nil {
			return "", nil, fmt.Errorf("%s: column %d: %w", before, c+1, err)
		}
		lists, args = append(lists, "?::"+kind+"[]"), append(args, values)
	}
	return before + " SELECT * FROM unnest(" + strings.Join(lists, ", ") + ")", args, nil
}

// list is one column of rows, and what Postgres calls the type of its values.
func list(rows [][]any, c int) (values any, kind string, err error) {
	switch k := reflect.TypeOf(rows[0][c]).Kind(); k {
	case reflect.String:
		return gather(rows, c, reflect.Value.String), "text", nil
	case reflect.Int, reflect.Int64:
		return gather(rows, c, reflect.Value.Int), "bigint", nil
	case reflect.Bool:
		return gather(rows, c, reflect.Value.Bool), "boolean", nil
	default:
		return nil, "", fmt.Errorf("no list is made of values of the kind %s", k)
	}
}

func gather[T any](rows [][]any, c int, of func(reflect.Value) T) []T {
	out := make([]T, len(rows))
	for i, row := range rows {
		out[i] = of(reflect.ValueOf(row[c]))
	}
	return out
}
