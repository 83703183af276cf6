package relational

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"stylesprint"
	"stylesprint/evaluate/review"
)

var _ review.Store = (*DB)(nil)

const taskColumns = `id, name, dataset, dataset_hash, split, candidates, raters, repeats, seed, pairs, same, images, created, closed`

// CreateReview stores a task with its parts, all or none; an error with code
// conflict if there is a task with that id.
func (d *DB) CreateReview(ctx context.Context, s review.Setup) error {
	t := s.Task
	candidates, err := json.Marshal(t.Candidates)
	if err != nil {
		return fmt.Errorf("create review %s: candidates: %w", t.ID, err)
	}
	return d.write(ctx, "create review "+t.ID, func(tx *transaction) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO review_tasks ("+taskColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			t.ID, t.Name, t.Dataset, t.DatasetHash, t.Split, string(candidates), t.Raters, t.Repeats, int64(t.Seed), t.Pairs, t.Same, t.Images, nanoseconds(t.Created), nanoseconds(t.Closed))
		if d.dialect.Kind(err) == Unique {
			return &stylesprint.Error{Code: stylesprint.CodeConflict, Message: fmt.Sprintf("there is a review %s already", t.ID), Hint: "see the reviews with: stylesprint review list"}
		}
		if err != nil {
			return err
		}
		if err := d.insertPairs(ctx, tx, s.Pairs); err != nil {
			return err
		}
		return d.applyChange(ctx, tx, t.ID, review.Change{Raters: s.Raters, Seats: s.Seats, Votes: s.Votes})
	})
}

const pairColumns = `task_id, number, item, first, second, first_of, second_of, hash`

func (d *DB) insertPairs(ctx context.Context, tx *transaction, pairs []review.Pair) error {
	rows := make([][]any, len(pairs))
	for i, p := range pairs {
		item, err := json.Marshal(p.Item)
		if err != nil {
			return fmt.Errorf("item %s: %w", p.Item.ID, err)
		}
		rows[i] = []any{p.TaskID, p.Number, string(item), p.First, p.Second, p.FirstOf, p.SecondOf, p.Hash}
	}
	return d.insert(ctx, tx, "review_pairs", pairColumns, rows)
}

// Reviews lists tasks, newest first; tasks of the same moment by id, downwards.
func (d *DB) Reviews(ctx context.Context, f review.Filter) ([]review.Task, error) {
	const act = "list reviews"
	query, args := "SELECT "+taskColumns+" FROM review_tasks WHERE true", []any{}
	if f.Before != "" {
		var created int64
		err := d.reader.QueryRowContext(ctx, "SELECT created FROM review_tasks WHERE id = ?", f.Before).Scan(&created)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, noReview(f.Before)
		}
		if err != nil {
			return nil, d.Fault(act, err)
		}
		query, args = query+" AND (created, id) < (?, ?)", append(args, created, f.Before)
	}
	tasks, err := collect(ctx, d.reader, scanTask, query+" ORDER BY created DESC, id DESC LIMIT ?", append(args, limit(f.Limit))...)
	return tasks, d.Fault(act, err)
}

func noReview(id string) error {
	return &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: fmt.Sprintf("there is no review %q", id), Hint: "see the reviews with: stylesprint review list"}
}

func scanTask(row scanner) (review.Task, error) {
	var t review.Task
	var candidates string
	var seed, created, closed int64
	err := row.Scan(&t.ID, &t.Name, &t.Dataset, &t.DatasetHash, &t.Split, &candidates, &t.Raters, &t.Repeats, &seed, &t.Pairs, &t.Same, &t.Images, &created, &closed)
	if err != nil {
		return t, err
	}
	t.Seed, t.Created, t.Closed = uint64(seed), fromNanoseconds(created), fromNanoseconds(closed)
	if err := json.Unmarshal([]byte(candidates), &t.Candidates); err != nil {
		return t, fmt.Errorf("candidates: %w", err)
	}
	return t, nil
}

func scanPair(row scanner) (review.Pair, error) {
	var p review.Pair
	var item string
	if err := row.Scan(&p.TaskID, &p.Number, &item, &p.First, &p.Second, &p.FirstOf, &p.SecondOf, &p.Hash); err != nil {
		return p, err
	}
	if err := json.Unmarshal([]byte(item), &p.Item); err != nil {
		return p, fmt.Errorf("item of pair %d: %w", p.Number, err)
	}
	return p, nil
}

