package relational

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"stylesprint"
	"stylesprint/release"
)

var (
	_ release.Store  = (*DB)(nil)
	_ release.Ledger = (*DB)(nil)
)

const releaseColumns = `number, hash, name, targets, model, adapter, prompt_name, prompt_hash, prompt, params, policy, evidence, notes, created, created_by, approver`

// CreateRelease adds a release and numbers it; where one has its hash, that one is
// returned and known is true.
func (d *DB) CreateRelease(ctx context.Context, r release.Release) (made release.Release, known bool, err error) {
	nested, err := encodeAll(r.Targets, r.Model, r.Params, r.Policy, r.Evidence)
	if err != nil {
		return r, false, fmt.Errorf("create release: %w", err)
	}
	insert := func(tx *transaction) error {
		known = false
		made, err = scanRelease(tx.QueryRowContext(ctx, "SELECT "+releaseColumns+" FROM releases WHERE hash = ?", r.Hash))
		if !errors.Is(err, sql.ErrNoRows) {
			known = err == nil
			return err
		}
		made = r
		var last int64
		if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(number), 0) FROM releases").Scan(&last); err != nil {
			return err
		}
		made.Number = int(last) + 1
		made.ID = release.IDOf(made.Number)
		_, err := tx.ExecContext(ctx, "INSERT INTO releases ("+releaseColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			last+1, r.Hash, r.Name, nested[0], nested[1], r.Adapter, r.Prompt.Name, r.Prompt.Hash, r.Prompt.Text, nested[2], nested[3], nested[4],
			r.Notes, nanoseconds(r.Created), r.CreatedBy, r.Approver)
		return err
	}
	const act = "create release"
	for attempt := 1; ; attempt++ { // another process may take the number first
		err := d.write(ctx, act, insert)
		if d.dialect.Kind(err) != Unique || attempt == 10 {
			return made, known, err
		}
	}
}

// encodeAll makes JSON of values.
func encodeAll(values ...any) ([]string, error) {
	out := make([]string, len(values))
	for i, v := range values {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		out[i] = string(b)
	}
	return out, nil
}

func scanRelease(row scanner) (release.Release, error) {
	var r release.Release
	var targets, model, params, policy, evidence string
	var created int64
	err := row.Scan(&r.Number, &r.Hash, &r.Name, &targets, &model, &r.Adapter, &r.Prompt.Name, &r.Prompt.Hash, &r.Prompt.Text, &params, &policy, &evidence,
		&r.Notes, &created, &r.CreatedBy, &r.Approver)
	if err != nil {
		return r, err
	}
	r.ID, r.Created = release.IDOf(r.Number), fromNanoseconds(created)
	for _, f := range []struct {
		text string
		to   any
	}{{targets, &r.Targets}, {model, &r.Model}, {params, &r.Params}, {policy, &r.Policy}, {evidence, &r.Evidence}} {
		if err := json.Unmarshal([]byte(f.text), f.to); err != nil {
			return r, fmt.Errorf("release %s: %w", r.ID, err)
		}
	}
	return r, nil
}

func noRelease(id string) error {
	return &stylesprint.Error{Code: stylesprint.CodeNotFound, Field: "release", Message: fmt.Sprintf("there is no release %q", id), Hint: "see the releases with: stylesprint release list"}
}

// Release returns one release; an error with code not_found if there is none.
func (d *DB) Release(ctx context.Context, id string) (release.Release, error) {
	number, ok := release.NumberOf(id)
	if !ok {
		return release.Release{}, noRelease(id)
	}
	r, err := scanRelease(d.reader.QueryRowContext(ctx, "SELECT "+releaseColumns+" FROM releases WHERE number = ?", int64(number)))
	if errors.Is(err, sql.ErrNoRows) {
		return r, noRelease(id)
	}
	return r, d.Fault("read release "+id, err)
}

// Releases lists releases, newest first.
func (d *DB) Releases(ctx context.Context, f release.Filter) ([]release.Release, error) {
	query, args := "SELECT "+releaseColumns+" FROM releases WHERE true", []any{}
	if f.Before > 0 {
		query, args = query+" AND number < ?", append(args, int64(f.Before))
	}
	out, err := collect(ctx, d.reader, scanRelease, query+" ORDER BY number DESC LIMIT ?", append(args, limit(f.Limit))...)
	return out, d.Fault("list releases", err)
}

