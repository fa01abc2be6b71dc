-- +goose Up
-- Duty rosters (Article 8): who is on duty at a state's contact point, and when.
CREATE TABLE shifts (
	id           TEXT COLLATE "C" PRIMARY KEY,
	state        TEXT COLLATE "C" NOT NULL,
	officer      TEXT COLLATE "C" NOT NULL,
	function     TEXT COLLATE "C" NOT NULL,
	from_at      BIGINT NOT NULL,
	until_at     BIGINT NOT NULL,
	set_by       TEXT COLLATE "C" NOT NULL,
	created_at   BIGINT NOT NULL,
	withdrawn_by TEXT COLLATE "C" NOT NULL,
	withdrawn_at BIGINT NOT NULL,
	sealed       BYTEA NOT NULL
);
CREATE INDEX shifts_state ON shifts (state, until_at, id);

-- What goes up in the asked state while nobody acknowledges it.
CREATE INDEX requests_urgent ON requests (to_state, due_at, id) WHERE urgency = 'URGENT' AND status IN ('SENT', 'RECEIVED');
