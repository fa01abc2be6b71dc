-- +goose Up
-- The officers of each state who were seen here, as their last token said.
CREATE TABLE officers (
	ref      TEXT PRIMARY KEY,
	state    TEXT NOT NULL,
	agency   TEXT NOT NULL,
	role     TEXT NOT NULL,
	function TEXT NOT NULL,
	seen_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX officers_state ON officers (state, ref);

-- Idempotency keys are forgotten when they are old.
CREATE INDEX idempotency_at ON idempotency (at);
