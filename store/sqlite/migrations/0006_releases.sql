-- Releases, what gates found, and who serves which route. Rows are only ever added.

CREATE TABLE releases (
	number      INTEGER NOT NULL PRIMARY KEY,
	hash        TEXT    NOT NULL UNIQUE,
	name        TEXT    NOT NULL,
	targets     TEXT    NOT NULL, -- JSON
	model       TEXT    NOT NULL, -- JSON
	adapter     TEXT    NOT NULL,
	prompt_name TEXT    NOT NULL,
	prompt_hash TEXT    NOT NULL,
	prompt      TEXT    NOT NULL,
	params      TEXT    NOT NULL, -- JSON
	policy      TEXT    NOT NULL, -- JSON
	evidence    TEXT    NOT NULL, -- JSON
	notes       TEXT    NOT NULL,
	created     INTEGER NOT NULL,
	created_by  TEXT    NOT NULL,
	approver    TEXT    NOT NULL
) STRICT;

CREATE TABLE release_verdicts (
	release  INTEGER NOT NULL REFERENCES releases (number),
	number   INTEGER NOT NULL,
	met      INTEGER NOT NULL,
	sentence TEXT    NOT NULL,
	reasons  TEXT    NOT NULL, -- JSON
	runs     TEXT    NOT NULL, -- JSON
	result   TEXT    NOT NULL, -- JSON, or empty
	at       INTEGER NOT NULL,
	by_whom  TEXT    NOT NULL,
	PRIMARY KEY (release, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE release_assignments (
	route    TEXT    NOT NULL,
	number   INTEGER NOT NULL,
	shares   TEXT    NOT NULL, -- JSON
	kind     TEXT    NOT NULL,
	release  TEXT    NOT NULL,
	restores INTEGER NOT NULL,
	forced   INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	by_whom  TEXT    NOT NULL,
	reason   TEXT    NOT NULL,
	PRIMARY KEY (route, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER releases_stay BEFORE UPDATE ON releases
BEGIN
	SELECT RAISE(ABORT, 'releases are only ever added');
END;

CREATE TRIGGER release_verdicts_stay BEFORE UPDATE ON release_verdicts
BEGIN
	SELECT RAISE(ABORT, 'verdicts are only ever added');
END;

CREATE TRIGGER release_assignments_stay BEFORE UPDATE ON release_assignments
BEGIN
	SELECT RAISE(ABORT, 'assignments are only ever added');
END;
