-- Keys, what they have used, who is logged in, and what administrators did.

CREATE TABLE access_keys (
	id                  TEXT    NOT NULL PRIMARY KEY,
	name                TEXT    NOT NULL,
	hash                TEXT    NOT NULL UNIQUE,
	scopes              TEXT    NOT NULL, -- JSON
	models              TEXT    NOT NULL, -- JSON
	requests_per_minute INTEGER NOT NULL,
	tokens_per_minute   INTEGER NOT NULL,
	monthly_budget      INTEGER NOT NULL,
	class               TEXT    NOT NULL,
	created             INTEGER NOT NULL,
	expires             INTEGER NOT NULL,
	revoked             INTEGER NOT NULL
) STRICT;

-- One row, whose number grows with every change of a key.
CREATE TABLE access_revision (
	id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
	revision INTEGER NOT NULL
) STRICT;

INSERT INTO access_revision (id, revision) VALUES (1, 0);

-- A replica's share of a limit in one window.
CREATE TABLE access_quotas (
	key_id   TEXT    NOT NULL REFERENCES access_keys (id),
	resource TEXT    NOT NULL,
	began    INTEGER NOT NULL,
	replica  TEXT    NOT NULL,
	share    INTEGER NOT NULL,
	used     INTEGER NOT NULL,
	last     INTEGER NOT NULL,
	expires  INTEGER NOT NULL,
	PRIMARY KEY (key_id, resource, began, replica)
) STRICT, WITHOUT ROWID;

CREATE INDEX access_quotas_by_age ON access_quotas (resource, began);

CREATE TABLE access_sessions (
	hash    TEXT    NOT NULL PRIMARY KEY,
	key_id  TEXT    NOT NULL,
	subject TEXT    NOT NULL,
	scopes  TEXT    NOT NULL, -- JSON
	created INTEGER NOT NULL,
	seen    INTEGER NOT NULL,
	expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX access_sessions_by_end ON access_sessions (expires);

-- Rows are only ever added.
CREATE TABLE access_audit (
	id      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	time    INTEGER NOT NULL,
	actor   TEXT    NOT NULL,
	action  TEXT    NOT NULL,
	subject TEXT    NOT NULL,
	detail  TEXT    NOT NULL
) STRICT;

CREATE INDEX access_audit_by_action ON access_audit (action, id);

CREATE TRIGGER access_audit_stays BEFORE UPDATE ON access_audit
BEGIN
	SELECT RAISE(ABORT, 'the audit trail is only ever added to');
END;

CREATE TRIGGER access_audit_is_kept BEFORE DELETE ON access_audit
BEGIN
	SELECT RAISE(ABORT, 'the audit trail is only ever added to');
END;

-- INSERT OR REPLACE deletes without asking the trigger above.
CREATE TRIGGER access_audit_is_new BEFORE INSERT ON access_audit
WHEN EXISTS (SELECT 1 FROM access_audit WHERE id = NEW.id)
BEGIN
	SELECT RAISE(ABORT, 'the audit trail is only ever added to');
END;
