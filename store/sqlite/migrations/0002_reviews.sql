-- Blind human review: tasks, their texts, raters, seats and votes.

CREATE TABLE review_tasks (
	id           TEXT    NOT NULL PRIMARY KEY,
	name         TEXT    NOT NULL,
	dataset      TEXT    NOT NULL,
	dataset_hash TEXT    NOT NULL,
	split        TEXT    NOT NULL,
	candidates   TEXT    NOT NULL, -- JSON; sealed until closed
	raters       INTEGER NOT NULL,
	repeats      REAL    NOT NULL,
	seed         INTEGER NOT NULL, -- the 64 bits of an unsigned number
	pairs        INTEGER NOT NULL,
	same         INTEGER NOT NULL,
	images       TEXT    NOT NULL,
	created      INTEGER NOT NULL,
	closed       INTEGER NOT NULL
) STRICT;

CREATE INDEX review_tasks_by_age ON review_tasks (created, id);

CREATE TABLE review_pairs (
	task_id   TEXT    NOT NULL REFERENCES review_tasks (id) ON DELETE CASCADE,
	number    INTEGER NOT NULL,
	item      TEXT    NOT NULL, -- JSON
	first     TEXT    NOT NULL,
	second    TEXT    NOT NULL,
	first_of  INTEGER NOT NULL,
	second_of INTEGER NOT NULL,
	hash      TEXT    NOT NULL,
	PRIMARY KEY (task_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE review_raters (
	id         TEXT    NOT NULL PRIMARY KEY,
	task_id    TEXT    NOT NULL REFERENCES review_tasks (id) ON DELETE CASCADE,
	number     INTEGER NOT NULL,
	name       TEXT    NOT NULL,
	model      INTEGER NOT NULL,
	token_hash TEXT    UNIQUE, -- NULL for a model
	created    INTEGER NOT NULL,
	begun      INTEGER NOT NULL,
	UNIQUE (task_id, number)
) STRICT;

CREATE TABLE review_seats (
	task_id  TEXT    NOT NULL,
	pair     INTEGER NOT NULL,
	seat     INTEGER NOT NULL CHECK (seat >= 0),
	rater    TEXT    NOT NULL,
	repeat   INTEGER NOT NULL,
	low_left INTEGER NOT NULL,
	expires  INTEGER NOT NULL,
	PRIMARY KEY (task_id, pair, seat),
	UNIQUE (task_id, pair, rater, repeat),
	FOREIGN KEY (task_id, pair) REFERENCES review_pairs (task_id, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- However many ask at once, a pair has as many first judgements as its task has raters.
CREATE TRIGGER review_seats_bound BEFORE INSERT ON review_seats
WHEN NEW.repeat = 0 AND NEW.seat >= (SELECT raters FROM review_tasks WHERE id = NEW.task_id)
BEGIN
	SELECT RAISE(ABORT, 'every seat of the pair is taken');
END;

-- Rows are only ever added.
CREATE TABLE review_votes (
	id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	task_id      TEXT    NOT NULL,
	pair         INTEGER NOT NULL,
	hash         TEXT    NOT NULL,
	rater        TEXT    NOT NULL,
	model        INTEGER NOT NULL,
	repeat       INTEGER NOT NULL,
	choice       TEXT    NOT NULL,
	first_left   INTEGER NOT NULL,
	first_marks  TEXT    NOT NULL, -- "4 3 0": accuracy, brand voice, inclusiveness
	second_marks TEXT    NOT NULL,
	comment      TEXT    NOT NULL,
	time         INTEGER NOT NULL,
	withdraws    INTEGER NOT NULL,
	from_task    TEXT    NOT NULL,
	FOREIGN KEY (task_id, pair) REFERENCES review_pairs (task_id, number) ON DELETE CASCADE
) STRICT;

CREATE INDEX review_votes_by_task ON review_votes (task_id, id);
CREATE INDEX review_votes_by_hash ON review_votes (hash, id);

CREATE TRIGGER review_votes_stay BEFORE UPDATE ON review_votes
BEGIN
	SELECT RAISE(ABORT, 'votes are only ever added');
END;
