package relational

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"stylesprint"
	"stylesprint/evaluate/shard"
)

var _ shard.Store = (*DB)(nil)

// SaveStatistics creates or replaces the statistics of a run, which must be there.
func (d *DB) SaveStatistics(ctx context.Context, runID string, body []byte) error {
	return d.rewrite(ctx, "save statistics of run "+runID, func(tx *transaction) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO statistics (run_id, body) VALUES (?, ?) ON CONFLICT (run_id) DO UPDATE SET body = excluded.body", runID, body)
		if d.dialect.Kind(err) == ForeignKey {
			return noRun(runID)
		}
		return err
	})
}

// Statistics returns the statistics of a run, or an error with code not_found.
func (d *DB) Statistics(ctx context.Context, runID string) ([]byte, error) {
	var body []byte
	err := d.reader.QueryRowContext(ctx, "SELECT body FROM statistics WHERE run_id = ?", runID).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: fmt.Sprintf("there are no statistics of run %q", runID), Hint: "give its eval run command again"}
	}
	if err != nil {
		return nil, d.Fault("read statistics of run "+runID, err)
	}
	return body, nil
}