// AddVerdict adds what a gate found; an error with code not_found if there is no such release.
func (d *DB) AddVerdict(ctx context.Context, v release.Verdict) error {
	number, ok := release.NumberOf(v.Release)
	if !ok {
		return noRelease(v.Release)
	}
	nested, err := encodeAll(v.Reasons, v.Runs)
	if err != nil {
		return fmt.Errorf("add verdict of %s: %w", v.Release, err)
	}
	return d.write(ctx, "add verdict of "+v.Release, func(tx *transaction) error {
		var last int64
		if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(number), 0) FROM release_verdicts WHERE release = ?", int64(number)).Scan(&last); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO release_verdicts (release, number, met, sentence, reasons, runs, result, at, by_whom) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			int64(number), last+1, v.Met, v.Sentence, nested[0], nested[1], string(v.Result), nanoseconds(v.At), v.By)
		if d.dialect.Kind(err) == ForeignKey {
			return noRelease(v.Release)
		}
		return err
	})
}

func scanVerdict(row scanner) (release.Verdict, error) {
	var v release.Verdict
	var number int
	var reasons, runs, result string
	var at int64
	if err := row.Scan(&number, &v.Met, &v.Sentence, &reasons, &runs, &result, &at, &v.By); err != nil {
		return v, err
	}
	v.Release, v.At = release.IDOf(number), fromNanoseconds(at)
	if result != "" {
		v.Result = json.RawMessage(result)
	}
	return v, errors.Join(json.Unmarshal([]byte(reasons), &v.Reasons), json.Unmarshal([]byte(runs), &v.Runs))
}

// Verdicts lists those of a release, oldest first, or of all releases where id is empty.
func (d *DB) Verdicts(ctx context.Context, id string) ([]release.Verdict, error) {
	query, args := "SELECT release, met, sentence, reasons, runs, result, at, by_whom FROM release_verdicts", []any{}
	if id != "" {
		number, ok := release.NumberOf(id)
		if !ok {
			return nil, nil
		}
		query, args = query+" WHERE release = ?", append(args, int64(number))
	}
	out, err := collect(ctx, d.reader, scanVerdict, query+" ORDER BY release, number", args...)
	return out, d.Fault("list verdicts", err)
}

const assignmentColumns = `route, number, shares, kind, release, restores, forced, at, by_whom, reason`

// Assign adds an assignment; an error with code conflict if the route has one with its number.
func (d *DB) Assign(ctx context.Context, a release.Assignment) error {
	nested, err := encodeAll(a.Shares)
	if err != nil {
		return fmt.Errorf("assign %s: %w", a.Route, err)
	}
	return d.write(ctx, "assign "+a.Route, func(tx *transaction) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO release_assignments ("+assignmentColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			a.Route, int64(a.Number), nested[0], string(a.Kind), a.Release, int64(a.Restores), a.Forced, nanoseconds(a.At), a.By, a.Reason)
		if d.dialect.Kind(err) == Unique {
			return &stylesprint.Error{Code: stylesprint.CodeConflict, Message: fmt.Sprintf("the route %q has an assignment %d already", a.Route, a.Number)}
		}
		return err
	})
}

func scanAssignment(row scanner) (release.Assignment, error) {
	var a release.Assignment
	var shares string
	var at int64
	if err := row.Scan(&a.Route, &a.Number, &shares, &a.Kind, &a.Release, &a.Restores, &a.Forced, &at, &a.By, &a.Reason); err != nil {
		return a, err
	}
	a.At = fromNanoseconds(at)
	return a, json.Unmarshal([]byte(shares), &a.Shares)
}

// Assignments lists those of a route, oldest first, or of all, by route, where it is empty.
func (d *DB) Assignments(ctx context.Context, route string) ([]release.Assignment, error) {
	query, args := "SELECT "+assignmentColumns+" FROM release_assignments", []any{}
	if route != "" {
		query, args = query+" WHERE route = ?", append(args, route)
	}
	out, err := collect(ctx, d.reader, scanAssignment, query+" ORDER BY route, number", args...)
	return out, d.Fault("list assignments", err)
}

// AssignmentRevision grows with every assignment.
func (d *DB) AssignmentRevision(ctx context.Context) (int64, error) {
	var n int64
	err := d.reader.QueryRowContext(ctx, "SELECT count(*) FROM release_assignments").Scan(&n)
	return n, d.Fault("look for assignments", err)
}
