-- The request log summed up by day (UTC, since 1970), key and model. Totals are added to in the
-- transaction that inserts the records, and stay when records are pruned.

CREATE TABLE request_totals (
	day               BIGINT  NOT NULL,
	key_id            TEXT COLLATE "C" NOT NULL,
	model             TEXT COLLATE "C" NOT NULL,
	requests          BIGINT  NOT NULL,
	errors            BIGINT  NOT NULL,
	cache_hits        BIGINT  NOT NULL,
	prompt_tokens     BIGINT  NOT NULL,
	completion_tokens BIGINT  NOT NULL,
	cached_tokens     BIGINT  NOT NULL,
	cost              BIGINT  NOT NULL,
	billed            BIGINT  NOT NULL,
	latency           BIGINT  NOT NULL, -- of requests without error
	PRIMARY KEY (day, key_id, model)
);

-- How many requests without error had a latency in a bucket; docs/formats/sqlite.md.
CREATE TABLE request_latencies (
	day      BIGINT  NOT NULL,
	key_id   TEXT COLLATE "C" NOT NULL,
	model    TEXT COLLATE "C" NOT NULL,
	bucket   BIGINT  NOT NULL,
	requests BIGINT  NOT NULL,
	PRIMARY KEY (day, key_id, model, bucket)
);

-- What is in the log already. Its latencies are not divided into buckets.
INSERT INTO request_totals (day, key_id, model, requests, errors, cache_hits, prompt_tokens, completion_tokens, cached_tokens, cost, billed, latency)
SELECT time / 86400000000000, key_id, model, count(*), sum(CASE WHEN status >= 400 THEN 1 ELSE 0 END), sum(CASE WHEN cache = 'hit' THEN 1 ELSE 0 END),
	sum(prompt_tokens), sum(completion_tokens), sum(cached_tokens), sum(cost), sum(billed), sum(CASE WHEN status < 400 THEN latency ELSE 0 END)
FROM requests GROUP BY 1, 2, 3;
