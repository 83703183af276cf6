package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"stylesprint/store/relational"
)

// days are the partitions of the request log: for each day (UTC) a table of records and one of their bodies.
type days struct {
	db *sql.DB

	mu    sync.Mutex
	known map[int64]bool // days that are there, by Unix time in seconds
}

var _ relational.Days = (*days)(nil)

// tables are divided by day, in the order in which rows are added.
func tables() []struct{ table, column string } {
	return []struct{ table, column string }{{"requests", "time"}, {"request_bodies", "request_time"}}
}

func partition(table string, day time.Time) string { return table + "_" + day.Format("20060102") }

// Make is relational.Days'.
func (d *days) Make(ctx context.Context, list []time.Time, anew bool) error {
	var missing []time.Time
	d.mu.Lock()
	for _, day := range list {
		if anew || !d.known[day.Unix()] {
			missing = append(missing, day)
		}
	}
	d.mu.Unlock()
	if len(missing) == 0 {
		return nil
	}
	if err := d.make(ctx, missing); err != nil {
		return fmt.Errorf("make days of the request log: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, day := range missing {
		d.known[day.Unix()] = true
	}
	return nil
}

// make makes what is missing, one process at a time. A partition is made apart and then
// attached, for which nobody who reads or writes has to wait.
func (d *days) make(ctx context.Context, list []time.Time) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := makeIn(ctx, tx, list); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

func makeIn(ctx context.Context, tx *sql.Tx, list []time.Time) error {
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", lock)); err != nil {
		return err
	}
	there, err := partitions(ctx, tx)
	if err != nil {
		return err
	}
	for _, day := range list {
		for _, t := range tables() {
			name := partition(t.table, day)
			if _, ok := there[name]; ok {
				continue
			}
			_, err := tx.ExecContext(ctx, fmt.Sprintf(`CREATE TABLE %s (LIKE %s INCLUDING ALL);
				ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%d) TO (%d)`, name, t.table, t.table, name, day.UnixNano(), day.AddDate(0, 0, 1).UnixNano()))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// partitions are the names of those that are there, with their days.
func partitions(ctx context.Context, tx *sql.Tx) (map[string]time.Time, error) {
	rows, err := tx.QueryContext(ctx, "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent IN ('requests'::regclass, 'request_bodies'::regclass)")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	name := regexp.MustCompile(`^(?:requests|request_bodies)_(\d{8})$`)
	there := map[string]time.Time{}
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		m := name.FindStringSubmatch(n)
		if m == nil {
			continue // made by somebody else, who looks after it
		}
		day, err := time.Parse("20060102", m[1])
		if err != nil {
			continue
		}
		there[n] = day
	}
	return there, rows.Err()
}

// Dropping a day needs the log for itself for a moment. It waits in line for so long, as
// everybody else stands behind it, and then lets them pass and tries again.
const (
	dropPatience = 500 * time.Millisecond
	dropTries    = 8
	dropPause    = 500 * time.Millisecond
)

// Drop is relational.Days'.
func (d *days) Drop(ctx context.Context, by time.Time) (int64, error) {
	for try := 1; ; try++ {
		n, err := d.drop(ctx, by)
		if err == nil {
			return n, nil
		}
		if state(err) != lockNotAvailable || try == dropTries {
			return 0, fmt.Errorf("drop days of the request log: %w", err)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(dropPause):
		}
	}
}

func (d *days) drop(ctx context.Context, by time.Time) (int64, error) {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	n, gone, err := dropIn(ctx, tx, by)
	if err != nil {
		return 0, errors.Join(err, ignoreDone(tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return 0, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, day := range gone {
		delete(d.known, day.Unix())
	}
	return n, nil
}

func dropIn(ctx context.Context, tx *sql.Tx, by time.Time) (deleted int64, gone []time.Time, err error) {
	_, err = tx.ExecContext(ctx, fmt.Sprintf("SET LOCAL lock_timeout = %d; SELECT pg_advisory_xact_lock(%d)", dropPatience.Milliseconds(), lock))
	if err != nil {
		return 0, nil, err
	}
	there, err := partitions(ctx, tx)
	if err != nil {
		return 0, nil, err
	}
	for name, day := range there {
		if day.AddDate(0, 0, 1).After(by) {
			continue
		}
		if name == partition("requests", day) {
			var n int64
			if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM "+name).Scan(&n); err != nil {
				return 0, nil, err
			}
			deleted += n
		}
		if _, err := tx.ExecContext(ctx, "DROP TABLE "+name); err != nil {
			return 0, nil, err
		}
		gone = append(gone, day)
	}
	return deleted, gone, nil
}

// ignoreDone drops the news that a transaction is over already.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
