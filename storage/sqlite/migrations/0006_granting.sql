-- +goose Up
-- What takes two officers waits here for the second.
CREATE TABLE proposals (
	id         TEXT PRIMARY KEY,
	state      TEXT NOT NULL,
	act        TEXT NOT NULL,
	kind       TEXT NOT NULL, -- of the statement that is proposed
	role       TEXT NOT NULL, -- whose act it is
	record_id  TEXT NOT NULL,
	target_id  TEXT NOT NULL,
	officer    TEXT NOT NULL,
	function   TEXT NOT NULL,
	status     TEXT NOT NULL,
	decided_by TEXT NOT NULL,
	decided_at INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	lapses_at  INTEGER NOT NULL,
	sealed     BLOB NOT NULL,
	declined   BLOB NOT NULL
) STRICT;
CREATE INDEX proposals_waiting ON proposals (state, role, created_at, id);

-- Who approved a grant, for whom its liaison acted, and whether it was made in
-- danger to life. Every insert names these columns.
ALTER TABLE grants ADD COLUMN second TEXT NOT NULL DEFAULT '';
ALTER TABLE grants ADD COLUMN acting_for TEXT NOT NULL DEFAULT '';
ALTER TABLE grants ADD COLUMN emergency INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN confirmation TEXT NOT NULL DEFAULT '';

ALTER TABLE mandates ADD COLUMN deputies TEXT NOT NULL DEFAULT '[]';
ALTER TABLE mandates ADD COLUMN ceiling TEXT NOT NULL DEFAULT '{}';

ALTER TABLE releases ADD COLUMN withdrawn_by TEXT NOT NULL DEFAULT '';
ALTER TABLE releases ADD COLUMN withdrawn_at INTEGER NOT NULL DEFAULT 0;
