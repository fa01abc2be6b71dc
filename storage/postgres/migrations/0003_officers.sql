-- +goose Up
-- The officers of each state who were seen here, as their last token said.
CREATE TABLE officers (
	ref      TEXT COLLATE "C" PRIMARY KEY,
	state    TEXT COLLATE "C" NOT NULL,
	agency   TEXT COLLATE "C" NOT NULL,
	role     TEXT COLLATE "C" NOT NULL,
	function TEXT COLLATE "C" NOT NULL,
	seen_at  BIGINT NOT NULL
);
CREATE INDEX officers_state ON officers (state, ref);

-- Idempotency keys are forgotten when they are old.
CREATE INDEX idempotency_at ON idempotency (at);
