-- +goose Up
-- What a state keeps to itself: categories that it reserved, holds on its cases,
-- and withdrawals of cases.
CREATE TABLE reservations (
	id         TEXT COLLATE "C" PRIMARY KEY,
	state      TEXT COLLATE "C" NOT NULL,
	category   TEXT COLLATE "C" NOT NULL,
	officer    TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL,
	lifted_at  BIGINT NOT NULL,
	sealed     BYTEA NOT NULL
);
CREATE INDEX reservations_state ON reservations (state, created_at, id);
-- A category is reserved once at a time.
CREATE UNIQUE INDEX reservations_category ON reservations (state, category) WHERE lifted_at = 0;

CREATE TABLE holds (
	id          TEXT COLLATE "C" PRIMARY KEY,
	case_id     TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
	state       TEXT COLLATE "C" NOT NULL,
	officer     TEXT COLLATE "C" NOT NULL,
	request_id  TEXT COLLATE "C" NOT NULL, -- of another state, that it preserves the case for
	not_after   BIGINT NOT NULL,
	created_at  BIGINT NOT NULL,
	released_by TEXT COLLATE "C" NOT NULL,
	released_at BIGINT NOT NULL,
	sealed      BYTEA NOT NULL
);
CREATE INDEX holds_state ON holds (state, created_at, id);
CREATE INDEX holds_case ON holds (case_id, created_at, id);
CREATE INDEX holds_request ON holds (request_id);

CREATE TABLE withdrawals (
	id          TEXT COLLATE "C" PRIMARY KEY,
	case_id     TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
	state       TEXT COLLATE "C" NOT NULL,
	proposed_by TEXT COLLATE "C" NOT NULL,
	approved_by TEXT COLLATE "C" NOT NULL,
	due_at      BIGINT NOT NULL,
	status      TEXT COLLATE "C" NOT NULL,
	ended_by    TEXT COLLATE "C" NOT NULL,
	ended_at    BIGINT NOT NULL,
	created_at  BIGINT NOT NULL,
	sealed      BYTEA NOT NULL
);
CREATE INDEX withdrawals_state ON withdrawals (state, created_at, id);
-- A case is being withdrawn once at a time.
CREATE UNIQUE INDEX withdrawals_case ON withdrawals (case_id) WHERE status = 'PENDING';

-- The running grants of a category's cases.
CREATE INDEX cases_category ON cases (state, category);
