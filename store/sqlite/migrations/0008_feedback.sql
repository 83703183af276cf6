-- What people say of answers. subject is a keyed hash.

CREATE TABLE feedback (
	id          TEXT    NOT NULL PRIMARY KEY,
	request_id  TEXT    NOT NULL,
	time        INTEGER NOT NULL,
	key_id      TEXT    NOT NULL,
	rating      INTEGER NOT NULL,
	edited_text TEXT    NOT NULL,
	consent     INTEGER NOT NULL,
	subject     TEXT    NOT NULL
) STRICT;

CREATE INDEX feedback_by_time ON feedback (time, id);
CREATE INDEX feedback_by_subject ON feedback (subject);
