-- +goose Up
-- What takes two officers waits here for the second.
CREATE TABLE proposals (
	id         TEXT COLLATE "C" PRIMARY KEY,
	state      TEXT COLLATE "C" NOT NULL,
	act        TEXT COLLATE "C" NOT NULL,
	kind       TEXT COLLATE "C" NOT NULL, -- of the statement that is proposed
	role       TEXT COLLATE "C" NOT NULL, -- whose act it is
	record_id  TEXT COLLATE "C" NOT NULL,
	target_id  TEXT COLLATE "C" NOT NULL,
	officer    TEXT COLLATE "C" NOT NULL,
	function   TEXT COLLATE "C" NOT NULL,
	status     TEXT COLLATE "C" NOT NULL,
	decided_by TEXT COLLATE "C" NOT NULL,
	decided_at BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	lapses_at  BIGINT NOT NULL,
	sealed     BYTEA NOT NULL,
	declined   BYTEA NOT NULL
);
CREATE INDEX proposals_waiting ON proposals (state, role, created_at, id);

-- Who approved a grant, for whom its liaison acted, and whether it was made in
-- danger to life. The defaults are for the rows that there are, and go again.
ALTER TABLE grants ADD COLUMN second TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE grants ALTER COLUMN second DROP DEFAULT;
ALTER TABLE grants ADD COLUMN acting_for TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE grants ALTER COLUMN acting_for DROP DEFAULT;
ALTER TABLE grants ADD COLUMN emergency BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE grants ALTER COLUMN emergency DROP DEFAULT;
ALTER TABLE grants ADD COLUMN confirmation TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE grants ALTER COLUMN confirmation DROP DEFAULT;

ALTER TABLE mandates ADD COLUMN deputies TEXT COLLATE "C" NOT NULL DEFAULT '[]';
ALTER TABLE mandates ALTER COLUMN deputies DROP DEFAULT;
ALTER TABLE mandates ADD COLUMN ceiling TEXT COLLATE "C" NOT NULL DEFAULT '{}';
ALTER TABLE mandates ALTER COLUMN ceiling DROP DEFAULT;

ALTER TABLE releases ADD COLUMN withdrawn_by TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE releases ALTER COLUMN withdrawn_by DROP DEFAULT;
ALTER TABLE releases ADD COLUMN withdrawn_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE releases ALTER COLUMN withdrawn_at DROP DEFAULT;
