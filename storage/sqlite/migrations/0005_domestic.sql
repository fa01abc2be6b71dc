-- +goose Up
-- What a state keeps to itself: categories that it reserved, holds on its cases,
-- and withdrawals of cases.
CREATE TABLE reservations (
	id         TEXT PRIMARY KEY,
	state      TEXT NOT NULL,
	category   TEXT NOT NULL,
	officer    TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	lifted_at  INTEGER NOT NULL,
	sealed     BLOB NOT NULL
) STRICT;
CREATE INDEX reservations_state ON reservations (state, created_at, id);
-- A category is reserved once at a time.
CREATE UNIQUE INDEX reservations_category ON reservations (state, category) WHERE lifted_at = 0;

CREATE TABLE holds (
	id          TEXT PRIMARY KEY,
	case_id     TEXT NOT NULL REFERENCES cases (id),
	state       TEXT NOT NULL,
	officer     TEXT NOT NULL,
	request_id  TEXT NOT NULL, -- of another state, that it preserves the case for
	not_after   INTEGER NOT NULL,
	created_at  INTEGER NOT NULL,
	released_by TEXT NOT NULL,
	released_at INTEGER NOT NULL,
	sealed      BLOB NOT NULL
) STRICT;
CREATE INDEX holds_state ON holds (state, created_at, id);
CREATE INDEX holds_case ON holds (case_id, created_at, id);
CREATE INDEX holds_request ON holds (request_id);

CREATE TABLE withdrawals (
	id          TEXT PRIMARY KEY,
	case_id     TEXT NOT NULL REFERENCES cases (id),
	state       TEXT NOT NULL,
	proposed_by TEXT NOT NULL,
	approved_by TEXT NOT NULL,
	due_at      INTEGER NOT NULL,
	status      TEXT NOT NULL,
	ended_by    TEXT NOT NULL,
	ended_at    INTEGER NOT NULL,
	created_at  INTEGER NOT NULL,
	sealed      BLOB NOT NULL
) STRICT;
CREATE INDEX withdrawals_state ON withdrawals (state, created_at, id);
-- A case is being withdrawn once at a time.
CREATE UNIQUE INDEX withdrawals_case ON withdrawals (case_id) WHERE status = 'PENDING';

-- The running grants of a category's cases.
CREATE INDEX cases_category ON cases (state, category);
