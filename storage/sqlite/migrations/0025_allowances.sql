-- +goose Up
-- What the officers of an agency may still ask for, of which servers take
-- stretches: in thousandths of a request, as of when, with the servers that asked
-- lately. It need not outlive the database: a full allowance takes its place.
CREATE TABLE allowances (
	agency     TEXT PRIMARY KEY,
	left_milli INTEGER NOT NULL,
	at         INTEGER NOT NULL,
	takers     TEXT NOT NULL
);
