-- +goose Up
-- By what the openings of a leaf are found, until the sequencer gives the leaf its
-- place and writes them row by row into log_facets: the request waits for one row.
CREATE TABLE facets_waiting (
	leaf_id TEXT NOT NULL REFERENCES leaves (id),
	state   TEXT NOT NULL, -- the opening's
	at      INTEGER NOT NULL, -- the leaf's
	facets  TEXT NOT NULL, -- a JSON array
	PRIMARY KEY (leaf_id, state)
) STRICT, WITHOUT ROWID;

-- They are taken over from there, whose leaf there is.
ALTER TABLE log_facets RENAME TO log_facets_before;
CREATE TABLE log_facets (
	state   TEXT NOT NULL, -- the opening's
	facet   TEXT NOT NULL,
	at      INTEGER NOT NULL, -- the leaf's
	leaf_id TEXT NOT NULL,
	PRIMARY KEY (state, facet, at, leaf_id)
) STRICT, WITHOUT ROWID;
INSERT INTO log_facets SELECT state, facet, at, leaf_id FROM log_facets_before;
DROP TABLE log_facets_before;

-- What PostgreSQL has behind row-level security.
CREATE VIEW seen_assignments AS SELECT case_id, viewer FROM assignments;

-- The key of a case lies in its row, and is seen with it.
ALTER TABLE cases ADD COLUMN wrapped_key TEXT NOT NULL DEFAULT '';
UPDATE cases SET wrapped_key = coalesce((SELECT k.wrapped FROM record_keys k WHERE k.record = cases.id AND k.state = cases.state), '');
DELETE FROM record_keys WHERE EXISTS (SELECT 1 FROM cases c WHERE c.id = record_keys.record AND c.state = record_keys.state);
