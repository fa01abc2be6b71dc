CREATE TABLE allowances (
	agency     TEXT PRIMARY KEY,
	left_milli INTEGER NOT NULL,
	at         INTEGER NOT NULL,
	takers     TEXT NOT NULL
);
CREATE TRIGGER assessments_of_case_inserted BEFORE INSERT ON assessments
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'assessments_of_case'); END;
CREATE TRIGGER assessments_of_case_updated BEFORE UPDATE OF case_id, state ON assessments
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'assessments_of_case'); END;
CREATE TABLE assessments (
	id         TEXT PRIMARY KEY,
	case_id    TEXT NOT NULL REFERENCES cases (id),
	state      TEXT NOT NULL,
	officer    TEXT NOT NULL,
	function   TEXT NOT NULL,
	category   TEXT NOT NULL,
	finding    TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	sealed     BLOB NOT NULL
) STRICT;
CREATE INDEX assessments_case ON assessments (case_id, created_at, id);
CREATE TABLE assignments (
	case_id     TEXT NOT NULL REFERENCES cases (id),
	viewer      TEXT NOT NULL,
	assigned_by TEXT NOT NULL,
	at          INTEGER NOT NULL,
	PRIMARY KEY (case_id, viewer)
) STRICT;
CREATE INDEX assignments_viewer ON assignments (viewer, case_id);
CREATE TRIGGER cases_keep_state BEFORE UPDATE OF id, state ON cases WHEN NEW.id <> OLD.id OR NEW.state <> OLD.state
BEGIN SELECT RAISE(ABORT, 'cases_keep_state'); END;
CREATE TABLE cases (
	id             TEXT PRIMARY KEY,
	state          TEXT NOT NULL,
	agency         TEXT NOT NULL,
	owner          TEXT NOT NULL,
	category       TEXT NOT NULL,
	status         TEXT NOT NULL,
	tlp            TEXT NOT NULL,
	pap            TEXT NOT NULL,
	handling       TEXT NOT NULL,
	nexus          TEXT NOT NULL,
	reserved       INTEGER NOT NULL,
	version        INTEGER NOT NULL,
	version_abroad INTEGER NOT NULL,
	created_at     INTEGER NOT NULL,
	updated_at     INTEGER NOT NULL,
	updated_abroad INTEGER NOT NULL,
	sealed         BLOB NOT NULL
, listed_abroad INTEGER NOT NULL DEFAULT 0, assessed_category TEXT NOT NULL DEFAULT '', assessed_finding TEXT NOT NULL DEFAULT '', assessed_by TEXT NOT NULL DEFAULT '', wrapped_key TEXT NOT NULL DEFAULT '') STRICT;
CREATE INDEX cases_category ON cases (state, category);
CREATE INDEX cases_shown ON cases (id, state, reserved);
CREATE VIEW commitments AS SELECT id AS leaf_id, commitments FROM leaves;
CREATE TABLE custody (
	seq         INTEGER PRIMARY KEY AUTOINCREMENT,
	id          TEXT NOT NULL UNIQUE,
	evidence_id TEXT NOT NULL REFERENCES evidence (id),
	kind        TEXT NOT NULL,
	actor       TEXT NOT NULL,
	function    TEXT NOT NULL,
	state       TEXT NOT NULL,
	purpose     TEXT NOT NULL,
	grant_id    TEXT NOT NULL,
	hash        BLOB NOT NULL,
	act         TEXT NOT NULL,
	chain       BLOB NOT NULL,
	at          INTEGER NOT NULL
) STRICT;
CREATE INDEX custody_evidence ON custody (evidence_id, seq);
CREATE TRIGGER deliveries_of_notice_inserted BEFORE INSERT ON deliveries
WHEN NOT EXISTS (SELECT 1 FROM dispatches d WHERE d.id = NEW.notice AND d.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'deliveries_of_notice'); END;
CREATE TRIGGER deliveries_of_notice_updated BEFORE UPDATE OF notice, state ON deliveries
WHEN NOT EXISTS (SELECT 1 FROM dispatches d WHERE d.id = NEW.notice AND d.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'deliveries_of_notice'); END;
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
CREATE INDEX deliveries_clock ON deliveries (due_at) WHERE status = 'OPEN';
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
CREATE TRIGGER dispatches_keep_state BEFORE UPDATE OF id, state ON dispatches
WHEN (NEW.id <> OLD.id OR NEW.state <> OLD.state) AND EXISTS (SELECT 1 FROM deliveries y WHERE y.notice = OLD.id)
BEGIN SELECT RAISE(ABORT, 'dispatches_keep_state'); END;
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
CREATE INDEX dispatches_case ON dispatches (case_id, kind, created_at, id);
CREATE INDEX dispatches_clock ON dispatches (due_at) WHERE status = 'OPEN';
CREATE INDEX dispatches_record ON dispatches (record_id) WHERE kind = 'NOTICE';
CREATE INDEX dispatches_state ON dispatches (kind, state, created_at, id);
CREATE INDEX dispatches_to ON dispatches (kind, to_state, created_at, id);
CREATE TABLE effects (
	seq        INTEGER PRIMARY KEY AUTOINCREMENT,
	record     TEXT NOT NULL,
	kind       TEXT NOT NULL,
	state      TEXT NOT NULL,
	payload    BLOB NOT NULL,
	attempts   INTEGER NOT NULL,
	not_before INTEGER NOT NULL
) STRICT;
CREATE INDEX effects_due ON effects (not_before, seq);
CREATE INDEX effects_record ON effects (record, seq);
CREATE TRIGGER entries_of_case_inserted BEFORE INSERT ON entries
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'entries_of_case'); END;
CREATE TRIGGER entries_of_case_updated BEFORE UPDATE OF case_id, state ON entries
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'entries_of_case'); END;
CREATE TABLE entries (
	id         TEXT PRIMARY KEY,
	case_id    TEXT NOT NULL REFERENCES cases (id),
	state      TEXT NOT NULL,
	author     TEXT NOT NULL,
	tlp        TEXT NOT NULL,
	pap        TEXT NOT NULL,
	handling   TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	sealed     BLOB NOT NULL
) STRICT;
CREATE INDEX entries_case ON entries (case_id, created_at, id);
CREATE TABLE erasures (
	id          TEXT PRIMARY KEY,
	state       TEXT NOT NULL,
	before_at   INTEGER NOT NULL,
	status      TEXT NOT NULL,
	proposed_by TEXT NOT NULL,
	approved_by TEXT NOT NULL,
	created_at  INTEGER NOT NULL,
	done_at     INTEGER NOT NULL,
	erased      INTEGER NOT NULL,
	kept        INTEGER NOT NULL,
	past_at     INTEGER NOT NULL, -- the last opening that was looked at
	past_id     TEXT NOT NULL,
	sealed      BLOB NOT NULL
) STRICT;
CREATE INDEX erasures_state ON erasures (state, created_at, id);
CREATE TABLE event_head (
	id        INTEGER PRIMARY KEY CHECK (id = 1),
	seq       INTEGER NOT NULL,
	forgotten INTEGER NOT NULL,
	swept_at  INTEGER NOT NULL
) STRICT;
CREATE TABLE events (
	id         TEXT PRIMARY KEY,
	seq        INTEGER UNIQUE,
	at         INTEGER NOT NULL,
	state      TEXT NOT NULL, -- that is told; '' for those whom the case is granted to
	kind       TEXT NOT NULL,
	record_id  TEXT NOT NULL,
	message_id TEXT NOT NULL,
	case_id    TEXT NOT NULL,
	listed     INTEGER NOT NULL
) STRICT;
CREATE INDEX events_waiting ON events (at, id) WHERE seq IS NULL;
CREATE TRIGGER evidence_of_case_inserted BEFORE INSERT ON evidence
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'evidence_of_case'); END;
CREATE TRIGGER evidence_of_case_updated BEFORE UPDATE OF case_id, state ON evidence
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'evidence_of_case'); END;
CREATE TABLE evidence (
	id             TEXT PRIMARY KEY,
	case_id        TEXT NOT NULL REFERENCES cases (id),
	state          TEXT NOT NULL,
	status         TEXT NOT NULL,
	media_type     TEXT NOT NULL,
	original       INTEGER NOT NULL,
	size           INTEGER NOT NULL,
	header         BLOB NOT NULL,
	wrapped_key    TEXT NOT NULL,
	object_key     TEXT NOT NULL,
	upload_id      TEXT NOT NULL,
	object_version TEXT NOT NULL,
	root           BLOB NOT NULL,
	plain_sha256   BLOB NOT NULL,
	parts          BLOB NOT NULL,
	receipt        TEXT NOT NULL,
	begun_by       TEXT NOT NULL,
	created_at     INTEGER NOT NULL,
	completed_at   INTEGER NOT NULL,
	sealed         BLOB NOT NULL
) STRICT;
CREATE INDEX evidence_case ON evidence (case_id, created_at, id);
CREATE TABLE facets_waiting (
	leaf_id TEXT NOT NULL REFERENCES leaves (id),
	state   TEXT NOT NULL, -- the opening's
	at      INTEGER NOT NULL, -- the leaf's
	facets  TEXT NOT NULL, -- a JSON array
	PRIMARY KEY (leaf_id, state)
) STRICT, WITHOUT ROWID;
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
CREATE VIEW granted AS SELECT id, case_id, state, grantee_state, tlp, pap, handling, statement FROM grants WHERE was_active;
CREATE TRIGGER grants_of_case_inserted BEFORE INSERT ON grants
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'grants_of_case'); END;
CREATE TRIGGER grants_of_case_updated BEFORE UPDATE OF case_id, state ON grants
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'grants_of_case'); END;
CREATE TABLE grants (
	id              TEXT PRIMARY KEY,
	case_id         TEXT NOT NULL REFERENCES cases (id),
	state           TEXT NOT NULL,
	liaison         TEXT NOT NULL,
	function        TEXT NOT NULL,
	viewer          TEXT NOT NULL, -- the grantee's visibility key
	grantee_state   TEXT NOT NULL,
	grantee_agency  TEXT NOT NULL,
	grantee_officer TEXT NOT NULL,
	scope           TEXT NOT NULL,
	exhibits        TEXT NOT NULL,
	grade           TEXT NOT NULL,
	assistance      TEXT NOT NULL,
	tlp             TEXT NOT NULL,
	pap             TEXT NOT NULL,
	handling        TEXT NOT NULL,
	caveats         TEXT NOT NULL,
	purpose         TEXT NOT NULL,
	agreement       TEXT NOT NULL,
	release_id      TEXT NOT NULL,
	request_id      TEXT NOT NULL,
	not_before      INTEGER NOT NULL,
	not_after       INTEGER NOT NULL,
	status          TEXT NOT NULL,
	was_active      INTEGER NOT NULL, -- else the grantee never learns of it
	ended_at        INTEGER NOT NULL,
	version         INTEGER NOT NULL,
	created_at      INTEGER NOT NULL,
	statement       TEXT NOT NULL,
	narrowing       TEXT NOT NULL
, agreement_hash TEXT NOT NULL DEFAULT '', second TEXT NOT NULL DEFAULT '', acting_for TEXT NOT NULL DEFAULT '', emergency INTEGER NOT NULL DEFAULT 0, confirmation TEXT NOT NULL DEFAULT '', subjects TEXT NOT NULL DEFAULT '[]', standing_id TEXT NOT NULL DEFAULT '') STRICT;
CREATE INDEX grants_case ON grants (case_id, created_at, id);
CREATE INDEX grants_case_viewer ON grants (case_id, viewer);
CREATE INDEX grants_clock ON grants (not_after) WHERE status = 'ACTIVE';
CREATE INDEX grants_contribution ON grants (release_id) WHERE standing_id <> '';
CREATE INDEX grants_standing ON grants (standing_id) WHERE standing_id <> '';
CREATE INDEX grants_state ON grants (state, created_at, id);
CREATE INDEX grants_viewer ON grants (viewer, created_at, id);
CREATE TRIGGER holds_of_case_inserted BEFORE INSERT ON holds
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'holds_of_case'); END;
CREATE TRIGGER holds_of_case_updated BEFORE UPDATE OF case_id, state ON holds
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'holds_of_case'); END;
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
CREATE INDEX holds_case ON holds (case_id, created_at, id);
CREATE INDEX holds_clock ON holds (not_after) WHERE released_at = 0;
CREATE INDEX holds_request ON holds (request_id);
CREATE INDEX holds_state ON holds (state, created_at, id);
CREATE TABLE idempotency (
	issuer     TEXT NOT NULL,
	subject    TEXT NOT NULL,
	mutation   TEXT NOT NULL,
	key        TEXT NOT NULL,
	input_hash BLOB NOT NULL,
	ids        TEXT NOT NULL,
	at         INTEGER NOT NULL,
	PRIMARY KEY (issuer, subject, mutation, key)
) STRICT;
CREATE INDEX idempotency_at ON idempotency (at);
CREATE TRIGGER leaves_kept BEFORE DELETE ON leaves BEGIN SELECT RAISE(ABORT, 'a leaf stays'); END;
CREATE TRIGGER leaves_unchanged BEFORE UPDATE ON leaves WHEN OLD.idx IS NOT NULL OR (NEW.id, NEW.hash, NEW.at, NEW.commitments) <> (OLD.id, OLD.hash, OLD.at, OLD.commitments)
	BEGIN SELECT RAISE(ABORT, 'a leaf never changes, nor its place'); END;