const raterColumns = `id, task_id, number, name, model, coalesce(token_hash, ''), created, begun`

func scanRater(row scanner) (review.Rater, error) {
	var r review.Rater
	var created, begun int64
	err := row.Scan(&r.ID, &r.TaskID, &r.Number, &r.Name, &r.Model, &r.TokenHash, &created, &begun)
	r.Created, r.Begun = fromNanoseconds(created), fromNanoseconds(begun)
	return r, err
}

func scanSeat(row scanner) (review.Seat, error) {
	var s review.Seat
	var expires int64
	err := row.Scan(&s.Pair, &s.Seat, &s.Rater, &s.Repeat, &s.LowLeft, &expires)
	s.Expires = fromNanoseconds(expires)
	return s, err
}

const voteColumns = `task_id, pair, hash, rater, model, repeat, choice, first_left, first_marks, second_marks, comment, time, withdraws, from_task`

func scanVote(row scanner) (review.Vote, error) {
	var v review.Vote
	var first, second string
	var at int64
	err := row.Scan(&v.ID, &v.TaskID, &v.Pair, &v.Hash, &v.Rater, &v.Model, &v.Repeat, &v.Choice, &v.FirstLeft, &first, &second, &v.Comment, &at, &v.Withdraws, &v.From)
	if err != nil {
		return v, err
	}
	v.Time = fromNanoseconds(at)
	if v.FirstMarks, err = marksOf(first); err == nil {
		v.SecondMarks, err = marksOf(second)
	}
	if err != nil {
		return v, fmt.Errorf("marks of vote %d: %w", v.ID, err)
	}
	return v, nil
}

// marks are stored as three numbers: a page of a large review reads thousands.
func marks(m review.Marks) string {
	return strconv.Itoa(m.Accuracy) + " " + strconv.Itoa(m.Voice) + " " + strconv.Itoa(m.Inclusiveness)
}

func marksOf(text string) (review.Marks, error) {
	var m review.Marks
	for _, to := range []*int{&m.Accuracy, &m.Voice, &m.Inclusiveness} {
		var word string
		var err error
		word, text, _ = strings.Cut(text, " ")
		if *to, err = strconv.Atoi(word); err != nil {
			return m, err
		}
	}
	if text != "" {
		return m, fmt.Errorf("there is more: %q", text)
	}
	return m, nil
}

// ReviewBook returns what is written of a task, as of one moment; an error with
// code not_found if there is none.
func (d *DB) ReviewBook(ctx context.Context, taskID string) (review.Book, error) {
	act := "read review " + taskID
	tx, err := d.reader.snapshot(ctx)
	if err != nil {
		return review.Book{}, d.Fault(act, err)
	}
	defer tx.Rollback()
	b, err := readBook(ctx, tx, taskID, "")
	return b, d.Fault(act, err)
}

func readBook(ctx context.Context, tx *transaction, taskID, lock string) (review.Book, error) {
	var b review.Book
	tasks, err := collect(ctx, tx, scanTask, "SELECT "+taskColumns+" FROM review_tasks WHERE id = ?"+lock, taskID)
	if err != nil {
		return b, err
	}
	if len(tasks) == 0 {
		return b, noReview(taskID)
	}
	b.Task = tasks[0]
	if b.Raters, err = collect(ctx, tx, scanRater, "SELECT "+raterColumns+" FROM review_raters WHERE task_id = ? ORDER BY number", taskID); err != nil {
		return b, err
	}
	if b.Seats, err = collect(ctx, tx, scanSeat, "SELECT pair, seat, rater, repeat, low_left, expires FROM review_seats WHERE task_id = ? ORDER BY pair, seat", taskID); err != nil {
		return b, err
	}
	b.Votes, err = collect(ctx, tx, scanVote, "SELECT id, "+voteColumns+" FROM review_votes WHERE task_id = ? ORDER BY id", taskID)
	return b, err
}

// ReviewPairs returns pairs by number: those of numbers, or all if it is empty.
func (d *DB) ReviewPairs(ctx context.Context, taskID string, numbers ...int) ([]review.Pair, error) {
	query, args := "SELECT "+pairColumns+" FROM review_pairs WHERE task_id = ?", []any{taskID}
	if len(numbers) > 0 {
		query += " AND number IN (?" + strings.Repeat(", ?", len(numbers)-1) + ")"
		for _, n := range numbers {
			args = append(args, n)
		}
	}
	pairs, err := collect(ctx, d.reader, scanPair, query+" ORDER BY number", args...)
	return pairs, d.Fault("read pairs of review "+taskID, err)
}

