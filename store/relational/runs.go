package relational

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"stylesprint"
	"stylesprint/evaluate"
)

const defaultLimit = 100

const runColumns = `id, dataset, dataset_hash, split, candidate, repeat, status, error, created, finished, total, done, failed, repeated_calls, concurrency, machine, scores, parent, shard, shards`

const saveRun = `INSERT INTO runs (` + runColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (id) DO UPDATE SET dataset = excluded.dataset, dataset_hash = excluded.dataset_hash, split = excluded.split,
		candidate = excluded.candidate, repeat = excluded.repeat, status = excluded.status, error = excluded.error,
		created = excluded.created, finished = excluded.finished, total = excluded.total, done = excluded.done, failed = excluded.failed,
		repeated_calls = excluded.repeated_calls, concurrency = excluded.concurrency, machine = excluded.machine, scores = excluded.scores,
		parent = excluded.parent, shard = excluded.shard, shards = excluded.shards`

// SaveRun creates or replaces a run by its id.
func (d *DB) SaveRun(ctx context.Context, r evaluate.Run) error {
	candidate, err := json.Marshal(r.Candidate)
	if err != nil {
		return fmt.Errorf("save run %s: candidate: %w", r.ID, err)
	}
	scores, err := column(r.Scores, r.Scores == nil)
	if err != nil {
		return fmt.Errorf("save run %s: scores: %w", r.ID, err)
	}
	return d.rewrite(ctx, "save run "+r.ID, func(tx *transaction) error {
		_, err := tx.ExecContext(ctx, saveRun, r.ID, r.Dataset, r.DatasetHash, r.Split, string(candidate), r.Repeat, r.Status, r.Error,
			nanoseconds(r.Created), nanoseconds(r.Finished), r.Total, r.Done, r.Failed, r.RepeatedCalls, r.Concurrency, r.Machine, scores, r.Parent, r.Shard, r.Shards)
		return err
	})
}

// column is a value as JSON, or NULL.
func column(v any, null bool) (sql.NullString, error) {
	if null {
		return sql.NullString{}, nil
	}
	text, err := json.Marshal(v)
	return sql.NullString{String: string(text), Valid: true}, err
}

// Run returns one run, or an error with code not_found.
func (d *DB) Run(ctx context.Context, id string) (evaluate.Run, error) {
	r, err := scanRun(d.reader.QueryRowContext(ctx, "SELECT "+countedColumns()+" FROM runs WHERE id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		return evaluate.Run{}, noRun(id)
	}
	if err != nil {
		return evaluate.Run{}, d.Fault("read run "+id, err)
	}
	return r, nil
}

func noRun(id string) error {
	return &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: fmt.Sprintf("there is no run %q", id), Hint: "see the runs with: stylesprint eval list"}
}

func scanRun(row interface{ Scan(...any) error }) (evaluate.Run, error) {
	var r evaluate.Run
	var candidate string
	var scores sql.NullString
	var created, finished int64
	err := row.Scan(&r.ID, &r.Dataset, &r.DatasetHash, &r.Split, &candidate, &r.Repeat, &r.Status, &r.Error, &created, &finished,
		&r.Total, &r.Done, &r.Failed, &r.RepeatedCalls, &r.Concurrency, &r.Machine, &scores, &r.Parent, &r.Shard, &r.Shards)
	if err != nil {
		return r, err
	}
	r.Created, r.Finished = fromNanoseconds(created), fromNanoseconds(finished)
	if err := json.Unmarshal([]byte(candidate), &r.Candidate); err != nil {
		return r, fmt.Errorf("candidate: %w", err)
	}
	if scores.Valid {
		if err := json.Unmarshal([]byte(scores.String), &r.Scores); err != nil {
			return r, fmt.Errorf("scores: %w", err)
		}
	}
	return r, nil
}

// countedColumns is runColumns for reading: a sharded run's counters are the sums of
// its shards', so that any number of processes may work on them.
func countedColumns() string {
	out := runColumns
	for _, name := range []string{"done", "failed", "repeated_calls"} {
		sum := "CASE WHEN shards > 0 AND parent = '' THEN (SELECT coalesce(sum(s." + name + "), 0) FROM runs s WHERE s.parent = runs.id) ELSE " + name + " END"
		out = strings.Replace(out, " "+name+",", " "+sum+",", 1)
	}
	return out
}

// Runs lists runs, newest first, those of the same moment by id, downwards; the shards of
// a run by number.
func (d *DB) Runs(ctx context.Context, f evaluate.Filter) ([]evaluate.Run, error) {
	query, args := "SELECT "+countedColumns()+" FROM runs WHERE parent = ?", []any{f.Parent}
	if f.Dataset != "" {
		query, args = query+" AND dataset = ?", append(args, f.Dataset)
	}
	if f.Before != "" {
		var created, shard int64
		err := d.reader.QueryRowContext(ctx, "SELECT created, shard FROM runs WHERE id = ?", f.Before).Scan(&created, &shard)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, noRun(f.Before)
		}
		if err != nil {
			return nil, d.Fault("list runs", err)
		}
		if f.Parent != "" {
			query, args = query+" AND shard > ?", append(args, shard)
		} else {
			query, args = query+" AND (created, id) < (?, ?)", append(args, created, f.Before)
		}
	}
	order := "created DESC, id DESC"
	if f.Parent != "" {
		order = "shard, id"
	}
	query, args = query+" ORDER BY "+order+" LIMIT ?", append(args, limit(f.Limit))
	rows, err := d.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, d.Fault("list runs", err)
	}
	defer rows.Close()
	var runs []evaluate.Run
	for rows.Next() {
		r, err := scanRun(rows)
		if err != nil {
			return nil, d.Fault("list runs", err)
		}
		runs = append(runs, r)
	}
	if err := rows.Err(); err != nil {
		return nil, d.Fault("list runs", err)
	}
	return runs, nil
}

func limit(n int) int {
	if n <= 0 {
		return defaultLimit
	}
	return n
}

const outputColumns = `run_id, item_id, repeat, text, finish_reason, prompt_tokens, completion_tokens, cached_tokens, cost, latency, first_token, replayed, error, code, finished, scores`

const saveOutput = `INSERT INTO outputs (` + outputColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (run_id, item_id, repeat) DO UPDATE SET text = excluded.text, finish_reason = excluded.finish_reason,
		prompt_tokens = excluded.prompt_tokens, completion_tokens = excluded.completion_tokens, cached_tokens = excluded.cached_tokens,
		cost = excluded.cost, latency = excluded.latency, first_token = excluded.first_token, replayed = excluded.replayed,
		error = excluded.error, code = excluded.code, finished = excluded.finished, scores = excluded.scores`

// SaveOutputs creates or replaces outputs by (run, item, repeat), all or none. The
// run must be there.
func (d *DB) SaveOutputs(ctx context.Context, outs ...evaluate.Output) error {
	if len(outs) == 0 {
		return nil
	}
	return d.rewrite(ctx, "save outputs", func(tx *transaction) error {
		stmt, err := tx.PrepareContext(ctx, saveOutput)
		if err != nil {
			return err
		}
		defer stmt.Close()
		for _, o := range outs {
			scores, err := column(o.Scores, o.Scores == nil)
			if err != nil {
				return fmt.Errorf("scores of item %s: %w", o.ItemID, err)
			}
			_, err = stmt.ExecContext(ctx, o.RunID, o.ItemID, o.Repeat, o.Text, o.FinishReason, o.Usage.PromptTokens, o.Usage.CompletionTokens, o.Usage.CachedTokens,
				int64(o.Cost), int64(o.Latency), int64(o.FirstToken), o.Replayed, o.Error, o.Code, nanoseconds(o.Finished), scores)
			if d.dialect.Kind(err) == ForeignKey {
				return noRun(o.RunID)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Outputs calls yield for each output of a run as it is when the call begins,
// ordered by item (bytewise) and repeat, until yield returns an error, which it
// returns. yield may call any method.
func (d *DB) Outputs(ctx context.Context, runID string, yield func(evaluate.Output) error) error {
	return d.outputs(ctx, "run_id = ?", []any{runID}, yield)
}

// OutputsAfter is Outputs for those that come behind last in its run (its RunID,
// ItemID and Repeat), so that a page in the middle of a long run is found at once.
func (d *DB) OutputsAfter(ctx context.Context, last evaluate.Output, yield func(evaluate.Output) error) error {
	return d.outputs(ctx, "run_id = ? AND (item_id, repeat) > (?, ?)", []any{last.RunID, last.ItemID, last.Repeat}, yield)
}

// outputs reads those that a condition picks; its first argument is the run's id.
func (d *DB) outputs(ctx context.Context, where string, args []any, yield func(evaluate.Output) error) error {
	act := fmt.Sprint("read outputs of run ", args[0])
	rows, err := d.reader.QueryContext(ctx, "SELECT "+outputColumns+" FROM outputs WHERE "+where+" ORDER BY item_id, repeat", args...)
	if err != nil {
		return d.Fault(act, err)
	}
	defer rows.Close()
	for rows.Next() {
		o, err := scanOutput(rows)
		if err != nil {
			return d.Fault(act, err)
		}
		if err := yield(o); err != nil {
			return err
		}
	}
	return d.Fault(act, rows.Err())
}

func scanOutput(rows *sql.Rows) (evaluate.Output, error) {
	var o evaluate.Output
	var finished int64
	var scores sql.NullString
	err := rows.Scan(&o.RunID, &o.ItemID, &o.Repeat, &o.Text, &o.FinishReason, &o.Usage.PromptTokens, &o.Usage.CompletionTokens, &o.Usage.CachedTokens,
		(*int64)(&o.Cost), (*int64)(&o.Latency), (*int64)(&o.FirstToken), &o.Replayed, &o.Error, &o.Code, &finished, &scores)
	if err != nil {
		return o, err
	}
	o.Finished = fromNanoseconds(finished)
	if scores.Valid {
		if err := json.Unmarshal([]byte(scores.String), &o.Scores); err != nil {
			return o, fmt.Errorf("scores of item %s: %w", o.ItemID, err)
		}
	}
	return o, nil
}
