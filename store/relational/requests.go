package relational

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"stylesprint"
)

const requestColumns = `id, time, route, model, key_id, status, code, stream, prompt_tokens, completion_tokens, cached_tokens, cost, latency, first_token, billed, release, target, attempts, cache, flags`

// AppendRequests adds records to the request log, all or none. A record whose id
// is there already is left as it is, so that a batch can be sent again; where the log is
// divided by day, that is so for a record with the same id and time.
func (d *DB) AppendRequests(ctx context.Context, records []stylesprint.RequestRecord) error {
	const act = "append to the request log"
	if len(records) == 0 {
		return nil
	}
	for _, r := range records {
		if r.ID == "" {
			return fmt.Errorf("%s: a record has no request id", act)
		}
	}
	// In one order, so that two processes that send the same records never wait for each other.
	records = slices.Clone(records)
	slices.SortStableFunc(records, func(a, b stylesprint.RequestRecord) int { return strings.Compare(a.ID, b.ID) })
	if d.dialect.Days == nil {
		return d.rewrite(ctx, act, func(tx *transaction) error { return d.appendRequests(ctx, tx, records) })
	}
	days := daysOf(records)
	if err := d.makeDays(ctx, days, false); err != nil {
		return d.Fault(act, err)
	}
	add := func(tx *transaction) error { return d.appendRequests(ctx, tx, records) }
	err := d.twice(ctx, true, add)
	if d.dialect.Kind(err) == Check { // another process has dropped a day that this one remembers
		if err = d.makeDays(ctx, days, true); err == nil {
			err = d.twice(ctx, true, add)
		}
	}
	return d.Fault(act, err)
}

func (d *DB) makeDays(ctx context.Context, days []time.Time, anew bool) error {
	err := d.dialect.Days.Make(ctx, days, anew)
	if d.writer.retry(ctx, err) {
		err = d.dialect.Days.Make(ctx, days, anew)
	}
	return err
}

// daysOf are the days that records belong to, and those after them: so a day is there
// before its first record comes.
func daysOf(records []stylesprint.RequestRecord) []time.Time {
	var days []time.Time
	for _, r := range records {
		day := midnight(fromNanoseconds(nanoseconds(r.Time)))
		if !slices.Contains(days, day) {
			days = append(days, day)
		}
	}
	for _, day := range days[:len(days):len(days)] {
		if next := day.AddDate(0, 0, 1); !slices.Contains(days, next) {
			days = append(days, next)
		}
	}
	return days
}

// midnight is the beginning of a time's day, UTC. The zero time, which is stored as 0, belongs to
// the first day of 1970.
func midnight(t time.Time) time.Time {
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	return t.UTC().Truncate(24 * time.Hour)
}

func (d *DB) appendRequests(ctx context.Context, tx *transaction, records []stylesprint.RequestRecord) error {
	rows := make([][]any, len(records))
	for i, r := range records {
		rows[i] = []any{r.ID, nanoseconds(r.Time), r.Route, r.Model, r.KeyID, r.Status, r.Code, r.Stream,
			r.Usage.PromptTokens, r.Usage.CompletionTokens, r.Usage.CachedTokens, int64(r.Cost), int64(r.Latency), int64(r.FirstToken),
			int64(r.Billed), r.Release, r.Target, r.Attempts, r.Cache, r.Flags}
	}
	added, err := d.insertNew(ctx, tx, "requests", requestColumns, rows)
	if err != nil {
		return err
	}
	columns := "request_id, prompt, response"
	if d.dialect.Days != nil {
		columns += ", request_time"
	}
	var fresh []stylesprint.RequestRecord
	var bodies [][]any
	for i, r := range records {
		if added[i] {
			fresh = append(fresh, r)
		}
		if !added[i] || (r.Prompt == "" && r.Response == "") {
			continue
		}
		row := []any{r.ID, r.Prompt, r.Response}
		if d.dialect.Days != nil {
			row = append(row, nanoseconds(r.Time))
		}
		bodies = append(bodies, row)
	}
	if err := d.insert(ctx, tx, "request_bodies", columns, bodies); err != nil {
		return err
	}
	return d.addTotals(ctx, tx, fresh)
}

// pruneBatch is how many records a transaction deletes: few enough that those who append
// wait for milliseconds only.
const pruneBatch = 500

// PruneRequests deletes the records of the days (UTC) that ended by a time, with their
// bodies, and returns how many there were. Others may append meanwhile; an error may come after
// part of them has been deleted, and the next call deletes the rest.
func (d *DB) PruneRequests(ctx context.Context, before time.Time) (deleted int64, err error) {
	const act = "prune the request log"
	if d.dialect.Days != nil {
		deleted, err = d.dialect.Days.Drop(ctx, before)
		if d.writer.retry(ctx, err) {
			deleted, err = d.dialect.Days.Drop(ctx, before)
		}
		return deleted, d.Fault(act, err)
	}
	end := nanoseconds(midnight(before))
	for {
		var n int64
		err := d.write(ctx, act, func(tx *transaction) error {
			done, err := tx.ExecContext(ctx, "DELETE FROM requests WHERE id IN (SELECT id FROM requests WHERE time < ? ORDER BY time, id LIMIT ?)", end, pruneBatch)
			if err != nil {
				return err
			}
			n, err = done.RowsAffected()
			return err
		})
		if err != nil {
			return deleted, err
		}
		if deleted += n; n < pruneBatch {
			return deleted, nil
		}
	}
}

// Requests lists the request log, newest first; requests of the same moment by
// id, downwards.
func (d *DB) Requests(ctx context.Context, f stylesprint.RequestFilter) ([]stylesprint.RequestRecord, error) {
	const act = "read the request log"
	join := "request_id = id"
	if d.dialect.Days != nil {
		join += " AND request_time = time" // one day's bodies are asked, not all
	}
	query := "SELECT " + requestColumns + ", coalesce(prompt, ''), coalesce(response, '') FROM requests LEFT JOIN request_bodies ON " + join + " WHERE true"
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
			return nil, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: fmt.Sprintf("there is no request %q in the log", f.Before), Hint: "begin again with the newest requests"}
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
