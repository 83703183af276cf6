package relational

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"stylesprint"
	"stylesprint/access"
)

var (
	_ access.KeyStore     = (*DB)(nil)
	_ access.QuotaStore   = (*DB)(nil)
	_ access.SessionStore = (*DB)(nil)
	_ access.TrailStore   = (*DB)(nil)
)

const keyColumns = `id, name, hash, scopes, models, requests_per_minute, tokens_per_minute, monthly_budget, class, created, expires, revoked`

// CreateKey adds a key with its entry in the trail; an error with code conflict if its id or
// hash is there.
func (d *DB) CreateKey(ctx context.Context, k access.Key, e access.AuditEntry) error {
	models, err := json.Marshal(k.Models)
	scopes, also := json.Marshal(k.Scopes)
	if err := errors.Join(err, also); err != nil {
		return fmt.Errorf("create key %s: %w", k.ID, err)
	}
	return d.write(ctx, "create key "+k.ID, func(tx *transaction) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO access_keys ("+keyColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			k.ID, k.Name, k.Hash, string(scopes), string(models), int64(k.RequestsPerMinute), int64(k.TokensPerMinute), int64(k.MonthlyBudget),
			k.Class, nanoseconds(k.Created), nanoseconds(k.Expires), nanoseconds(k.Revoked))
		if d.dialect.Kind(err) == Unique {
			return &stylesprint.Error{Code: stylesprint.CodeConflict, Message: fmt.Sprintf("there is a key %s already", k.ID), Hint: "stylesprint keys list"}
		}
		if err != nil {
			return err
		}
		return keysChanged(ctx, tx, e)
	})
}

// keysChanged makes every replica read the keys again, and writes down who did it.
func keysChanged(ctx context.Context, tx *transaction, e access.AuditEntry) error {
	if _, err := tx.ExecContext(ctx, "UPDATE access_revision SET revision = revision + 1 WHERE id = 1"); err != nil {
		return err
	}
	return insertAudit(ctx, tx, e)
}

// RevokeKey sets the time of a key's revocation, unless it has one, and returns the key.
func (d *DB) RevokeKey(ctx context.Context, id string, at time.Time, e access.AuditEntry) (access.Key, error) {
	var k access.Key
	err := d.write(ctx, "revoke key "+id, func(tx *transaction) error {
		var err error
		k, err = scanKey(tx.QueryRowContext(ctx, "SELECT "+keyColumns+" FROM access_keys WHERE id = ?"+d.dialect.LockRow, id))
		if errors.Is(err, sql.ErrNoRows) {
			return noKey(id)
		}
		if err != nil || !k.Revoked.IsZero() {
			return err
		}
		k.Revoked = fromNanoseconds(nanoseconds(at))
		if e.Detail == "" {
			e.Detail = k.Name
		}
		if _, err := tx.ExecContext(ctx, "UPDATE access_keys SET revoked = ? WHERE id = ?", nanoseconds(at), id); err != nil {
			return err
		}
		return keysChanged(ctx, tx, e)
	})
	return k, err
}

func noKey(id string) error {
	return &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: fmt.Sprintf("there is no key %q", id), Hint: "stylesprint keys list"}
}

// Keys returns every key, oldest first, with the revision that they are of.
func (d *DB) Keys(ctx context.Context) ([]access.Key, int64, error) {
	const act = "read the keys"
	// The revision first: a change between the two queries is then read twice, never missed.
	revision, err := d.KeyRevision(ctx)
	if err != nil {
		return nil, 0, err
	}
	keys, err := collect(ctx, d.reader, scanKey, "SELECT "+keyColumns+" FROM access_keys ORDER BY created, id")
	return keys, revision, d.Fault(act, err)
}

// KeyRevision is a number that grows with every change of a key.
func (d *DB) KeyRevision(ctx context.Context) (int64, error) {
	var n int64
	err := d.reader.QueryRowContext(ctx, "SELECT revision FROM access_revision WHERE id = 1").Scan(&n)
	return n, d.Fault("read the keys' revision", err)
}

