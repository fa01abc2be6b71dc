-- +goose Up
-- What states hand each other about records: annotations, referrals, notices and
-- compelled disclosures; and who was shown which version of what.
CREATE TABLE dispatches (
	id          TEXT COLLATE "C" PRIMARY KEY,
	kind        TEXT COLLATE "C" NOT NULL,
	state       TEXT COLLATE "C" NOT NULL,
	to_state    TEXT COLLATE "C" NOT NULL, -- '' of a notice, which has deliveries
	agency      TEXT COLLATE "C" NOT NULL,
	officer     TEXT COLLATE "C" NOT NULL,
	function    TEXT COLLATE "C" NOT NULL,
	case_id     TEXT COLLATE "C" NOT NULL,
	record_id   TEXT COLLATE "C" NOT NULL,
	grant_id    TEXT COLLATE "C" NOT NULL,
	form        TEXT COLLATE "C" NOT NULL,
	category    TEXT COLLATE "C" NOT NULL,
	tlp         TEXT COLLATE "C" NOT NULL,
	pap         TEXT COLLATE "C" NOT NULL,
	handling    TEXT COLLATE "C" NOT NULL,
	status      TEXT COLLATE "C" NOT NULL,
	version     BIGINT NOT NULL,
	through     BIGINT NOT NULL,
	created_at  BIGINT NOT NULL,
	due_at      BIGINT NOT NULL,
	answered_by TEXT COLLATE "C" NOT NULL,
	answered_at BIGINT NOT NULL,
	answer      TEXT COLLATE "C" NOT NULL,
	sealed      BYTEA NOT NULL,
	answered    BYTEA NOT NULL
);
CREATE INDEX dispatches_state ON dispatches (kind, state, created_at, id);
CREATE INDEX dispatches_to ON dispatches (kind, to_state, created_at, id);
CREATE INDEX dispatches_case ON dispatches (case_id, kind, created_at, id);
CREATE INDEX dispatches_record ON dispatches (record_id) WHERE kind = 'NOTICE';

CREATE TABLE deliveries (
	notice       TEXT COLLATE "C" NOT NULL REFERENCES dispatches (id),
	state        TEXT COLLATE "C" NOT NULL, -- whose notice it is
	to_state     TEXT COLLATE "C" NOT NULL,
	status       TEXT COLLATE "C" NOT NULL,
	delivered_at BIGINT NOT NULL,
	due_at       BIGINT NOT NULL,
	answered_by  TEXT COLLATE "C" NOT NULL,
	answered_at  BIGINT NOT NULL,
	answered     BYTEA NOT NULL,
	PRIMARY KEY (notice, to_state)
);
CREATE INDEX deliveries_to ON deliveries (to_state, notice);

CREATE TABLE disclosures (
	record_id TEXT COLLATE "C" NOT NULL,
	officer   TEXT COLLATE "C" NOT NULL,
	version   BIGINT NOT NULL,
	state     TEXT COLLATE "C" NOT NULL, -- the reader's
	agency    TEXT COLLATE "C" NOT NULL,
	origin    TEXT COLLATE "C" NOT NULL,
	case_id   TEXT COLLATE "C" NOT NULL,
	grant_id  TEXT COLLATE "C" NOT NULL,
	at        BIGINT NOT NULL,
	PRIMARY KEY (record_id, officer, version)
);
