-- Times are nanoseconds since 1970 UTC, 0 for "none". Durations are nanoseconds.
-- Money is billionths of a currency unit. docs/formats/sqlite.md explains each column.

CREATE TABLE runs (
	id             TEXT    NOT NULL PRIMARY KEY,
	dataset        TEXT    NOT NULL,
	dataset_hash   TEXT    NOT NULL,
	split          TEXT    NOT NULL,
	candidate      TEXT    NOT NULL, -- JSON
	repeat         INTEGER NOT NULL,
	status         TEXT    NOT NULL,
	error          TEXT    NOT NULL,
	created        INTEGER NOT NULL,
	finished       INTEGER NOT NULL,
	total          INTEGER NOT NULL,
	done           INTEGER NOT NULL,
	failed         INTEGER NOT NULL,
	repeated_calls INTEGER NOT NULL,
	concurrency    INTEGER NOT NULL,
	machine        TEXT    NOT NULL,
	scores         TEXT              -- JSON, NULL for none
) STRICT;

CREATE INDEX runs_by_age ON runs (created, id);
CREATE INDEX runs_by_dataset ON runs (dataset, created, id);

-- Clustered by its key: outputs are read run by run, in this order.
CREATE TABLE outputs (
	run_id            TEXT    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
	item_id           TEXT    NOT NULL,
	repeat            INTEGER NOT NULL,
	text              TEXT    NOT NULL,
	finish_reason     TEXT    NOT NULL,
	prompt_tokens     INTEGER NOT NULL,
	completion_tokens INTEGER NOT NULL,
	cached_tokens     INTEGER NOT NULL,
	cost              INTEGER NOT NULL,
	latency           INTEGER NOT NULL,
	first_token       INTEGER NOT NULL,
	replayed          INTEGER NOT NULL,
	error             TEXT    NOT NULL,
	code              TEXT    NOT NULL,
	finished          INTEGER NOT NULL,
	scores            TEXT,             -- JSON, NULL for none
	PRIMARY KEY (run_id, item_id, repeat)
) STRICT, WITHOUT ROWID;

CREATE TABLE requests (
	id                TEXT    NOT NULL PRIMARY KEY,
	time              INTEGER NOT NULL,
	route             TEXT    NOT NULL,
	model             TEXT    NOT NULL,
	key_id            TEXT    NOT NULL,
	status            INTEGER NOT NULL,
	code              TEXT    NOT NULL,
	stream            INTEGER NOT NULL,
	prompt_tokens     INTEGER NOT NULL,
	completion_tokens INTEGER NOT NULL,
	cached_tokens     INTEGER NOT NULL,
	cost              INTEGER NOT NULL,
	latency           INTEGER NOT NULL,
	first_token       INTEGER NOT NULL
) STRICT;

CREATE INDEX requests_by_time ON requests (time, id);
CREATE INDEX requests_by_model ON requests (model, time, id);

-- Apart from the metadata, so that summaries do not read them and that they can be
-- deleted without it.
CREATE TABLE request_bodies (
	request_id TEXT NOT NULL PRIMARY KEY REFERENCES requests (id) ON DELETE CASCADE,
	prompt     TEXT NOT NULL,
	response   TEXT NOT NULL
) STRICT;
