-- Releases, what gates found, and who serves which route. Rows are only ever added.

CREATE TABLE releases (
	number      BIGINT  NOT NULL PRIMARY KEY,
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
	created     BIGINT  NOT NULL,
	created_by  TEXT    NOT NULL,
	approver    TEXT    NOT NULL
);

CREATE TABLE release_verdicts (
	release  BIGINT  NOT NULL REFERENCES releases (number),
	number   BIGINT  NOT NULL,
	met      BOOLEAN NOT NULL,
	sentence TEXT    NOT NULL,
	reasons  TEXT    NOT NULL, -- JSON
	runs     TEXT    NOT NULL, -- JSON
	result   TEXT    NOT NULL, -- JSON, or empty
	at       BIGINT  NOT NULL,
	by_whom  TEXT    NOT NULL,
	PRIMARY KEY (release, number)
);

CREATE TABLE release_assignments (
	route    TEXT COLLATE "C" NOT NULL,
	number   BIGINT  NOT NULL,
	shares   TEXT    NOT NULL, -- JSON
	kind     TEXT    NOT NULL,
	release  TEXT    NOT NULL,
	restores BIGINT  NOT NULL,
	forced   BOOLEAN NOT NULL,
	at       BIGINT  NOT NULL,
	by_whom  TEXT    NOT NULL,
	reason   TEXT    NOT NULL,
	PRIMARY KEY (route, number)
);

CREATE FUNCTION releases_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END
$$;

CREATE TRIGGER releases_stay BEFORE UPDATE ON releases FOR EACH ROW EXECUTE FUNCTION releases_stay();
CREATE TRIGGER release_verdicts_stay BEFORE UPDATE ON release_verdicts FOR EACH ROW EXECUTE FUNCTION releases_stay();
CREATE TRIGGER release_assignments_stay BEFORE UPDATE ON release_assignments FOR EACH ROW EXECUTE FUNCTION releases_stay();
