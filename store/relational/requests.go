package relational

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"stylesprint"
)

const requestColumns = `id, time, route, model, key_id, status, code, stream, prompt_tokens, completion_tokens, cached_tokens, cost, latency, first_token, billed, release, target, attempts, cache, flags`

const appendRequest = `INSERT INTO requests (` + requestColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`

// AppendRequests adds records to the request log, all or none. A record whose id
// is there already is left as it is, so that a batch can be sent again. The others are
// added to the totals as well.
func (d *DB) AppendRequests(ctx context.Context, records []stylesprint.RequestRecord) error {
	if len(records) == 0 {
		return nil
	}
	return d.write(ctx, "append to the request log", func(tx *transaction) error {
		meta, err := tx.PrepareContext(ctx, appendRequest)
		if err != nil {
			return err
		}
		defer meta.Close()
		fresh := make([]stylesprint.RequestRecord, 0, len(records))
		for _, r := range records {
			if r.ID == "" {
				return errors.New("a record has no request id")
			}
			done, err := meta.ExecContext(ctx, r.ID, nanoseconds(r.Time), r.Route, r.Model, r.KeyID, r.Status, r.Code, r.Stream,
				r.Usage.PromptTokens, r.Usage.CompletionTokens, r.Usage.CachedTokens, int64(r.Cost), int64(r.Latency), int64(r.FirstToken),
				int64(r.Billed), r.Release, r.Target, r.Attempts, r.Cache, r.Flags)
			if err != nil {
				return err
			}
			added, err := done.RowsAffected()
			if err != nil {
				return err
			}
			if added > 0 {
				fresh = append(fresh, r)
			}
			if added == 0 || (r.Prompt == "" && r.Response == "") {
				continue
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO request_bodies (request_id, prompt, response) VALUES (?, ?, ?)", r.ID, r.Prompt, r.Response); err != nil {
				return err
			}
		}
		return d.addTotals(ctx, tx, fresh)
	})
}

// Requests lists the request log, newest first; requests of the same moment by
// id, downwards.
func (d *DB) Requests(ctx context.Context, f stylesprint.RequestFilter) ([]stylesprint.RequestRecord, error) {
	const act = "read the request log"
	query := "SELECT " + requestColumns + ", coalesce(prompt, ''), coalesce(response, '') FROM requests LEFT JOIN request_bodies ON request_id = id WHERE true"
	var args []any
	if f.Model != "" {
		query, args = query+" AND model = ?", append(args, f.Model)
	}
	if !f.Since.IsZero() {
		query, args = query+" AND time >= ?", append(args, nanoseconds(f.Since))
	}
	if f.Before != "" {
		var at int64
		err := d.reader.QueryRowContext(ctx, "SELECT time FROM requests WHERE id = ?", f.Before).Scan(&at)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: fmt.Sprintf("there is no request %q in the log", f.Before)}
		}
		if err != nil {
			return nil, d.Fault(act, err)
		}
		query, args = query+" AND (time, id) < (?, ?)", append(args, at, f.Before)
	}
	query, args = query+" ORDER BY time DESC, id DESC LIMIT ?", append(args, limit(f.Limit))
	rows, err := d.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, d.Fault(act, err)
	}
	defer rows.Close()
	var records []stylesprint.RequestRecord
	for rows.Next() {
		var r stylesprint.RequestRecord
		var at int64
		err := rows.Scan(&r.ID, &at, &r.Route, &r.Model, &r.KeyID, &r.Status, &r.Code, &r.Stream, &r.Usage.PromptTokens, &r.Usage.CompletionTokens,
			&r.Usage.CachedTokens, (*int64)(&r.Cost), (*int64)(&r.Latency), (*int64)(&r.FirstToken),
			(*int64)(&r.Billed), &r.Release, &r.Target, &r.Attempts, &r.Cache, &r.Flags, &r.Prompt, &r.Response)
		if err != nil {
			return nil, d.Fault(act, err)
		}
		r.Time = fromNanoseconds(at)
		records = append(records, r)
	}
	if err := rows.Err(); err != nil {
		return nil, d.Fault(act, err)
	}
	return records, nil
}

// SummariseRequests sums up the request log by model since a time, busiest first.
func (d *DB) SummariseRequests(ctx context.Context, since time.Time) ([]stylesprint.RequestSummary, error) {
	const act = "summarise the request log"
	tx, err := d.reader.snapshot(ctx) // both queries see the same moment
	if err != nil {
		return nil, d.Fault(act, err)
	}
	defer tx.Rollback()
	sums, err := requestSums(ctx, tx, since)
	if err != nil {
		return nil, d.Fault(act, err)
	}
	latencies, err := goodLatencies(ctx, tx, since)
	if err != nil {
		return nil, d.Fault(act, err)
	}
	for i := range sums {
		sorted := latencies[sums[i].Model]
		slices.Sort(sorted)
		sums[i].P50, sums[i].P95 = nearestRank(sorted, 50), nearestRank(sorted, 95)
	}
	return sums, nil
}

func requestSums(ctx context.Context, tx *transaction, since time.Time) ([]stylesprint.RequestSummary, error) {
	rows, err := tx.QueryContext(ctx, `SELECT model, count(*) AS n, sum(CASE WHEN status >= 400 THEN 1 ELSE 0 END), sum(prompt_tokens), sum(completion_tokens), sum(cached_tokens), sum(cost)
		FROM requests WHERE time >= ? GROUP BY model ORDER BY n DESC, model`, nanoseconds(since))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var sums []stylesprint.RequestSummary
	for rows.Next() {
		var s stylesprint.RequestSummary
		if err := rows.Scan(&s.Model, &s.Requests, &s.Errors, &s.Usage.PromptTokens, &s.Usage.CompletionTokens, &s.Usage.CachedTokens, (*int64)(&s.Cost)); err != nil {
			return nil, err
		}
		sums = append(sums, s)
	}
	return sums, rows.Err()
}

// goodLatencies collects the latencies of requests without error, by model. Sorting
// them here takes a fifth of the time that SQLite's window functions do.
func goodLatencies(ctx context.Context, tx *transaction, since time.Time) (map[string][]time.Duration, error) {
	rows, err := tx.QueryContext(ctx, "SELECT model, latency FROM requests WHERE time >= ? AND status < 400", nanoseconds(since))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string][]time.Duration{}
	for rows.Next() {
		var model string
		var latency int64
		if err := rows.Scan(&model, &latency); err != nil {
			return nil, err
		}
		out[model] = append(out[model], time.Duration(latency))
	}
	return out, rows.Err()
}

// nearestRank is the value at rank ceil(n x percent / 100), or 0 of nothing.
func nearestRank(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*percent+99)/100-1]
}
