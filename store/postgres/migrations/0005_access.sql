-- Keys, what they have used, who is logged in, and what administrators did.

CREATE TABLE access_keys (
	id                  TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
	name                TEXT   NOT NULL,
	hash                TEXT   COLLATE "C" NOT NULL UNIQUE,
	scopes              TEXT   NOT NULL, -- JSON
	models              TEXT   NOT NULL, -- JSON
	requests_per_minute BIGINT NOT NULL,
	tokens_per_minute   BIGINT NOT NULL,
	monthly_budget      BIGINT NOT NULL,
	class               TEXT   NOT NULL,
	created             BIGINT NOT NULL,
	expires             BIGINT NOT NULL,
	revoked             BIGINT NOT NULL
);

-- One row, whose number grows with every change of a key.
CREATE TABLE access_revision (
	id       BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
	revision BIGINT NOT NULL
);

INSERT INTO access_revision (id, revision) VALUES (1, 0);

-- A replica's share of a limit in one window.
CREATE TABLE access_quotas (
	key_id   TEXT   COLLATE "C" NOT NULL REFERENCES access_keys (id),
	resource TEXT   COLLATE "C" NOT NULL,
	began    BIGINT NOT NULL,
	replica  TEXT   COLLATE "C" NOT NULL,
	share    BIGINT NOT NULL,
	used     BIGINT NOT NULL,
	last     BIGINT NOT NULL,
	expires  BIGINT NOT NULL,
	PRIMARY KEY (key_id, resource, began, replica)
);

CREATE INDEX access_quotas_by_age ON access_quotas (resource, began);

CREATE TABLE access_sessions (
	hash    TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
	key_id  TEXT   NOT NULL,
	subject TEXT   NOT NULL,
	scopes  TEXT   NOT NULL, -- JSON
	created BIGINT NOT NULL,
	seen    BIGINT NOT NULL,
	expires BIGINT NOT NULL
);

CREATE INDEX access_sessions_by_end ON access_sessions (expires);

-- Rows are only ever added.
CREATE TABLE access_audit (
	id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	time    BIGINT NOT NULL,
	actor   TEXT   NOT NULL,
	action  TEXT   COLLATE "C" NOT NULL,
	subject TEXT   NOT NULL,
	detail  TEXT   NOT NULL
);

CREATE INDEX access_audit_by_action ON access_audit (action, id);

CREATE FUNCTION access_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'the audit trail is only ever added to' USING ERRCODE = 'check_violation';
END
$$;

CREATE TRIGGER access_audit_stays BEFORE UPDATE OR DELETE ON access_audit
FOR EACH ROW EXECUTE FUNCTION access_audit_refuse();

CREATE TRIGGER access_audit_is_kept BEFORE TRUNCATE ON access_audit
FOR EACH STATEMENT EXECUTE FUNCTION access_audit_refuse();
