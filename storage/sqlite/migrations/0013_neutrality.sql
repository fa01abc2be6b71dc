-- +goose Up
-- The latest assessment of a case's predominant character (Article 5), for what
-- is read abroad; all of them; and what recipients of grants object.
ALTER TABLE cases ADD COLUMN assessed_category TEXT NOT NULL DEFAULT '';
ALTER TABLE cases ADD COLUMN assessed_finding TEXT NOT NULL DEFAULT '';
ALTER TABLE cases ADD COLUMN assessed_by TEXT NOT NULL DEFAULT '';

CREATE TABLE assessments (
	id         TEXT PRIMARY KEY,
	case_id    TEXT NOT NULL REFERENCES cases (id),
	state      TEXT NOT NULL,
	officer    TEXT NOT NULL,
	function   TEXT NOT NULL,
	category   TEXT NOT NULL,
	finding    TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	sealed     BLOB NOT NULL
) STRICT;
CREATE INDEX assessments_case ON assessments (case_id, created_at, id);

CREATE TABLE objections (
	id         TEXT PRIMARY KEY,
	grant_id   TEXT NOT NULL REFERENCES grants (id),
	case_id    TEXT NOT NULL REFERENCES cases (id),
	state      TEXT NOT NULL,
	to_state   TEXT NOT NULL,
	officer    TEXT NOT NULL,
	function   TEXT NOT NULL,
	ground     TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	statement  TEXT NOT NULL
) STRICT;
CREATE INDEX objections_grant ON objections (grant_id, created_at, id);
