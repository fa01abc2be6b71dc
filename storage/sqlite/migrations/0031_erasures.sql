-- +goose Up
-- A state erases its own openings of the record of acts: salt and content are gone,
-- the commitment stays, and the leaf that says so is named.
ALTER TABLE openings ADD COLUMN erased_by TEXT NOT NULL DEFAULT '';

-- What two officers of the authority decided to erase, and how far it came.
CREATE TABLE erasures (
	id          TEXT PRIMARY KEY,
	state       TEXT NOT NULL,
	before_at   INTEGER NOT NULL,
	status      TEXT NOT NULL,
	proposed_by TEXT NOT NULL,
	approved_by TEXT NOT NULL,
	created_at  INTEGER NOT NULL,
	done_at     INTEGER NOT NULL,
	erased      INTEGER NOT NULL,
	kept        INTEGER NOT NULL,
	past_at     INTEGER NOT NULL, -- the last opening that was looked at
	past_id     TEXT NOT NULL,
	sealed      BLOB NOT NULL
) STRICT;
CREATE INDEX erasures_state ON erasures (state, created_at, id);