func scanKey(row scanner) (access.Key, error) {
	var k access.Key
	var scopes, models string
	var created, expires, revoked int64
	err := row.Scan(&k.ID, &k.Name, &k.Hash, &scopes, &models, &k.RequestsPerMinute, &k.TokensPerMinute, &k.MonthlyBudget, &k.Class, &created, &expires, &revoked)
	if err != nil {
		return k, err
	}
	k.Created, k.Expires, k.Revoked = fromNanoseconds(created), fromNanoseconds(expires), fromNanoseconds(revoked)
	if err := errors.Join(json.Unmarshal([]byte(models), &k.Models), json.Unmarshal([]byte(scopes), &k.Scopes)); err != nil {
		return k, fmt.Errorf("key %s: %w", k.ID, err)
	}
	return k, nil
}

// KeyUsage sums up by key what was spent in the months that began since a time, and when
// each was used last.
func (d *DB) KeyUsage(ctx context.Context, since time.Time) ([]access.KeyUsage, error) {
	usage, err := collect(ctx, d.reader, func(row scanner) (access.KeyUsage, error) {
		var u access.KeyUsage
		var last int64
		err := row.Scan(&u.KeyID, &u.Spent, &last)
		u.LastUsed = fromNanoseconds(last)
		return u, err
	}, "SELECT key_id, CAST(sum(CASE WHEN began >= ? THEN used ELSE 0 END) AS BIGINT), max(last) FROM access_quotas WHERE resource = ? GROUP BY key_id ORDER BY key_id",
		nanoseconds(since), string(access.Spending))
	return usage, d.Fault("read the use of keys", err)
}

