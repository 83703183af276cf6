package relational

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"stylesprint"
)

// AddFeedback stores what somebody said of an answer. An id that is there already is left as
// it is, so that it can be sent again.
func (d *DB) AddFeedback(ctx context.Context, f stylesprint.Feedback) error {
	if f.ID == "" || f.RequestID == "" {
		return errors.New("store feedback: it has no id, or no request's id")
	}
	return d.write(ctx, "store feedback", func(tx *transaction) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO feedback (id, request_id, time, key_id, rating, edited_text, consent, subject)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
			f.ID, f.RequestID, nanoseconds(f.Time), f.KeyID, f.Rating, f.EditedText, f.Consent, f.Subject)
		return err
	})
}

// MadeRequest says whether the request log has a request of a key whose answer bore this id. An id
// that its client chose has "~" and more behind it in the log. No key has made requests without one.
func (d *DB) MadeRequest(ctx context.Context, key, id string) (bool, error) {
	if key == "" || id == "" {
		return false, nil
	}
	var one int64
	err := d.reader.QueryRowContext(ctx, "SELECT 1 FROM requests WHERE key_id = ? AND (id = ? OR id > ? AND id < ?) LIMIT 1",
		key, id, id+"~", id+"~~").Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, d.Fault("look for a request", err)
}

// EraseFeedback deletes what a subject, named by its hash, has said, and returns how much that was.
// An empty subject has said nothing.
func (d *DB) EraseFeedback(ctx context.Context, subject string) (int, error) {
	if subject == "" {
		return 0, nil
	}
	return d.deleteFeedback(ctx, "erase feedback", "DELETE FROM feedback WHERE subject = ?", subject)
}

// ExpireFeedback deletes feedback without consent that was given before a time, and returns
// how much that was.
func (d *DB) ExpireFeedback(ctx context.Context, before time.Time) (int, error) {
	return d.deleteFeedback(ctx, "delete old feedback", "DELETE FROM feedback WHERE time < ? AND NOT consent", nanoseconds(before))
}

func (d *DB) deleteFeedback(ctx context.Context, act, query string, arg any) (int, error) {
	var n int64
	err := d.write(ctx, act, func(tx *transaction) error {
		done, err := tx.ExecContext(ctx, query, arg)
		if err != nil {
			return err
		}
		n, err = done.RowsAffected()
		return err
	})
	return int(n), err
}

// FeedbackExamples calls yield for all feedback with consent, oldest first, and of the same
// moment by id, with what the request log has of each answer. It stops with yield's error.
func (d *DB) FeedbackExamples(ctx context.Context, yield func(stylesprint.FeedbackExample) error) error {
	const act = "read feedback"
	rows, err := d.reader.QueryContext(ctx, `SELECT f.id, f.request_id, f.time, f.key_id, f.rating, f.edited_text, f.consent, f.subject,
		coalesce(r.model, ''), coalesce(r.release, ''), coalesce(b.prompt, ''), coalesce(b.response, '')
		FROM feedback f LEFT JOIN requests r ON r.id = f.request_id LEFT JOIN request_bodies b ON b.request_id = r.id
		WHERE f.consent ORDER BY f.time, f.id`)
	if err != nil {
		return d.Fault(act, err)
	}
	defer rows.Close()
	for rows.Next() {
		var e stylesprint.FeedbackExample
		var at int64
		if err := rows.Scan(&e.ID, &e.RequestID, &at, &e.KeyID, &e.Rating, &e.EditedText, &e.Consent, &e.Subject,
			&e.Model, &e.Release, &e.Prompt, &e.Response); err != nil {
			return d.Fault(act, err)
		}
		e.Time = fromNanoseconds(at)
		if err := yield(e); err != nil {
			return err
		}
	}
	return d.Fault(act, rows.Err())
}
