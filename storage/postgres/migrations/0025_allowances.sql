-- +goose Up
-- What the officers of an agency may still ask for, of which servers take
-- stretches: in thousandths of a request, as of when, with the servers that asked
-- lately. It need not outlive the database: a full allowance takes its place.
CREATE UNLOGGED TABLE allowances (
	agency     TEXT COLLATE "C" PRIMARY KEY,
	left_milli BIGINT NOT NULL,
	at         BIGINT NOT NULL,
	takers     TEXT COLLATE "C" NOT NULL
);