// ReviewVotes returns the votes of all tasks on any of the content hashes, by id.
func (d *DB) ReviewVotes(ctx context.Context, hashes []string) ([]review.Vote, error) {
	list, err := json.Marshal(append([]string{}, hashes...)) // of none, [] and not null
	if err != nil {
		return nil, fmt.Errorf("read votes: %w", err)
	}
	votes, err := collect(ctx, d.reader, scanVote, "SELECT id, "+voteColumns+" FROM review_votes WHERE hash IN ("+d.dialect.Elements+") ORDER BY id", string(list))
	return votes, d.Fault("read votes", err)
}

// ReviewRater finds the rater with a token hash; an error with code not_found if there is none.
func (d *DB) ReviewRater(ctx context.Context, tokenHash string) (review.Rater, error) {
	r, err := scanRater(d.reader.QueryRowContext(ctx, "SELECT "+raterColumns+" FROM review_raters WHERE token_hash = ?", tokenHash))
	if errors.Is(err, sql.ErrNoRows) {
		return r, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "there is no rater with this code"}
	}
	return r, d.Fault("find a rater", err)
}

// UpdateReview shows decide the book and writes the change that it returns, all
// or none, with nobody else writing in between: the transaction takes SQLite's
// write lock, or the task's row on Postgres, before it reads.
func (d *DB) UpdateReview(ctx context.Context, taskID string, decide func(review.Book) (review.Change, error)) error {
	var refused error
	err := d.write(ctx, "write to review "+taskID, func(tx *transaction) error {
		b, err := readBook(ctx, tx, taskID, d.dialect.LockRow)
		if err != nil {
			return err
		}
		c, err := decide(b)
		if err != nil {
			refused = err
			return err
		}
		return d.applyChange(ctx, tx, taskID, c)
	})
	if refused != nil {
		return refused
	}
	return err
}

func (d *DB) applyChange(ctx context.Context, tx *transaction, taskID string, c review.Change) error {
	if c.Task != nil {
		if _, err := tx.ExecContext(ctx, "UPDATE review_tasks SET name = ?, closed = ? WHERE id = ?", c.Task.Name, nanoseconds(c.Task.Closed), taskID); err != nil {
			return err
		}
	}
	for _, r := range c.Raters {
		_, err := tx.ExecContext(ctx, `INSERT INTO review_raters (id, task_id, number, name, model, token_hash, created, begun) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, token_hash = excluded.token_hash, begun = excluded.begun`,
			r.ID, taskID, r.Number, r.Name, r.Model, sql.NullString{String: r.TokenHash, Valid: r.TokenHash != ""}, nanoseconds(r.Created), nanoseconds(r.Begun))
		if err != nil {
			return err
		}
	}
	for _, s := range c.Seats {
		_, err := tx.ExecContext(ctx, `INSERT INTO review_seats (task_id, pair, seat, rater, repeat, low_left, expires) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (task_id, pair, seat) DO UPDATE SET rater = excluded.rater, repeat = excluded.repeat, low_left = excluded.low_left, expires = excluded.expires`,
			taskID, s.Pair, s.Seat, s.Rater, s.Repeat, s.LowLeft, nanoseconds(s.Expires))
		if kind := d.dialect.Kind(err); kind == Unique || kind == Check {
			return &stylesprint.Error{Code: stylesprint.CodeConflict, Message: fmt.Sprintf("pair %d of review %s cannot be given to that rater: its seats are taken, or the rater has one", s.Pair, taskID), Err: err}
		}
		if err != nil {
			return err
		}
	}
	for _, v := range c.Votes {
		if err := insertVote(ctx, tx, taskID, v); err != nil {
			return err
		}
	}
	return nil
}

func insertVote(ctx context.Context, tx *transaction, taskID string, v review.Vote) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO review_votes ("+voteColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		taskID, v.Pair, v.Hash, v.Rater, v.Model, v.Repeat, v.Choice, v.FirstLeft, marks(v.FirstMarks), marks(v.SecondMarks), v.Comment, nanoseconds(v.Time), v.Withdraws, v.From)
	return err
}
