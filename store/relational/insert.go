package relational

import (
	"context"
	"fmt"
	"reflect"
	"strings"
)

// insert inserts rows into a table, in order: on Postgres with one statement for all. Each row has
// a value for each of the columns ("a, b"), of the same type in each row: a text, an integer or
// a bool.
func (d *DB) insert(ctx context.Context, tx *transaction, table, columns string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	if !d.dialect.Arrays {
		_, err := insertEach(ctx, tx, table, columns, "", rows)
		return err
	}
	query, args, err := unnest(table, columns, rows)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, query, args...)
	return err
}

// insertNew inserts those of the rows that break no unique key, and says which they were. The
// first column is a text, by which rows are told apart; of two with the same, the first is inserted.
func (d *DB) insertNew(ctx context.Context, tx *transaction, table, columns string, rows [][]any) (added []bool, err error) {
	if len(rows) == 0 {
		return nil, nil
	}
	if !d.dialect.Arrays {
		return insertEach(ctx, tx, table, columns, " ON CONFLICT DO NOTHING", rows)
	}
	query, args, err := unnest(table, columns, rows)
	if err != nil {
		return nil, err
	}
	key, _, _ := strings.Cut(columns, ",")
	keys, err := collect(ctx, tx, func(row scanner) (string, error) {
		var k string
		err := row.Scan(&k)
		return k, err
	}, query+" ON CONFLICT DO NOTHING RETURNING "+key, args...)
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

// insertEach inserts rows one by one, which costs a local database nothing.
func insertEach(ctx context.Context, tx *transaction, table, columns, after string, rows [][]any) (added []bool, err error) {
	stmt, err := tx.PrepareContext(ctx, "INSERT INTO "+table+" ("+columns+") VALUES (?"+strings.Repeat(", ?", len(rows[0])-1)+")"+after)
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	added = make([]bool, len(rows))
	for i, row := range rows {
		done, err := stmt.ExecContext(ctx, row...)
		if err != nil {
			return nil, err
		}
		n, err := done.RowsAffected()
		if err != nil {
			return nil, err
		}
		added[i] = n > 0
	}
	return added, nil
}

// unnest is the statement that inserts rows from a list for each column, and the lists.
func unnest(table, columns string, rows [][]any) (query string, args []any, err error) {
	var lists []string
	for c := range rows[0] {
		values, kind, err := list(rows, c)
		if err != nil {
			return "", nil, fmt.Errorf("insert into %s: column %d: %w", table, c+1, err)
		}
		lists, args = append(lists, "?::"+kind+"[]"), append(args, values)
	}
	return "INSERT INTO " + table + " (" + columns + ") SELECT * FROM unnest(" + strings.Join(lists, ", ") + ")", args, nil
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
