-- What people say of answers. subject is a keyed hash.

CREATE TABLE feedback (
	id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	request_id  TEXT COLLATE "C" NOT NULL,
	time        BIGINT  NOT NULL,
	key_id      TEXT    NOT NULL,
	rating      BIGINT  NOT NULL,
	edited_text TEXT    NOT NULL,
	consent     BOOLEAN NOT NULL,
	subject     TEXT    NOT NULL
);

CREATE INDEX feedback_by_time ON feedback (time, id);
CREATE INDEX feedback_by_subject ON feedback (subject);
