package relational

import (
	"cmp"
	"context"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"time"

	"stylesprint"
)

// totalKey is a row of request_totals.
type totalKey struct {
	day   int64 // since 1970, UTC
	key   string
	model string
}

func (a totalKey) compare(b totalKey) int {
	return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.key, b.key), cmp.Compare(a.model, b.model))
}

// latencyKey is a row of request_latencies.
type latencyKey struct {
	totalKey
	bucket int64
}

func (a latencyKey) compare(b latencyKey) int {
	return cmp.Or(a.totalKey.compare(b.totalKey), cmp.Compare(a.bucket, b.bucket))
}

const nanosecondsOfDay = int64(24 * time.Hour)

// dayOf is the number of a time's day.
func dayOf(t time.Time) int64 {
	n := nanoseconds(t)
	day := n / nanosecondsOfDay
	if n < day*nanosecondsOfDay { // before 1970
		day--
	}
	return day
}

// latencyBucket numbers latencies so that each bucket is at most an eighth wider than its
// lower end: microseconds below 8 one by one, then eight buckets for each power of two.
func latencyBucket(d time.Duration) int64 {
	us := uint64(max(0, (int64(d)+999)/1000)) // rounded up
	if us < 8 {
		return int64(us)
	}
	shift := bits.Len64(us-1) - 4 // us-1 keeps the upper end inside
	if shift < 0 {
		shift = 0
	}
	return int64(shift)*8 + int64((us-1)>>shift) + 1
}

// latencyOf is the upper end of a bucket.
func latencyOf(bucket int64) time.Duration {
	if bucket < 8 {
		return time.Duration(bucket) * time.Microsecond
	}
	b := bucket - 1
	shift := max(0, b/8-1)
	return time.Duration((b-shift*8+1)<<shift) * time.Microsecond
}

const (
	totalColumns = "day, key_id, model, requests, errors, cache_hits, prompt_tokens, completion_tokens, cached_tokens, cost, billed, latency"
	addTotal     = `requests = request_totals.requests + excluded.requests, errors = request_totals.errors + excluded.errors, cache_hits = request_totals.cache_hits + excluded.cache_hits,
		prompt_tokens = request_totals.prompt_tokens + excluded.prompt_tokens, completion_tokens = request_totals.completion_tokens + excluded.completion_tokens,
		cached_tokens = request_totals.cached_tokens + excluded.cached_tokens, cost = request_totals.cost + excluded.cost, billed = request_totals.billed + excluded.billed,
		latency = request_totals.latency + excluded.latency`
	addLatency = "requests = request_latencies.requests + excluded.requests"
)

// addTotals adds records to the totals, in the transaction that inserts them. Only records
// that were not there before may be given. Rows are touched in the order of their key, so
// that two processes never wait for each other.
func (d *DB) addTotals(ctx context.Context, tx *transaction, records []stylesprint.RequestRecord) error {
	sums := map[totalKey]*stylesprint.RequestTotal{}
	latencies := map[latencyKey]int64{}
	for _, r := range records {
		k := totalKey{dayOf(r.Time), r.KeyID, r.Model}
		if sums[k] == nil {
			sums[k] = &stylesprint.RequestTotal{}
		}
		addRecord(sums[k], r)
		if r.Status < 400 {
			latencies[latencyKey{k, latencyBucket(r.Latency)}]++
		}
	}
	var rows [][]any
	for _, k := range slices.SortedFunc(maps.Keys(sums), totalKey.compare) {
		s := sums[k]
		rows = append(rows, []any{k.day, k.key, k.model, s.Requests, s.Errors, s.CacheHits,
			s.Usage.PromptTokens, s.Usage.CompletionTokens, s.Usage.CachedTokens, int64(s.Cost), int64(s.Billed), int64(s.Latency)})
	}
	if err := d.upsert(ctx, tx, "request_totals", totalColumns, "day, key_id, model", addTotal, rows); err != nil {
		return err
	}
	rows = nil
	for _, k := range slices.SortedFunc(maps.Keys(latencies), latencyKey.compare) {
		rows = append(rows, []any{k.day, k.key, k.model, k.bucket, latencies[k]})
	}
	return d.upsert(ctx, tx, "request_latencies", "day, key_id, model, bucket, requests", "day, key_id, model, bucket", addLatency, rows)
}

func addRecord(s *stylesprint.RequestTotal, r stylesprint.RequestRecord) {
	s.Requests++
	if r.Cache == "hit" {
		s.CacheHits++
	}
	s.Usage = s.Usage.Add(r.Usage)
	s.Cost += r.Cost
	s.Billed += r.Billed
	if r.Status >= 400 {
		s.Errors++
		return
	}
	s.Latency += r.Latency
}

// dimensions are the columns that a filter keeps apart, "0" or ” for the others.
func dimensions(f stylesprint.TotalFilter) (columns string, group string) {
	var chosen []string
	pick := func(keep bool, column, otherwise string) string {
		if !keep {
			return otherwise
		}
		chosen = append(chosen, column)
		return column
	}
	columns = strings.Join([]string{pick(f.ByDay, "day", "0"), pick(f.ByKey, "key_id", "''"), pick(f.ByModel, "model", "''")}, ", ")
	return columns, strings.Join(chosen, ", ")
}