CREATE TABLE leaves (
	id    TEXT PRIMARY KEY,
	hash  BLOB NOT NULL,
	at    INTEGER NOT NULL,
	idx   INTEGER UNIQUE, commitments BLOB NOT NULL DEFAULT x'') STRICT;
CREATE INDEX leaves_waiting ON leaves (at, id) WHERE idx IS NULL;
CREATE TABLE log_checkpoints (
	size   INTEGER PRIMARY KEY, -- of the tree
	root   BLOB NOT NULL,
	signed BLOB NOT NULL, -- a note, C2SP signed-note
	at     INTEGER NOT NULL
) STRICT;
CREATE TABLE log_facets (
	state   TEXT NOT NULL, -- the opening's
	facet   TEXT NOT NULL,
	at      INTEGER NOT NULL, -- the leaf's
	leaf_id TEXT NOT NULL,
	PRIMARY KEY (state, facet, at, leaf_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE log_head (
	id    INTEGER PRIMARY KEY CHECK (id = 1),
	size  INTEGER NOT NULL, root BLOB NOT NULL DEFAULT x'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' CHECK (length(root) = 32), edge BLOB NOT NULL DEFAULT x'') STRICT;
CREATE TRIGGER log_tiles_kept BEFORE DELETE ON log_tiles BEGIN SELECT RAISE(ABORT, 'a tile of the log stays'); END;
CREATE TRIGGER log_tiles_unchanged BEFORE UPDATE ON log_tiles BEGIN SELECT RAISE(ABORT, 'a tile of the log never changes'); END;
CREATE TABLE log_tiles (
	level  INTEGER NOT NULL,
	idx    INTEGER NOT NULL,
	hashes BLOB NOT NULL CHECK (length(hashes) = 8192),
	PRIMARY KEY (level, idx)
) STRICT;
CREATE TABLE mandates (
	id         TEXT PRIMARY KEY,
	state      TEXT NOT NULL,
	liaison    TEXT NOT NULL,
	given_by   TEXT NOT NULL,
	not_before INTEGER NOT NULL,
	not_after  INTEGER NOT NULL,
	ended_at   INTEGER NOT NULL,
	created_at INTEGER NOT NULL
, deputies TEXT NOT NULL DEFAULT '[]', ceiling TEXT NOT NULL DEFAULT '{}') STRICT;
CREATE INDEX mandates_liaison ON mandates (liaison, not_after);
CREATE INDEX mandates_state ON mandates (state, created_at, id);
CREATE TABLE manifests (
	state        TEXT NOT NULL,
	number       INTEGER NOT NULL,
	officer      TEXT NOT NULL,
	published_at INTEGER NOT NULL,
	manifest     TEXT NOT NULL,
	PRIMARY KEY (state, number)
) STRICT;
CREATE TABLE messages (
	id         TEXT PRIMARY KEY,
	request_id TEXT NOT NULL REFERENCES requests (id),
	state      TEXT NOT NULL,
	author     TEXT NOT NULL,
	function   TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	sealed     BLOB NOT NULL
) STRICT;
CREATE INDEX messages_request ON messages (request_id, created_at, id);
CREATE TABLE nonces (
	jkt     TEXT NOT NULL,
	nonce   TEXT NOT NULL,
	expires INTEGER NOT NULL,
	PRIMARY KEY (jkt, nonce)
) STRICT;
CREATE INDEX nonces_expires ON nonces (expires);
CREATE TRIGGER objections_of_case_inserted BEFORE INSERT ON objections
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.to_state)
BEGIN SELECT RAISE(ABORT, 'objections_of_case'); END;
CREATE TRIGGER objections_of_case_updated BEFORE UPDATE OF case_id, to_state ON objections
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.to_state)
BEGIN SELECT RAISE(ABORT, 'objections_of_case'); END;
CREATE TABLE objections (
	id         TEXT PRIMARY KEY,
	grant_id   TEXT NOT NULL REFERENCES grants (id),
	case_id    TEXT NOT NULL REFERENCES cases (id),
	state      TEXT NOT NULL,
	to_state   TEXT NOT NULL,
	officer    TEXT NOT NULL,
	function   TEXT NOT NULL,
	ground     TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	statement  TEXT NOT NULL
) STRICT;
CREATE INDEX objections_grant ON objections (grant_id, created_at, id);
CREATE TRIGGER observables_of_case_inserted BEFORE INSERT ON observables
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'observables_of_case'); END;
CREATE TRIGGER observables_of_case_updated BEFORE UPDATE OF case_id, state ON observables
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'observables_of_case'); END;
CREATE TABLE observables (
	id         TEXT PRIMARY KEY,
	case_id    TEXT NOT NULL REFERENCES cases (id),
	state      TEXT NOT NULL,
	tlp        TEXT NOT NULL,
	pap        TEXT NOT NULL,
	handling   TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	sealed     BLOB NOT NULL
) STRICT;
CREATE INDEX observables_case ON observables (case_id, created_at, id);
CREATE TABLE officers (
	ref      TEXT PRIMARY KEY,
	state    TEXT NOT NULL,
	agency   TEXT NOT NULL,
	role     TEXT NOT NULL,
	function TEXT NOT NULL,
	seen_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX officers_state ON officers (state, ref);
CREATE TABLE openings (
	leaf_id    TEXT NOT NULL REFERENCES leaves (id),
	pos        INTEGER NOT NULL, -- in the order in which the leaf's hash takes them
	state      TEXT NOT NULL,
	at         INTEGER NOT NULL, -- the leaf's
	salt       BLOB NOT NULL,
	content    BLOB NOT NULL,
	commitment BLOB NOT NULL, erased_by TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (leaf_id, pos)
) STRICT;
CREATE INDEX openings_state ON openings (state, at, leaf_id);
CREATE INDEX openings_unerased ON openings (state, at, leaf_id) WHERE erased_by = '';
CREATE TABLE proposals (
	id         TEXT PRIMARY KEY,
	state      TEXT NOT NULL,
	act        TEXT NOT NULL,
	kind       TEXT NOT NULL, -- of the statement that is proposed
	role       TEXT NOT NULL, -- whose act it is
	record_id  TEXT NOT NULL,
	target_id  TEXT NOT NULL,
	officer    TEXT NOT NULL,
	function   TEXT NOT NULL,
	status     TEXT NOT NULL,
	decided_by TEXT NOT NULL,
	decided_at INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	lapses_at  INTEGER NOT NULL,
	sealed     BLOB NOT NULL,
	declined   BLOB NOT NULL
) STRICT;
CREATE INDEX proposals_clock ON proposals (lapses_at) WHERE status = 'PROPOSED';
CREATE INDEX proposals_waiting ON proposals (state, role, created_at, id);
CREATE TABLE record_keys (
	record  TEXT NOT NULL,
	state   TEXT NOT NULL,
	wrapped TEXT NOT NULL,
	PRIMARY KEY (record, state)
) STRICT;
CREATE TABLE refusals (
	id         TEXT PRIMARY KEY,
	request_id TEXT NOT NULL REFERENCES requests (id),
	state      TEXT NOT NULL,
	ground     TEXT NOT NULL,
	statement  TEXT NOT NULL,
	created_at INTEGER NOT NULL
) STRICT;
CREATE TRIGGER releases_of_case_inserted BEFORE INSERT ON releases
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'releases_of_case'); END;
CREATE TRIGGER releases_of_case_updated BEFORE UPDATE OF case_id, state ON releases
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'releases_of_case'); END;
CREATE TABLE releases (
	id         TEXT PRIMARY KEY,
	case_id    TEXT NOT NULL REFERENCES cases (id),
	state      TEXT NOT NULL,
	officer    TEXT NOT NULL,
	decider    TEXT NOT NULL,
	reference  TEXT NOT NULL,
	grantee    TEXT NOT NULL,
	scope      TEXT NOT NULL,
	exhibits   TEXT NOT NULL,
	purpose    TEXT NOT NULL,
	not_after  INTEGER NOT NULL,
	created_at INTEGER NOT NULL
, withdrawn_by TEXT NOT NULL DEFAULT '', withdrawn_at INTEGER NOT NULL DEFAULT 0, subjects TEXT NOT NULL DEFAULT '[]', team TEXT NOT NULL DEFAULT '', statement TEXT NOT NULL DEFAULT '') STRICT;
CREATE INDEX releases_case ON releases (case_id, created_at, id);
CREATE INDEX releases_team ON releases (state, team, id) WHERE team <> '';
CREATE TABLE requests (
	id           TEXT PRIMARY KEY,
	state        TEXT NOT NULL,
	agency       TEXT NOT NULL,
	officer      TEXT NOT NULL,
	to_state     TEXT NOT NULL,
	routed_to    TEXT NOT NULL,
	kind         TEXT NOT NULL,
	urgency      TEXT NOT NULL,
	category     TEXT NOT NULL,
	purpose      TEXT NOT NULL,
	status       TEXT NOT NULL,
	ground       TEXT NOT NULL,
	tlp          TEXT NOT NULL,
	pap          TEXT NOT NULL,
	handling     TEXT NOT NULL,
	version      INTEGER NOT NULL,
	created_at   INTEGER NOT NULL,
	updated_at   INTEGER NOT NULL,
	due_at       INTEGER NOT NULL,
	postponed_to INTEGER NOT NULL,
	refusal      TEXT NOT NULL,
	sealed       BLOB NOT NULL,
	sealed_to    BLOB NOT NULL
, onward_to TEXT NOT NULL DEFAULT '', onward_grant TEXT NOT NULL DEFAULT '') STRICT;
CREATE INDEX requests_clock ON requests (due_at) WHERE status IN ('SENT', 'RECEIVED', 'ACKNOWLEDGED', 'FORWARDED');
CREATE INDEX requests_officer ON requests (officer, updated_at, id);
CREATE INDEX requests_officer_due ON requests (officer, due_at, id);
CREATE INDEX requests_postponed ON requests (postponed_to) WHERE status = 'POSTPONED';
CREATE INDEX requests_routed ON requests (routed_to, updated_at, id);
CREATE INDEX requests_routed_due ON requests (routed_to, due_at, id);
CREATE INDEX requests_state ON requests (state, updated_at, id);
CREATE INDEX requests_state_due ON requests (state, due_at, id);
CREATE INDEX requests_to ON requests (to_state, updated_at, id);
CREATE INDEX requests_to_due ON requests (to_state, due_at, id);
CREATE INDEX requests_urgent ON requests (to_state, due_at, id) WHERE urgency = 'URGENT' AND status IN ('SENT', 'RECEIVED');
CREATE TABLE reservations (
	id         TEXT PRIMARY KEY,
	state      TEXT NOT NULL,
	category   TEXT NOT NULL,
	officer    TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	lifted_at  INTEGER NOT NULL,
	sealed     BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX reservations_category ON reservations (state, category) WHERE lifted_at = 0;
CREATE INDEX reservations_state ON reservations (state, created_at, id);
CREATE VIEW seen_assignments AS SELECT case_id, viewer FROM assignments;
CREATE TABLE shifts (
	id           TEXT PRIMARY KEY,
	state        TEXT NOT NULL,
	officer      TEXT NOT NULL,
	function     TEXT NOT NULL,
	from_at      INTEGER NOT NULL,
	until_at     INTEGER NOT NULL,
	set_by       TEXT NOT NULL,
	created_at   INTEGER NOT NULL,
	withdrawn_by TEXT NOT NULL,
	withdrawn_at INTEGER NOT NULL,
	sealed       BLOB NOT NULL
) STRICT;
CREATE INDEX shifts_state ON shifts (state, until_at, id);
CREATE TABLE sqlite_sequence(name,seq);
CREATE TABLE standings (
	id         TEXT PRIMARY KEY,
	state      TEXT NOT NULL,
	team       TEXT NOT NULL,
	liaison    TEXT NOT NULL,
	function   TEXT NOT NULL,
	grantees   TEXT NOT NULL,
	scope      TEXT NOT NULL,
	grade      TEXT NOT NULL,
	assistance TEXT NOT NULL,
	tlp        TEXT NOT NULL,
	pap        TEXT NOT NULL,
	handling   TEXT NOT NULL,
	caveats    TEXT NOT NULL,
	purpose    TEXT NOT NULL,
	not_after  INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	ended_by   TEXT NOT NULL,
	ended_at   INTEGER NOT NULL,
	statement  TEXT NOT NULL
) STRICT;
CREATE INDEX standings_state ON standings (state, created_at, id);
CREATE TABLE state_locks (
	state TEXT PRIMARY KEY
) STRICT;
CREATE TRIGGER subjects_of_case_inserted BEFORE INSERT ON subjects
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'subjects_of_case'); END;
CREATE TRIGGER subjects_of_case_updated BEFORE UPDATE OF case_id, state ON subjects
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'subjects_of_case'); END;
CREATE TABLE subjects (
	id         TEXT PRIMARY KEY,
	case_id    TEXT NOT NULL REFERENCES cases (id),
	state      TEXT NOT NULL,
	kind       TEXT NOT NULL,
	role       TEXT NOT NULL,
	minor      INTEGER NOT NULL,
	protected  INTEGER NOT NULL,
	tlp        TEXT NOT NULL,
	pap        TEXT NOT NULL,
	handling   TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	sealed     BLOB NOT NULL
) STRICT;
CREATE INDEX subjects_case ON subjects (case_id, created_at, id);
CREATE TABLE visibility (
	viewer      TEXT NOT NULL,
	updated_at  INTEGER NOT NULL,
	case_id     TEXT NOT NULL REFERENCES cases (id),
	grant_id    TEXT NOT NULL,
	valid_from  INTEGER NOT NULL,
	valid_until INTEGER NOT NULL,
	orig_state  TEXT NOT NULL,
	orig_agency TEXT NOT NULL,
	category    TEXT NOT NULL,
	status      TEXT NOT NULL,
	via_agency  TEXT NOT NULL, -- of a grant to one officer of one agency: '' unless it names both
	purpose     TEXT NOT NULL, agreement_hash TEXT NOT NULL DEFAULT '', tlp TEXT NOT NULL DEFAULT 'RED', seconded INTEGER NOT NULL DEFAULT 0, -- of the grant
	PRIMARY KEY (case_id, viewer, grant_id)
) STRICT;
CREATE INDEX visibility_viewer ON visibility (viewer, updated_at, case_id,
	grant_id, valid_from, valid_until, orig_state, orig_agency, category, status, via_agency, purpose, agreement_hash, tlp, seconded);
CREATE TRIGGER withdrawals_of_case_inserted BEFORE INSERT ON withdrawals
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'withdrawals_of_case'); END;
CREATE TRIGGER withdrawals_of_case_updated BEFORE UPDATE OF case_id, state ON withdrawals
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'withdrawals_of_case'); END;
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
CREATE UNIQUE INDEX withdrawals_case ON withdrawals (case_id) WHERE status = 'PENDING';
CREATE INDEX withdrawals_state ON withdrawals (state, created_at, id);
