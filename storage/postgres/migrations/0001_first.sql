-- +goose Up
-- Ids and keys compare byte-exact (COLLATE "C"), as they do in SQLite. Times are
-- microseconds since 1970 UTC, 0 for none. Columns named sealed hold ciphertext.

CREATE TABLE cases (
	id             TEXT COLLATE "C" PRIMARY KEY,
	state          TEXT COLLATE "C" NOT NULL,
	agency         TEXT COLLATE "C" NOT NULL,
	owner          TEXT COLLATE "C" NOT NULL,
	category       TEXT COLLATE "C" NOT NULL,
	status         TEXT COLLATE "C" NOT NULL,
	tlp            TEXT COLLATE "C" NOT NULL,
	pap            TEXT COLLATE "C" NOT NULL,
	handling       TEXT COLLATE "C" NOT NULL,
	nexus          TEXT COLLATE "C" NOT NULL,
	reserved       BOOLEAN NOT NULL,
	version        BIGINT NOT NULL,
	version_abroad BIGINT NOT NULL,
	created_at     BIGINT NOT NULL,
	updated_at     BIGINT NOT NULL,
	updated_abroad BIGINT NOT NULL,
	sealed         BYTEA NOT NULL
);

-- Who of the own state sees a case: an officer, or an office of the state.
CREATE TABLE assignments (
	case_id     TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
	viewer      TEXT COLLATE "C" NOT NULL,
	assigned_by TEXT COLLATE "C" NOT NULL,
	at          BIGINT NOT NULL,
	PRIMARY KEY (case_id, viewer)
);
CREATE INDEX assignments_viewer ON assignments (viewer, case_id);

CREATE TABLE entries (
	id         TEXT COLLATE "C" PRIMARY KEY,
	case_id    TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
	state      TEXT COLLATE "C" NOT NULL,
	author     TEXT COLLATE "C" NOT NULL,
	tlp        TEXT COLLATE "C" NOT NULL,
	pap        TEXT COLLATE "C" NOT NULL,
	handling   TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL,
	sealed     BYTEA NOT NULL
);
CREATE INDEX entries_case ON entries (case_id, created_at, id);

CREATE TABLE subjects (
	id         TEXT COLLATE "C" PRIMARY KEY,
	case_id    TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
	state      TEXT COLLATE "C" NOT NULL,
	kind       TEXT COLLATE "C" NOT NULL,
	role       TEXT COLLATE "C" NOT NULL,
	minor      BOOLEAN NOT NULL,
	protected  BOOLEAN NOT NULL,
	tlp        TEXT COLLATE "C" NOT NULL,
	pap        TEXT COLLATE "C" NOT NULL,
	handling   TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL,
	sealed     BYTEA NOT NULL
);
CREATE INDEX subjects_case ON subjects (case_id, created_at, id);

CREATE TABLE observables (
	id         TEXT COLLATE "C" PRIMARY KEY,
	case_id    TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
	state      TEXT COLLATE "C" NOT NULL,
	tlp        TEXT COLLATE "C" NOT NULL,
	pap        TEXT COLLATE "C" NOT NULL,
	handling   TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL,
	sealed     BYTEA NOT NULL
);
CREATE INDEX observables_case ON observables (case_id, created_at, id);

CREATE TABLE evidence (
	id             TEXT COLLATE "C" PRIMARY KEY,
	case_id        TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
	state          TEXT COLLATE "C" NOT NULL,
	status         TEXT COLLATE "C" NOT NULL,
	media_type     TEXT COLLATE "C" NOT NULL,
	original       BOOLEAN NOT NULL,
	size           BIGINT NOT NULL,
	header         BYTEA NOT NULL,
	wrapped_key    TEXT COLLATE "C" NOT NULL,
	object_key     TEXT COLLATE "C" NOT NULL,
	upload_id      TEXT COLLATE "C" NOT NULL,
	object_version TEXT COLLATE "C" NOT NULL,
	root           BYTEA NOT NULL,
	plain_sha256   BYTEA NOT NULL,
	parts          BYTEA NOT NULL,
	receipt        TEXT COLLATE "C" NOT NULL,
	begun_by       TEXT COLLATE "C" NOT NULL,
	created_at     BIGINT NOT NULL,
	completed_at   BIGINT NOT NULL,
	sealed         BYTEA NOT NULL
);
CREATE INDEX evidence_case ON evidence (case_id, created_at, id);

CREATE TABLE custody (
	seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id          TEXT COLLATE "C" NOT NULL UNIQUE,
	evidence_id TEXT COLLATE "C" NOT NULL REFERENCES evidence (id),
	kind        TEXT COLLATE "C" NOT NULL,
	actor       TEXT COLLATE "C" NOT NULL,
	function    TEXT COLLATE "C" NOT NULL,
	state       TEXT COLLATE "C" NOT NULL,
	purpose     TEXT COLLATE "C" NOT NULL,
	grant_id    TEXT COLLATE "C" NOT NULL,
	hash        BYTEA NOT NULL,
	act         TEXT COLLATE "C" NOT NULL,
	chain       BYTEA NOT NULL,
	at          BIGINT NOT NULL
);
CREATE INDEX custody_evidence ON custody (evidence_id, seq);

