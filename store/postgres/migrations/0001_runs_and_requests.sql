-- Times are nanoseconds since 1970 UTC, 0 for "none". Durations are nanoseconds.
-- Money is billionths of a currency unit. docs/formats/sqlite.md explains each column.
-- Texts that order lists or join tables are compared by their bytes, as SQLite does.

CREATE TABLE runs (
	id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	dataset        TEXT COLLATE "C" NOT NULL,
	dataset_hash   TEXT    NOT NULL,
	split          TEXT    NOT NULL,
	candidate      TEXT    NOT NULL, -- JSON
	repeat         BIGINT  NOT NULL,
	status         TEXT    NOT NULL,
	error          TEXT    NOT NULL,
	created        BIGINT  NOT NULL,
	finished       BIGINT  NOT NULL,
	total          BIGINT  NOT NULL,
	done           BIGINT  NOT NULL,
	failed         BIGINT  NOT NULL,
	repeated_calls BIGINT  NOT NULL,
	concurrency    BIGINT  NOT NULL,
	machine        TEXT    NOT NULL,
	scores         TEXT              -- JSON, NULL for none
);

CREATE TABLE outputs (
	run_id            TEXT COLLATE "C" NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
	item_id           TEXT COLLATE "C" NOT NULL,
	repeat            BIGINT  NOT NULL,
	text              TEXT    NOT NULL,
	finish_reason     TEXT    NOT NULL,
	prompt_tokens     BIGINT  NOT NULL,
	completion_tokens BIGINT  NOT NULL,
	cached_tokens     BIGINT  NOT NULL,
	cost              BIGINT  NOT NULL,
	latency           BIGINT  NOT NULL,
	first_token       BIGINT  NOT NULL,
	replayed          BOOLEAN NOT NULL,
	error             TEXT    NOT NULL,
	code              TEXT    NOT NULL,
	finished          BIGINT  NOT NULL,
	scores            TEXT,             -- JSON, NULL for none
	PRIMARY KEY (run_id, item_id, repeat)
);

-- A partition a day (UTC), made by the program ahead of time or when a record of another
-- day comes; dropping one forgets its day at once and leaves nothing to clean up. A key of a
-- partitioned table contains what divides it: a record that is sent again has the same time.
CREATE TABLE requests (
	id                TEXT COLLATE "C" NOT NULL CHECK (id <> ''),
	time              BIGINT  NOT NULL,
	route             TEXT    NOT NULL,
	model             TEXT COLLATE "C" NOT NULL,
	key_id            TEXT    NOT NULL,
	status            BIGINT  NOT NULL,
	code              TEXT    NOT NULL,
	stream            BOOLEAN NOT NULL,
	prompt_tokens     BIGINT  NOT NULL,
	completion_tokens BIGINT  NOT NULL,
	cached_tokens     BIGINT  NOT NULL,
	cost              BIGINT  NOT NULL,
	latency           BIGINT  NOT NULL,
	first_token       BIGINT  NOT NULL,
	PRIMARY KEY (id, time)
) PARTITION BY RANGE (time);

CREATE INDEX requests_by_time ON requests (time, id);
CREATE INDEX requests_by_model ON requests (model, time, id);

-- Apart from the metadata, so that summaries do not read them and that they can be
-- deleted without it; with partitions of the same days.
CREATE TABLE request_bodies (
	request_id   TEXT COLLATE "C" NOT NULL,
	request_time BIGINT NOT NULL, -- the record's
	prompt       TEXT NOT NULL,
	response     TEXT NOT NULL,
	PRIMARY KEY (request_id, request_time)
) PARTITION BY RANGE (request_time);
