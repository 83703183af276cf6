-- A run may be one shard of another: parent is that one's id, or empty.
-- shards is how many there are, in both; 0 for a run that is not sharded.

ALTER TABLE runs ADD COLUMN parent TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN shard BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN shards BIGINT NOT NULL DEFAULT 0;

-- Lists are of runs with the same parent, mostly of those that have none.
CREATE INDEX runs_by_parent ON runs (parent, created, id);
CREATE INDEX runs_by_parent_and_dataset ON runs (parent, dataset, created, id);

-- The sums that shards are merged from, and their sum for the whole run.
CREATE TABLE statistics (
	run_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
	body   BYTEA NOT NULL
);