-- The wrapped record key of a record, by the custodian of each state that may
-- unwrap it.
CREATE TABLE record_keys (
	record  TEXT COLLATE "C" NOT NULL,
	state   TEXT COLLATE "C" NOT NULL,
	wrapped TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (record, state)
);

CREATE TABLE requests (
	id           TEXT COLLATE "C" PRIMARY KEY,
	state        TEXT COLLATE "C" NOT NULL,
	agency       TEXT COLLATE "C" NOT NULL,
	officer      TEXT COLLATE "C" NOT NULL,
	to_state     TEXT COLLATE "C" NOT NULL,
	routed_to    TEXT COLLATE "C" NOT NULL,
	kind         TEXT COLLATE "C" NOT NULL,
	urgency      TEXT COLLATE "C" NOT NULL,
	category     TEXT COLLATE "C" NOT NULL,
	purpose      TEXT COLLATE "C" NOT NULL,
	status       TEXT COLLATE "C" NOT NULL,
	ground       TEXT COLLATE "C" NOT NULL,
	tlp          TEXT COLLATE "C" NOT NULL,
	pap          TEXT COLLATE "C" NOT NULL,
	handling     TEXT COLLATE "C" NOT NULL,
	version      BIGINT NOT NULL,
	created_at   BIGINT NOT NULL,
	updated_at   BIGINT NOT NULL,
	due_at       BIGINT NOT NULL,
	postponed_to BIGINT NOT NULL,
	refusal      TEXT COLLATE "C" NOT NULL,
	sealed       BYTEA NOT NULL,
	sealed_to    BYTEA NOT NULL
);
CREATE INDEX requests_state ON requests (state, updated_at, id);
CREATE INDEX requests_officer ON requests (officer, updated_at, id);
CREATE INDEX requests_to ON requests (to_state, updated_at, id);
CREATE INDEX requests_routed ON requests (routed_to, updated_at, id);

CREATE TABLE messages (
	id         TEXT COLLATE "C" PRIMARY KEY,
	request_id TEXT COLLATE "C" NOT NULL REFERENCES requests (id),
	state      TEXT COLLATE "C" NOT NULL,
	author     TEXT COLLATE "C" NOT NULL,
	function   TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL,
	sealed     BYTEA NOT NULL
);
CREATE INDEX messages_request ON messages (request_id, created_at, id);

CREATE TABLE refusals (
	id         TEXT COLLATE "C" PRIMARY KEY,
	request_id TEXT COLLATE "C" NOT NULL REFERENCES requests (id),
	state      TEXT COLLATE "C" NOT NULL,
	ground     TEXT COLLATE "C" NOT NULL,
	statement  TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL
);

CREATE TABLE releases (
	id         TEXT COLLATE "C" PRIMARY KEY,
	case_id    TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
	state      TEXT COLLATE "C" NOT NULL,
	officer    TEXT COLLATE "C" NOT NULL,
	decider    TEXT COLLATE "C" NOT NULL,
	reference  TEXT COLLATE "C" NOT NULL,
	grantee    TEXT COLLATE "C" NOT NULL,
	scope      TEXT COLLATE "C" NOT NULL,
	exhibits   TEXT COLLATE "C" NOT NULL,
	purpose    TEXT COLLATE "C" NOT NULL,
	not_after  BIGINT NOT NULL,
	created_at BIGINT NOT NULL
);
CREATE INDEX releases_case ON releases (case_id, created_at, id);

CREATE TABLE grants (
	id              TEXT COLLATE "C" PRIMARY KEY,
	case_id         TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
	state           TEXT COLLATE "C" NOT NULL,
	liaison         TEXT COLLATE "C" NOT NULL,
	function        TEXT COLLATE "C" NOT NULL,
	viewer          TEXT COLLATE "C" NOT NULL, -- the grantee's visibility key
	grantee_state   TEXT COLLATE "C" NOT NULL,
	grantee_agency  TEXT COLLATE "C" NOT NULL,
	grantee_officer TEXT COLLATE "C" NOT NULL,
	scope           TEXT COLLATE "C" NOT NULL,
	exhibits        TEXT COLLATE "C" NOT NULL,
	grade           TEXT COLLATE "C" NOT NULL,
	assistance      TEXT COLLATE "C" NOT NULL,
	tlp             TEXT COLLATE "C" NOT NULL,
	pap             TEXT COLLATE "C" NOT NULL,
	handling        TEXT COLLATE "C" NOT NULL,
	caveats         TEXT COLLATE "C" NOT NULL,
	purpose         TEXT COLLATE "C" NOT NULL,
	agreement       TEXT COLLATE "C" NOT NULL,
	release_id      TEXT COLLATE "C" NOT NULL,
	request_id      TEXT COLLATE "C" NOT NULL,
	not_before      BIGINT NOT NULL,
	not_after       BIGINT NOT NULL,
	status          TEXT COLLATE "C" NOT NULL,
	was_active      BOOLEAN NOT NULL, -- else the grantee never learns of it
	ended_at        BIGINT NOT NULL,
	version         BIGINT NOT NULL,
	created_at      BIGINT NOT NULL,
	statement       TEXT COLLATE "C" NOT NULL,
	narrowing       TEXT COLLATE "C" NOT NULL
);
CREATE INDEX grants_case ON grants (case_id, created_at, id);
CREATE INDEX grants_case_viewer ON grants (case_id, viewer);
CREATE INDEX grants_state ON grants (state, created_at, id);
CREATE INDEX grants_viewer ON grants (viewer, created_at, id);

