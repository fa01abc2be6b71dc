-- +goose Up
-- A state erases its own openings of the record of acts: salt and content are gone,
-- the commitment stays, and the leaf that says so is named.
ALTER TABLE openings ADD COLUMN erased_by TEXT COLLATE "C" NOT NULL DEFAULT '';

-- What two officers of the authority decided to erase, and how far it came.
CREATE TABLE erasures (
	id          TEXT COLLATE "C" PRIMARY KEY,
	state       TEXT COLLATE "C" NOT NULL,
	before_at   BIGINT NOT NULL,
	status      TEXT COLLATE "C" NOT NULL,
	proposed_by TEXT COLLATE "C" NOT NULL,
	approved_by TEXT COLLATE "C" NOT NULL,
	created_at  BIGINT NOT NULL,
	done_at     BIGINT NOT NULL,
	erased      BIGINT NOT NULL,
	kept        BIGINT NOT NULL,
	past_at     BIGINT NOT NULL, -- the last opening that was looked at
	past_id     TEXT COLLATE "C" NOT NULL,
	sealed      BYTEA NOT NULL
);
CREATE INDEX erasures_state ON erasures (state, created_at, id);
