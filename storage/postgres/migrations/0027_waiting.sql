-- +goose Up
-- By what the openings of a leaf are found, until the sequencer gives the leaf its
-- place and writes them row by row into log_facets: the request waits for one row.
CREATE TABLE facets_waiting (
	leaf_id TEXT COLLATE "C" NOT NULL REFERENCES leaves (id),
	state   TEXT COLLATE "C" NOT NULL, -- the opening's
	at      BIGINT NOT NULL, -- the leaf's
	facets  TEXT[] NOT NULL,
	PRIMARY KEY (leaf_id, state)
);
-- A page of a list has some fifty: rather a long row than one that is packed and unpacked.
ALTER TABLE facets_waiting ALTER facets SET STORAGE EXTERNAL, SET (toast_tuple_target = 8160);

-- They are taken over from there, whose leaf there is.
ALTER TABLE log_facets DROP CONSTRAINT log_facets_leaf_id_fkey;

-- The key of a case lies in its row, and is seen with it.
ALTER TABLE cases ADD COLUMN wrapped_key TEXT NOT NULL DEFAULT '';
UPDATE cases SET wrapped_key = coalesce((SELECT k.wrapped FROM record_keys k WHERE k.record = cases.id AND k.state = cases.state), '');
DELETE FROM record_keys WHERE EXISTS (SELECT 1 FROM cases c WHERE c.id = record_keys.record AND c.state = record_keys.state);
