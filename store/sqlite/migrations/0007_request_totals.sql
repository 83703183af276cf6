-- The request log summed up by day (UTC, since 1970), key and model. Totals are added to in the
-- transaction that inserts the records, and stay when records are pruned.

CREATE TABLE request_totals (
	day               INTEGER NOT NULL,
	key_id            TEXT    NOT NULL,
	model             TEXT    NOT NULL,
	requests          INTEGER NOT NULL,
	errors            INTEGER NOT NULL,
	cache_hits        INTEGER NOT NULL,
	prompt_tokens     INTEGER NOT NULL,
	completion_tokens INTEGER NOT NULL,
	cached_tokens     INTEGER NOT NULL,
	cost              INTEGER NOT NULL,
	billed            INTEGER NOT NULL,
	latency           INTEGER NOT NULL, -- of requests without error
	PRIMARY KEY (day, key_id, model)
) STRICT, WITHOUT ROWID;

-- How many requests without error had a latency in a bucket; docs/formats/sqlite.md.
CREATE TABLE request_latencies (
	day      INTEGER NOT NULL,
	key_id   TEXT    NOT NULL,
	model    TEXT    NOT NULL,
	bucket   INTEGER NOT NULL,
	requests INTEGER NOT NULL,
	PRIMARY KEY (day, key_id, model, bucket)
) STRICT, WITHOUT ROWID;

-- What is in the log already. Its latencies are not divided into buckets.
INSERT INTO request_totals (day, key_id, model, requests, errors, cache_hits, prompt_tokens, completion_tokens, cached_tokens, cost, billed, latency)
SELECT time / 86400000000000, key_id, model, count(*), sum(CASE WHEN status >= 400 THEN 1 ELSE 0 END), sum(CASE WHEN cache = 'hit' THEN 1 ELSE 0 END),
	sum(prompt_tokens), sum(completion_tokens), sum(cached_tokens), sum(cost), sum(billed), sum(CASE WHEN status < 400 THEN latency ELSE 0 END)
FROM requests GROUP BY 1, 2, 3;
