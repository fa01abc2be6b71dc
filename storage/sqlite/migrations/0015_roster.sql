-- +goose Up
-- Duty rosters (Article 8): who is on duty at a state's contact point, and when.
CREATE TABLE shifts (
	id           TEXT PRIMARY KEY,
	state        TEXT NOT NULL,
	officer      TEXT NOT NULL,
	function     TEXT NOT NULL,
	from_at      INTEGER NOT NULL,
	until_at     INTEGER NOT NULL,
	set_by       TEXT NOT NULL,
	created_at   INTEGER NOT NULL,
	withdrawn_by TEXT NOT NULL,
	withdrawn_at INTEGER NOT NULL,
	sealed       BLOB NOT NULL
) STRICT;
CREATE INDEX shifts_state ON shifts (state, until_at, id);

-- What goes up in the asked state while nobody acknowledges it.
CREATE INDEX requests_urgent ON requests (to_state, due_at, id) WHERE urgency = 'URGENT' AND status IN ('SENT', 'RECEIVED');
