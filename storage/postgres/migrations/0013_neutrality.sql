-- +goose Up
-- The latest assessment of a case's predominant character (Article 5), for what
-- is read abroad; all of them; and what recipients of grants object.
ALTER TABLE cases ADD COLUMN assessed_category TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE cases ALTER COLUMN assessed_category DROP DEFAULT;
ALTER TABLE cases ADD COLUMN assessed_finding TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE cases ALTER COLUMN assessed_finding DROP DEFAULT;
ALTER TABLE cases ADD COLUMN assessed_by TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE cases ALTER COLUMN assessed_by DROP DEFAULT;

CREATE TABLE assessments (
	id         TEXT COLLATE "C" PRIMARY KEY,
	case_id    TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
	state      TEXT COLLATE "C" NOT NULL,
	officer    TEXT COLLATE "C" NOT NULL,
	function   TEXT COLLATE "C" NOT NULL,
	category   TEXT COLLATE "C" NOT NULL,
	finding    TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL,
	sealed     BYTEA NOT NULL
);
CREATE INDEX assessments_case ON assessments (case_id, created_at, id);

CREATE TABLE objections (
	id         TEXT COLLATE "C" PRIMARY KEY,
	grant_id   TEXT COLLATE "C" NOT NULL REFERENCES grants (id),
	case_id    TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
	state      TEXT COLLATE "C" NOT NULL,
	to_state   TEXT COLLATE "C" NOT NULL,
	officer    TEXT COLLATE "C" NOT NULL,
	function   TEXT COLLATE "C" NOT NULL,
	ground     TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL,
	statement  TEXT COLLATE "C" NOT NULL
);
CREATE INDEX objections_grant ON objections (grant_id, created_at, id);
