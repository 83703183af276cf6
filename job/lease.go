package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"stylesprint"
)

// lease is what this process shows others to say that it is alive.
type lease struct {
	q        *core
	client   string
	handlers map[string]Handler
	until    time.Time
	away     bool // the database was, for a while
	stopping atomic.Bool
}

// hold renews the lease and looks after jobs of processes that did not, until ctx
// ends or, if asked, no job is left.
func (l *lease) hold(ctx context.Context, untilEmpty bool) error {
	every := l.q.o.Lease / 4
	if untilEmpty {
		every = min(every, l.q.o.Poll)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if untilEmpty {
			if s, err := l.q.Status(ctx); err == nil && s.Left() == 0 {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if time.Now().Round(0).After(l.until) { // without the monotonic clock, which stands still while a machine sleeps
			return errLease
		}
		if err := l.renew(ctx); errors.Is(err, errLease) {
			return err
		} else if err != nil {
			if ctx.Err() == nil {
				l.q.o.Log.Warn("jobs: the lease was not renewed", "error", err.Error())
				l.away = l.away || l.q.isLost(err)
			}
			continue
		}
		if l.away { // what River wanted to note meanwhile may be lost: leave it to the next lease
			return errLease
		}
		l.reclaim(ctx)
	}
}

// begin takes a lease from now on.
func (l *lease) begin(ctx context.Context) error {
	until := time.Now().Round(0).Add(l.q.o.Lease)
	if _, err := l.q.db.ExecContext(ctx, l.q.sql.begin, l.client, int64(l.q.o.Lease)); err != nil {
		return fmt.Errorf("take lease: %w", err)
	}
	l.until = until
	return nil
}

// renew extends the lease from now on; errLease if it has run out.
func (l *lease) renew(ctx context.Context) error {
	until := time.Now().Round(0).Add(l.q.o.Lease)
	done, err := l.q.db.ExecContext(ctx, l.q.sql.renew, int64(l.q.o.Lease), l.client)
	if err != nil {
		return fmt.Errorf("renew lease: %w", err)
	}
	if n, err := done.RowsAffected(); err == nil && n == 0 {
		return errLease
	}
	l.until = until
	return nil
}

func (l *lease) release(ctx context.Context) error {
	if _, err := l.q.db.ExecContext(ctx, l.q.sql.release, l.client); err != nil {
		return fmt.Errorf("release lease: %w", err)
	}
	return nil
}

// reclaim makes the jobs of dead processes available again, or gives those up that
// have had their attempts: a job that kills its process would do so for ever.
func (l *lease) reclaim(ctx context.Context) {
	lost, err := l.take(ctx)
	if err != nil && ctx.Err() == nil {
		l.q.o.Log.Warn("jobs: looking for lost jobs failed", "error", err.Error())
	}
	for _, j := range lost {
		if j.Attempt < j.MaxAttempts {
			l.q.o.Log.Warn("jobs: the process at work on it is gone; it is handed out again", "key", j.Key, "attempt", j.Attempt)
			continue
		}
		why := &stylesprint.Error{Code: stylesprint.CodeInternal, Message: fmt.Sprintf("the process at work on %s was killed %d times", j.Key, j.Attempt), Hint: "look for what ends it: too little memory, perhaps"}
		l.q.o.Log.Warn("jobs: given up", "key", j.Key, "error", why.Error())
		if h := l.handlers[j.Kind]; h.GaveUp != nil {
			h.GaveUp(ctx, j, why)
		}
	}
}

// take does so in one transaction, and returns the jobs.
func (l *lease) take(ctx context.Context) ([]Job, error) {
	var any bool
	if err := l.q.db.QueryRowContext(ctx, l.q.sql.lost).Scan(&any); err != nil || !any {
		return nil, err
	}
	tx, err := l.q.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	lost, err := l.takeIn(ctx, tx)
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return lost, tx.Commit()
}

func (l *lease) takeIn(ctx context.Context, tx *sql.Tx) ([]Job, error) {
	rows, err := tx.QueryContext(ctx, l.q.sql.take)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var lost []Job
	for rows.Next() {
		var text []byte
		var j Job
		if err := rows.Scan(&text, &j.Attempt, &j.MaxAttempts); err != nil {
			return nil, err
		}
		var a args
		if err := json.Unmarshal(text, &a); err != nil {
			return nil, err
		}
		j.Kind, j.Key, j.Payload = a.JobKind, a.Key, a.Payload
		lost = append(lost, j)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, l.q.sql.forget)
	return lost, err
}
