-- +goose Up
-- What states hand each other about records: annotations, referrals, notices and
-- compelled disclosures; and who was shown which version of what.
CREATE TABLE dispatches (
	id          TEXT PRIMARY KEY,
	kind        TEXT NOT NULL,
	state       TEXT NOT NULL,
	to_state    TEXT NOT NULL, -- '' of a notice, which has deliveries
	agency      TEXT NOT NULL,
	officer     TEXT NOT NULL,
	function    TEXT NOT NULL,
	case_id     TEXT NOT NULL,
	record_id   TEXT NOT NULL,
	grant_id    TEXT NOT NULL,
	form        TEXT NOT NULL,
	category    TEXT NOT NULL,
	tlp         TEXT NOT NULL,
	pap         TEXT NOT NULL,
	handling    TEXT NOT NULL,
	status      TEXT NOT NULL,
	version     INTEGER NOT NULL,
	through     INTEGER NOT NULL,
	created_at  INTEGER NOT NULL,
	due_at      INTEGER NOT NULL,
	answered_by TEXT NOT NULL,
	answered_at INTEGER NOT NULL,
	answer      TEXT NOT NULL,
	sealed      BLOB NOT NULL,
	answered    BLOB NOT NULL
) STRICT;
CREATE INDEX dispatches_state ON dispatches (kind, state, created_at, id);
CREATE INDEX dispatches_to ON dispatches (kind, to_state, created_at, id);
CREATE INDEX dispatches_case ON dispatches (case_id, kind, created_at, id);
CREATE INDEX dispatches_record ON dispatches (record_id) WHERE kind = 'NOTICE';

CREATE TABLE deliveries (
	notice       TEXT NOT NULL REFERENCES dispatches (id),
	state        TEXT NOT NULL, -- whose notice it is
	to_state     TEXT NOT NULL,
	status       TEXT NOT NULL,
	delivered_at INTEGER NOT NULL,
	due_at       INTEGER NOT NULL,
	answered_by  TEXT NOT NULL,
	answered_at  INTEGER NOT NULL,
	answered     BLOB NOT NULL,
	PRIMARY KEY (notice, to_state)
) STRICT;
CREATE INDEX deliveries_to ON deliveries (to_state, notice);

CREATE TABLE disclosures (
	record_id TEXT NOT NULL,
	officer   TEXT NOT NULL,
	version   INTEGER NOT NULL,
	state     TEXT NOT NULL, -- the reader's
	agency    TEXT NOT NULL,
	origin    TEXT NOT NULL,
	case_id   TEXT NOT NULL,
	grant_id  TEXT NOT NULL,
	at        INTEGER NOT NULL,
	PRIMARY KEY (record_id, officer, version)
) STRICT;