func conditions(f stylesprint.TotalFilter) (where string, args []any) {
	where = " WHERE true"
	add := func(condition string, v any) { where, args = where+" AND "+condition, append(args, v) }
	if !f.Since.IsZero() {
		add("day >= ?", dayOf(f.Since))
	}
	if !f.Until.IsZero() {
		add("day <= ?", dayOf(f.Until))
	}
	if f.KeyID != "" {
		add("key_id = ?", f.KeyID)
	}
	if f.Model != "" {
		add("model = ?", f.Model)
	}
	return where, args
}

// RequestTotals sums up the request log, pruned records included: by day, latest first, key
// and model, or by whatever of these the filter keeps apart. Nothing gives no row.
func (d *DB) RequestTotals(ctx context.Context, f stylesprint.TotalFilter) ([]stylesprint.RequestTotal, error) {
	const act = "read the totals of the request log"
	tx, err := d.reader.snapshot(ctx)
	if err != nil {
		return nil, d.Fault(act, err)
	}
	defer tx.Rollback()
	columns, group := dimensions(f)
	where, args := conditions(f)
	by := ""
	if group != "" {
		by = " GROUP BY " + group
	}
	sums, err := collect(ctx, tx, scanTotal, "SELECT "+columns+`, sum(requests), sum(errors), sum(cache_hits), sum(prompt_tokens), sum(completion_tokens), sum(cached_tokens),
		sum(cost), sum(billed), sum(latency) FROM request_totals`+where+by+" HAVING count(*) > 0", args...)
	if err != nil {
		return nil, d.Fault(act, err)
	}
	if group != "" {
		group += ", "
	}
	latencies, err := collect(ctx, tx, scanLatency, "SELECT "+columns+", bucket, sum(requests) FROM request_latencies"+where+" GROUP BY "+group+"bucket ORDER BY bucket", args...)
	if err != nil {
		return nil, d.Fault(act, err)
	}
	counts := map[totalKey][]latencyCount{}
	for _, l := range latencies {
		counts[l.totalKey] = append(counts[l.totalKey], l)
	}
	slices.SortFunc(sums, func(a, b total) int { return cmp.Or(-cmp.Compare(a.day, b.day), a.compare(b.totalKey)) })
	out := make([]stylesprint.RequestTotal, len(sums))
	for i, s := range sums {
		out[i] = s.RequestTotal
		out[i].KeyID, out[i].Model = s.key, s.totalKey.model
		if f.ByDay {
			out[i].Day = time.Unix(0, s.day*nanosecondsOfDay).UTC()
		}
		out[i].P50, out[i].P95 = quantile(counts[s.totalKey], 50), quantile(counts[s.totalKey], 95)
	}
	return out, nil
}

type total struct {
	totalKey
	stylesprint.RequestTotal
}

func scanTotal(row scanner) (total, error) {
	var t total
	r := &t.RequestTotal
	err := row.Scan(&t.day, &t.key, &t.totalKey.model, &r.Requests, &r.Errors, &r.CacheHits, &r.Usage.PromptTokens, &r.Usage.CompletionTokens, &r.Usage.CachedTokens,
		(*int64)(&r.Cost), (*int64)(&r.Billed), (*int64)(&r.Latency))
	return t, err
}

type latencyCount struct {
	latencyKey
	n int64
}

func scanLatency(row scanner) (latencyCount, error) {
	var l latencyCount
	err := row.Scan(&l.day, &l.key, &l.model, &l.bucket, &l.n)
	return l, err
}

// quantile is the upper end of the bucket with the value at rank ceil(n x percent / 100).
func quantile(counts []latencyCount, percent int64) time.Duration {
	n := int64(0)
	for _, c := range counts {
		n += c.n
	}
	rank := (n*percent + 99) / 100
	for _, c := range counts {
		if rank -= c.n; rank <= 0 {
			return latencyOf(c.bucket)
		}
	}
	return 0
}

// PruneRequestBodies deletes the prompts and answers of requests that came before a time,
// and returns how many there were. Records and totals stay. Others may append meanwhile; an
// error may come after part of them has been deleted, and the next call deletes the rest.
func (d *DB) PruneRequestBodies(ctx context.Context, before time.Time) (deleted int64, err error) {
	const batch = 500
	for {
		var n int64
		err := d.write(ctx, "prune bodies of the request log", func(tx *transaction) error {
			done, err := tx.ExecContext(ctx, `DELETE FROM request_bodies WHERE request_id IN
				(SELECT request_id FROM request_bodies JOIN requests ON id = request_id WHERE time < ? LIMIT ?)`, nanoseconds(before), batch)
			if err != nil {
				return err
			}
			n, err = done.RowsAffected()
			return err
		})
		if err != nil {
			return deleted, err
		}
		if deleted += n; n < batch {
			return deleted, nil
		}
	}
}