-- What can be found by whom: a row for each assignment (grant_id '') and for
-- each active grant of a case that is not reserved. Derived from cases,
-- assignments and grants in the transaction that changes them.
CREATE TABLE visibility (
	viewer      TEXT COLLATE "C" NOT NULL,
	updated_at  BIGINT NOT NULL,
	case_id     TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
	grant_id    TEXT COLLATE "C" NOT NULL,
	valid_from  BIGINT NOT NULL,
	valid_until BIGINT NOT NULL,
	orig_state  TEXT COLLATE "C" NOT NULL,
	orig_agency TEXT COLLATE "C" NOT NULL,
	category    TEXT COLLATE "C" NOT NULL,
	status      TEXT COLLATE "C" NOT NULL,
	via_agency  TEXT COLLATE "C" NOT NULL, -- of a grant to one officer of one agency: '' unless it names both
	purpose     TEXT COLLATE "C" NOT NULL, -- of the grant
	PRIMARY KEY (case_id, viewer, grant_id)
);
CREATE INDEX visibility_viewer ON visibility (viewer, updated_at, case_id)
	INCLUDE (grant_id, valid_from, valid_until, orig_state, orig_agency, category, status, via_agency, purpose);

CREATE TABLE mandates (
	id         TEXT COLLATE "C" PRIMARY KEY,
	state      TEXT COLLATE "C" NOT NULL,
	liaison    TEXT COLLATE "C" NOT NULL,
	given_by   TEXT COLLATE "C" NOT NULL,
	not_before BIGINT NOT NULL,
	not_after  BIGINT NOT NULL,
	ended_at   BIGINT NOT NULL,
	created_at BIGINT NOT NULL
);
CREATE INDEX mandates_state ON mandates (state, created_at, id);
CREATE INDEX mandates_liaison ON mandates (liaison, not_after);

-- The record of acts. idx and chain are the sequencer's.
CREATE TABLE leaves (
	id    TEXT COLLATE "C" PRIMARY KEY,
	hash  BYTEA NOT NULL,
	at    BIGINT NOT NULL,
	idx   BIGINT UNIQUE,
	chain BYTEA,
	CHECK ((idx IS NULL) = (chain IS NULL))
);
CREATE INDEX leaves_waiting ON leaves (at, id) WHERE idx IS NULL;

CREATE TABLE openings (
	leaf_id    TEXT COLLATE "C" NOT NULL REFERENCES leaves (id),
	pos        BIGINT NOT NULL, -- in the order in which the leaf's hash takes them
	state      TEXT COLLATE "C" NOT NULL,
	at         BIGINT NOT NULL, -- the leaf's
	salt       BYTEA NOT NULL,
	content    BYTEA NOT NULL,
	commitment BYTEA NOT NULL,
	PRIMARY KEY (leaf_id, pos)
);
CREATE INDEX openings_state ON openings (state, at, leaf_id);

CREATE TABLE log_head (
	id    BIGINT PRIMARY KEY CHECK (id = 1),
	size  BIGINT NOT NULL,
	chain BYTEA NOT NULL
);
INSERT INTO log_head VALUES (1, 0, decode(repeat('00', 32), 'hex'));

-- Rows to lock, one per state.
CREATE TABLE state_locks (
	state TEXT COLLATE "C" PRIMARY KEY
);

CREATE TABLE nonces (
	jkt     TEXT COLLATE "C" NOT NULL,
	nonce   TEXT COLLATE "C" NOT NULL,
	expires BIGINT NOT NULL,
	PRIMARY KEY (jkt, nonce)
);
CREATE INDEX nonces_expires ON nonces (expires);

CREATE TABLE idempotency (
	issuer     TEXT COLLATE "C" NOT NULL,
	subject    TEXT COLLATE "C" NOT NULL,
	mutation   TEXT COLLATE "C" NOT NULL,
	key        TEXT COLLATE "C" NOT NULL,
	input_hash BYTEA NOT NULL,
	ids        TEXT COLLATE "C" NOT NULL,
	at         BIGINT NOT NULL,
	PRIMARY KEY (issuer, subject, mutation, key)
);

CREATE TABLE effects (
	seq        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	record     TEXT COLLATE "C" NOT NULL,
	kind       TEXT COLLATE "C" NOT NULL,
	state      TEXT COLLATE "C" NOT NULL,
	payload    BYTEA NOT NULL,
	attempts   BIGINT NOT NULL,
	not_before BIGINT NOT NULL
);
CREATE INDEX effects_record ON effects (record, seq);
CREATE INDEX effects_due ON effects (not_before, seq);
