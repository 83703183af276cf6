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
	q        *SQLite
	client   string
	handlers map[string]Handler
	until    time.Time
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
		if err := l.renew(ctx); err != nil {
			l.q.o.Log.Warn("jobs: the lease was not renewed", "error", err.Error())
			continue
		}
		l.reclaim(ctx)
	}
}

// renew extends the lease from now on.
func (l *lease) renew(ctx context.Context) error {
	until := time.Now().Round(0).Add(l.q.o.Lease)
	_, err := l.q.db.ExecContext(ctx, "INSERT INTO worker_leases (client, until) VALUES (?, ?) ON CONFLICT (client) DO UPDATE SET until = excluded.until", l.client, until.UnixNano())
	if err != nil {
		return fmt.Errorf("renew lease: %w", err)
	}
	l.until = until
	return nil
}

func (l *lease) release(ctx context.Context) error {
	if _, err := l.q.db.ExecContext(ctx, "DELETE FROM worker_leases WHERE client = ?", l.client); err != nil {
		return fmt.Errorf("release lease: %w", err)
	}
	return nil
}

// orphans are jobs at work whose process has no lease. River's column lists the clients
// that tried a job, the latest last.
const orphans = `FROM river_job WHERE state = 'running'
	AND coalesce(json_extract(attempted_by, '$[#-1]'), '') NOT IN (SELECT client FROM worker_leases WHERE until > ?)`

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
	now := time.Now().UnixNano()
	var any bool
	if err := l.q.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 "+orphans+")", now).Scan(&any); err != nil || !any {
		return nil, err
	}
	tx, err := l.q.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	lost, err := takeIn(ctx, tx, now)
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return lost, tx.Commit()
}

func takeIn(ctx context.Context, tx *sql.Tx, now int64) ([]Job, error) {
	rows, err := tx.QueryContext(ctx, "SELECT json(args), attempt, max_attempts "+orphans, now)
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
	_, err = tx.ExecContext(ctx, `UPDATE river_job SET
		state = CASE WHEN attempt < max_attempts THEN 'available' ELSE 'discarded' END,
		scheduled_at = CASE WHEN attempt < max_attempts THEN datetime('now', 'subsec') ELSE scheduled_at END,
		finalized_at = CASE WHEN attempt < max_attempts THEN NULL ELSE datetime('now', 'subsec') END
		WHERE id IN (SELECT id `+orphans+`)`, now)
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM worker_leases WHERE until <= ?", now)
	return lost, err
}