// Lease takes note of what a replica has used and grants shares of limits. It locks the rows
// of the keys, in the order of the claims.
func (d *DB) Lease(ctx context.Context, claims []access.Claim) ([]int64, error) {
	shares := make([]int64, len(claims))
	err := d.write(ctx, "lease shares of limits", func(tx *transaction) error {
		locked := ""
		for i, c := range claims {
			if c.KeyID != locked {
				var id string
				err := tx.QueryRowContext(ctx, "SELECT id FROM access_keys WHERE id = ?"+d.dialect.LockRow, c.KeyID).Scan(&id)
				if errors.Is(err, sql.ErrNoRows) {
					return noKey(c.KeyID)
				}
				if err != nil {
					return err
				}
				locked = c.KeyID
			}
			var err error
			if shares[i], err = lease(ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
	})
	return shares, err
}

func lease(ctx context.Context, tx *transaction, c access.Claim) (int64, error) {
	share := max(c.Want, c.Used)
	if c.Limit > 0 {
		var others int64
		err := tx.QueryRowContext(ctx, `SELECT CAST(coalesce(sum(CASE WHEN expires > ? AND share > used THEN share ELSE used END), 0) AS BIGINT)
			FROM access_quotas WHERE key_id = ? AND resource = ? AND began = ? AND replica <> ?`,
			nanoseconds(c.Now), c.KeyID, string(c.Resource), nanoseconds(c.Window), c.Replica).Scan(&others)
		if err != nil {
			return 0, err
		}
		share = max(c.Used, min(c.Want, c.Limit-others))
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO access_quotas (key_id, resource, began, replica, share, used, last, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (key_id, resource, began, replica) DO UPDATE SET share = excluded.share, used = excluded.used, last = excluded.last, expires = excluded.expires`,
		c.KeyID, string(c.Resource), nanoseconds(c.Window), c.Replica, share, c.Used, nanoseconds(c.Last), nanoseconds(c.Expires))
	return share, err
}

// DropQuotas forgets minutes that began before a time.
func (d *DB) DropQuotas(ctx context.Context, before time.Time) error {
	return d.write(ctx, "drop old shares of limits", func(tx *transaction) error {
		for _, r := range []access.Resource{access.Requests, access.Tokens} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM access_quotas WHERE resource = ? AND began < ?", string(r), nanoseconds(before)); err != nil {
				return err
			}
		}
		return nil
	})
}

const sessionColumns = `hash, key_id, subject, scopes, created, seen, expires`

// CreateSession adds a session.
func (d *DB) CreateSession(ctx context.Context, s access.Session) error {
	scopes, err := json.Marshal(s.Scopes)
	if err != nil {
		return fmt.Errorf("begin a session: %w", err)
	}
	return d.change(ctx, "begin a session", "INSERT INTO access_sessions ("+sessionColumns+") VALUES (?, ?, ?, ?, ?, ?, ?)",
		s.Hash, s.KeyID, s.Subject, string(scopes), nanoseconds(s.Created), nanoseconds(s.Seen), nanoseconds(s.Expires))
}

// Session finds a session by its hash; an error with code not_found if there is none.
func (d *DB) Session(ctx context.Context, hash string) (access.Session, error) {
	var s access.Session
	var scopes string
	var created, seen, expires int64
	err := d.reader.QueryRowContext(ctx, "SELECT "+sessionColumns+" FROM access_sessions WHERE hash = ?", hash).
		Scan(&s.Hash, &s.KeyID, &s.Subject, &scopes, &created, &seen, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return s, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "there is no such session", Hint: "log in"}
	}
	if err == nil {
		err = json.Unmarshal([]byte(scopes), &s.Scopes)
	}
	s.Created, s.Seen, s.Expires = fromNanoseconds(created), fromNanoseconds(seen), fromNanoseconds(expires)
	return s, d.Fault("read a session", err)
}

// TouchSession notes when a session was used.
func (d *DB) TouchSession(ctx context.Context, hash string, seen time.Time) error {
	return d.change(ctx, "note the use of a session", "UPDATE access_sessions SET seen = ? WHERE hash = ?", nanoseconds(seen), hash)
}

// EndSession removes a session, if it is there.
func (d *DB) EndSession(ctx context.Context, hash string) error {
	return d.change(ctx, "end a session", "DELETE FROM access_sessions WHERE hash = ?", hash)
}

// DropSessions removes sessions that expired before now, or were seen last before idle.
func (d *DB) DropSessions(ctx context.Context, now, idle time.Time) error {
	return d.change(ctx, "drop old sessions", "DELETE FROM access_sessions WHERE expires <= ? OR seen <= ?", nanoseconds(now), nanoseconds(idle))
}

// change runs one statement as a transaction.
func (d *DB) change(ctx context.Context, act, statement string, args ...any) error {
	return d.write(ctx, act, func(tx *transaction) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
}

// AppendAudit adds an entry to the trail.
func (d *DB) AppendAudit(ctx context.Context, e access.AuditEntry) error {
	return d.write(ctx, "append to the audit trail", func(tx *transaction) error { return insertAudit(ctx, tx, e) })
}

func insertAudit(ctx context.Context, tx *transaction, e access.AuditEntry) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO access_audit (time, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?)",
		nanoseconds(e.Time), e.Actor, e.Action, e.Subject, e.Detail)
	return err
}

// AuditEntries lists the trail, newest first.
func (d *DB) AuditEntries(ctx context.Context, f access.AuditFilter) ([]access.AuditEntry, error) {
	query, args := "SELECT id, time, actor, action, subject, detail FROM access_audit WHERE true", []any{}
	if f.Before > 0 {
		query, args = query+" AND id < ?", append(args, f.Before)
	}
	if f.Action != "" {
		query, args = query+" AND action = ?", append(args, f.Action)
	}
	entries, err := collect(ctx, d.reader, func(row scanner) (access.AuditEntry, error) {
		var e access.AuditEntry
		var at int64
		err := row.Scan(&e.ID, &at, &e.Actor, &e.Action, &e.Subject, &e.Detail)
		e.Time = fromNanoseconds(at)
		return e, err
	}, query+" ORDER BY id DESC LIMIT ?", slices.Concat(args, []any{limit(f.Limit)})...)
	return entries, d.Fault("read the audit trail", err)
}
