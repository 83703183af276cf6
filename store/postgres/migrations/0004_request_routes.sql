-- Who served a request, at what price upstream, and what the stages before the model found.

ALTER TABLE requests ADD COLUMN billed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE requests ADD COLUMN release TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN target TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE requests ADD COLUMN cache TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN flags TEXT NOT NULL DEFAULT '';
