CREATE TABLE allowances (
	agency text COLLATE "C" NOT NULL,
	left_milli bigint NOT NULL,
	at bigint NOT NULL,
	takers text COLLATE "C" NOT NULL,
	CONSTRAINT allowances_pkey PRIMARY KEY (agency)
);
GRANT INSERT ON allowances;
GRANT SELECT ON allowances;
GRANT UPDATE (left_milli, at, takers) ON allowances;
CREATE TABLE assessments (
	id text COLLATE "C" NOT NULL,
	case_id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	officer text COLLATE "C" NOT NULL,
	function text COLLATE "C" NOT NULL,
	category text COLLATE "C" NOT NULL,
	finding text COLLATE "C" NOT NULL,
	created_at bigint NOT NULL,
	sealed bytea NOT NULL,
	CONSTRAINT assessments_of_case FOREIGN KEY (case_id, state) REFERENCES cases(id, state),
	CONSTRAINT assessments_pkey PRIMARY KEY (id)
);
CREATE INDEX assessments_case ON public.assessments USING btree (case_id, created_at, id);
GRANT INSERT ON assessments;
GRANT SELECT ON assessments;
CREATE TABLE assignments (
	case_id text COLLATE "C" NOT NULL,
	viewer text COLLATE "C" NOT NULL,
	assigned_by text COLLATE "C" NOT NULL,
	at bigint NOT NULL,
	CONSTRAINT assignments_case_id_fkey FOREIGN KEY (case_id) REFERENCES cases(id),
	CONSTRAINT assignments_pkey PRIMARY KEY (case_id, viewer)
);
CREATE INDEX assignments_viewer ON public.assignments USING btree (viewer, case_id);
GRANT DELETE ON assignments;
GRANT INSERT ON assignments;
GRANT SELECT ON assignments;
CREATE TABLE cases (
	id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	agency text COLLATE "C" NOT NULL,
	owner text COLLATE "C" NOT NULL,
	category text COLLATE "C" NOT NULL,
	status text COLLATE "C" NOT NULL,
	tlp text COLLATE "C" NOT NULL,
	pap text COLLATE "C" NOT NULL,
	handling text COLLATE "C" NOT NULL,
	nexus text COLLATE "C" NOT NULL,
	reserved boolean NOT NULL,
	version bigint NOT NULL,
	version_abroad bigint NOT NULL,
	created_at bigint NOT NULL,
	updated_at bigint NOT NULL,
	updated_abroad bigint NOT NULL,
	sealed bytea NOT NULL,
	listed_abroad bigint NOT NULL,
	assessed_category text COLLATE "C" NOT NULL,
	assessed_finding text COLLATE "C" NOT NULL,
	assessed_by text COLLATE "C" NOT NULL,
	wrapped_key text NOT NULL DEFAULT ''::text,
	CONSTRAINT cases_pkey PRIMARY KEY (id)
);
CREATE INDEX cases_category ON public.cases USING btree (state, category);
CREATE INDEX cases_shown ON public.cases USING btree (id) INCLUDE (state, reserved);
CREATE UNIQUE INDEX cases_state ON public.cases USING btree (id, state);
GRANT INSERT ON cases;
GRANT SELECT ON cases;
GRANT UPDATE (owner, category, status, tlp, pap, handling, nexus, reserved, version, version_abroad, updated_at, updated_abroad, sealed, listed_abroad, assessed_category, assessed_finding, assessed_by) ON cases;
CREATE TABLE commitments (
	leaf_id text COLLATE "C",
	commitments bytea
);
GRANT SELECT ON commitments;
CREATE TABLE concerned (
	notice text COLLATE "C",
	state text COLLATE "C",
	reader text COLLATE "C"
);
GRANT SELECT ON concerned;
CREATE TABLE custody (
	seq bigint NOT NULL IDENTITY a,
	id text COLLATE "C" NOT NULL,
	evidence_id text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	actor text COLLATE "C" NOT NULL,
	function text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	purpose text COLLATE "C" NOT NULL,
	grant_id text COLLATE "C" NOT NULL,
	hash bytea NOT NULL,
	act text COLLATE "C" NOT NULL,
	chain bytea NOT NULL,
	at bigint NOT NULL,
	CONSTRAINT custody_evidence_id_fkey FOREIGN KEY (evidence_id) REFERENCES evidence(id),
	CONSTRAINT custody_pkey PRIMARY KEY (seq),
	CONSTRAINT custody_id_key UNIQUE (id)
);
CREATE INDEX custody_evidence ON public.custody USING btree (evidence_id, seq);
GRANT INSERT ON custody;
GRANT SELECT ON custody;
CREATE TABLE deliveries (
	notice text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	to_state text COLLATE "C" NOT NULL,
	status text COLLATE "C" NOT NULL,
	delivered_at bigint NOT NULL,
	due_at bigint NOT NULL,
	answered_by text COLLATE "C" NOT NULL,
	answered_at bigint NOT NULL,
	answered bytea NOT NULL,
	CONSTRAINT deliveries_of_notice FOREIGN KEY (notice, state) REFERENCES dispatches(id, state),
	CONSTRAINT deliveries_pkey PRIMARY KEY (notice, to_state)
);
CREATE INDEX deliveries_clock ON public.deliveries USING btree (due_at) WHERE (status = 'OPEN'::text);
CREATE INDEX deliveries_to ON public.deliveries USING btree (to_state, notice);
GRANT INSERT ON deliveries;
GRANT SELECT ON deliveries;
GRANT UPDATE (status, answered_by, answered_at, answered) ON deliveries;
CREATE TABLE disclosures (
	record_id text COLLATE "C" NOT NULL,
	officer text COLLATE "C" NOT NULL,
	version bigint NOT NULL,
	state text COLLATE "C" NOT NULL,
	agency text COLLATE "C" NOT NULL,
	origin text COLLATE "C" NOT NULL,
	case_id text COLLATE "C" NOT NULL,
	grant_id text COLLATE "C" NOT NULL,
	at bigint NOT NULL,
	CONSTRAINT disclosures_pkey PRIMARY KEY (record_id, officer, version)
);
GRANT INSERT ON disclosures;
GRANT SELECT ON disclosures;
CREATE TABLE dispatches (
	id text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	to_state text COLLATE "C" NOT NULL,
	agency text COLLATE "C" NOT NULL,
	officer text COLLATE "C" NOT NULL,
	function text COLLATE "C" NOT NULL,
	case_id text COLLATE "C" NOT NULL,
	record_id text COLLATE "C" NOT NULL,
	grant_id text COLLATE "C" NOT NULL,
	form text COLLATE "C" NOT NULL,
	category text COLLATE "C" NOT NULL,
	tlp text COLLATE "C" NOT NULL,
	pap text COLLATE "C" NOT NULL,
	handling text COLLATE "C" NOT NULL,
	status text COLLATE "C" NOT NULL,
	version bigint NOT NULL,
	through bigint NOT NULL,
	created_at bigint NOT NULL,
	due_at bigint NOT NULL,
	answered_by text COLLATE "C" NOT NULL,
	answered_at bigint NOT NULL,
	answer text COLLATE "C" NOT NULL,
	sealed bytea NOT NULL,
	answered bytea NOT NULL,
	CONSTRAINT dispatches_pkey PRIMARY KEY (id)
);
CREATE INDEX dispatches_case ON public.dispatches USING btree (case_id, kind, created_at, id);
CREATE INDEX dispatches_clock ON public.dispatches USING btree (due_at) WHERE (status = 'OPEN'::text);
CREATE UNIQUE INDEX dispatches_own ON public.dispatches USING btree (id, state);
CREATE INDEX dispatches_record ON public.dispatches USING btree (record_id) WHERE (kind = 'NOTICE'::text);
CREATE INDEX dispatches_state ON public.dispatches USING btree (kind, state, created_at, id);
CREATE INDEX dispatches_to ON public.dispatches USING btree (kind, to_state, created_at, id);
GRANT INSERT ON dispatches;
GRANT SELECT ON dispatches;
GRANT UPDATE (category, tlp, pap, handling, status, version, due_at, answered_by, answered_at, answer, sealed, answered) ON dispatches;
CREATE TABLE effects (
	seq bigint NOT NULL IDENTITY a,
	record text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	payload bytea NOT NULL,
	attempts bigint NOT NULL,
	not_before bigint NOT NULL,
	CONSTRAINT effects_pkey PRIMARY KEY (seq)
);
CREATE INDEX effects_due ON public.effects USING btree (not_before, seq);
CREATE INDEX effects_record ON public.effects USING btree (record, seq);
GRANT DELETE ON effects;
GRANT INSERT ON effects;
GRANT SELECT ON effects;
GRANT UPDATE (attempts, not_before) ON effects;
CREATE TABLE entries (
	id text COLLATE "C" NOT NULL,
	case_id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	author text COLLATE "C" NOT NULL,
	tlp text COLLATE "C" NOT NULL,
	pap text COLLATE "C" NOT NULL,
	handling text COLLATE "C" NOT NULL,
	created_at bigint NOT NULL,
	sealed bytea NOT NULL,
	CONSTRAINT entries_of_case FOREIGN KEY (case_id, state) REFERENCES cases(id, state),
	CONSTRAINT entries_pkey PRIMARY KEY (id)
);
CREATE INDEX entries_case ON public.entries USING btree (case_id, created_at, id);
GRANT INSERT ON entries;
GRANT SELECT ON entries;
CREATE TABLE erasures (
	id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	before_at bigint NOT NULL,
	status text COLLATE "C" NOT NULL,
	proposed_by text COLLATE "C" NOT NULL,
	approved_by text COLLATE "C" NOT NULL,
	created_at bigint NOT NULL,
	done_at bigint NOT NULL,
	erased bigint NOT NULL,
	kept bigint NOT NULL,
	past_at bigint NOT NULL,
	past_id text COLLATE "C" NOT NULL,
	sealed bytea NOT NULL,
	CONSTRAINT erasures_pkey PRIMARY KEY (id)
);
CREATE INDEX erasures_state ON public.erasures USING btree (state, created_at, id);
GRANT INSERT ON erasures;
GRANT SELECT ON erasures;
GRANT UPDATE (status, done_at, erased, kept, past_at, past_id) ON erasures;
CREATE TABLE event_head (
	id bigint NOT NULL,
	seq bigint NOT NULL,
	forgotten bigint NOT NULL,
	swept_at bigint NOT NULL,
	CONSTRAINT event_head_id_check CHECK ((id = 1)),
	CONSTRAINT event_head_pkey PRIMARY KEY (id)
);
GRANT SELECT ON event_head;
GRANT UPDATE (seq, forgotten, swept_at) ON event_head;
CREATE TABLE events (
	id text COLLATE "C" NOT NULL,
	seq bigint,
	at bigint NOT NULL,
	state text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	record_id text COLLATE "C" NOT NULL,
	message_id text COLLATE "C" NOT NULL,
	case_id text COLLATE "C" NOT NULL,
	listed boolean NOT NULL,
	CONSTRAINT events_pkey PRIMARY KEY (id),
	CONSTRAINT events_seq_key UNIQUE (seq)
);
CREATE INDEX events_waiting ON public.events USING btree (at, id) WHERE (seq IS NULL);
GRANT DELETE ON events;
GRANT INSERT ON events;
GRANT SELECT ON events;
GRANT UPDATE (seq) ON events;
CREATE TABLE evidence (
	id text COLLATE "C" NOT NULL,
	case_id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	status text COLLATE "C" NOT NULL,
	media_type text COLLATE "C" NOT NULL,
	original boolean NOT NULL,
	size bigint NOT NULL,
	header bytea NOT NULL,
	wrapped_key text COLLATE "C" NOT NULL,
	object_key text COLLATE "C" NOT NULL,
	upload_id text COLLATE "C" NOT NULL,
	object_version text COLLATE "C" NOT NULL,
	root bytea NOT NULL,
	plain_sha256 bytea NOT NULL,
	parts bytea NOT NULL,
	receipt text COLLATE "C" NOT NULL,
	begun_by text COLLATE "C" NOT NULL,
	created_at bigint NOT NULL,
	completed_at bigint NOT NULL,
	sealed bytea NOT NULL,
	CONSTRAINT evidence_of_case FOREIGN KEY (case_id, state) REFERENCES cases(id, state),
	CONSTRAINT evidence_pkey PRIMARY KEY (id)
);
CREATE INDEX evidence_case ON public.evidence USING btree (case_id, created_at, id);
GRANT INSERT ON evidence;
GRANT SELECT ON evidence;
GRANT UPDATE (status, size, object_version, root, plain_sha256, parts, receipt, completed_at, sealed) ON evidence;
CREATE TABLE facets_waiting (
	leaf_id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	at bigint NOT NULL,
	facets text[] NOT NULL,
	CONSTRAINT facets_waiting_pkey PRIMARY KEY (leaf_id, state)
);
GRANT DELETE ON facets_waiting;
GRANT INSERT ON facets_waiting;
GRANT SELECT ON facets_waiting;
CREATE TABLE goose_db_version (
	id integer NOT NULL IDENTITY d,
	version_id bigint NOT NULL,
	is_applied boolean NOT NULL,
	tstamp timestamp without time zone NOT NULL DEFAULT now(),
	CONSTRAINT goose_db_version_pkey PRIMARY KEY (id)
);
GRANT SELECT ON goose_db_version;
CREATE TABLE granted (
	id text COLLATE "C",
	case_id text COLLATE "C",
	state text COLLATE "C",
	grantee_state text COLLATE "C",
	tlp text COLLATE "C",
	pap text COLLATE "C",
	handling text COLLATE "C",
	statement text COLLATE "C"
);
GRANT SELECT ON granted;
CREATE TABLE grants (
	id text COLLATE "C" NOT NULL,
	case_id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	liaison text COLLATE "C" NOT NULL,
	function text COLLATE "C" NOT NULL,
	viewer text COLLATE "C" NOT NULL,
	grantee_state text COLLATE "C" NOT NULL,
	grantee_agency text COLLATE "C" NOT NULL,
	grantee_officer text COLLATE "C" NOT NULL,
	scope text COLLATE "C" NOT NULL,
	exhibits text COLLATE "C" NOT NULL,
	grade text COLLATE "C" NOT NULL,
	assistance text COLLATE "C" NOT NULL,
	tlp text COLLATE "C" NOT NULL,
	pap text COLLATE "C" NOT NULL,
	handling text COLLATE "C" NOT NULL,
	caveats text COLLATE "C" NOT NULL,
	purpose text COLLATE "C" NOT NULL,
	agreement text COLLATE "C" NOT NULL,
	release_id text COLLATE "C" NOT NULL,
	request_id text COLLATE "C" NOT NULL,
	not_before bigint NOT NULL,
	not_after bigint NOT NULL,
	status text COLLATE "C" NOT NULL,
	was_active boolean NOT NULL,
	ended_at bigint NOT NULL,
	version bigint NOT NULL,
	created_at bigint NOT NULL,
	statement text COLLATE "C" NOT NULL,
	narrowing text COLLATE "C" NOT NULL,
	agreement_hash text COLLATE "C" NOT NULL,
	second text COLLATE "C" NOT NULL,
	acting_for text COLLATE "C" NOT NULL,
	emergency boolean NOT NULL,
	confirmation text COLLATE "C" NOT NULL,
	subjects text COLLATE "C" NOT NULL,
	standing_id text COLLATE "C" NOT NULL DEFAULT ''::text,
	CONSTRAINT grants_of_case FOREIGN KEY (case_id, state) REFERENCES cases(id, state),
	CONSTRAINT grants_pkey PRIMARY KEY (id)
);
CREATE INDEX grants_case ON public.grants USING btree (case_id, created_at, id);
CREATE INDEX grants_case_viewer ON public.grants USING btree (case_id, viewer);
CREATE INDEX grants_clock ON public.grants USING btree (not_after) WHERE (status = 'ACTIVE'::text);
CREATE INDEX grants_contribution ON public.grants USING btree (release_id) WHERE (standing_id <> ''::text);
CREATE INDEX grants_standing ON public.grants USING btree (standing_id) WHERE (standing_id <> ''::text);
CREATE INDEX grants_state ON public.grants USING btree (state, created_at, id);
CREATE INDEX grants_viewer ON public.grants USING btree (viewer, created_at, id);
GRANT INSERT ON grants;
GRANT SELECT ON grants;
GRANT UPDATE (scope, exhibits, tlp, pap, handling, caveats, not_before, not_after, status, was_active, ended_at, version, narrowing, confirmation, subjects) ON grants;
CREATE TABLE holds (
	id text COLLATE "C" NOT NULL,
	case_id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	officer text COLLATE "C" NOT NULL,
	request_id text COLLATE "C" NOT NULL,
	not_after bigint NOT NULL,
	created_at bigint NOT NULL,
	released_by text COLLATE "C" NOT NULL,
	released_at bigint NOT NULL,
	sealed bytea NOT NULL,
	CONSTRAINT holds_of_case FOREIGN KEY (case_id, state) REFERENCES cases(id, state),
	CONSTRAINT holds_pkey PRIMARY KEY (id)
);
CREATE INDEX holds_case ON public.holds USING btree (case_id, created_at, id);
CREATE INDEX holds_clock ON public.holds USING btree (not_after) WHERE (released_at = 0);
CREATE INDEX holds_request ON public.holds USING btree (request_id);
CREATE INDEX holds_state ON public.holds USING btree (state, created_at, id);
GRANT INSERT ON holds;
GRANT SELECT ON holds;
GRANT UPDATE (released_by, released_at) ON holds;
CREATE TABLE idempotency (
	issuer text COLLATE "C" NOT NULL,
	subject text COLLATE "C" NOT NULL,
	mutation text COLLATE "C" NOT NULL,
	key text COLLATE "C" NOT NULL,
	input_hash bytea NOT NULL,
	ids text COLLATE "C" NOT NULL,
	at bigint NOT NULL,
	CONSTRAINT idempotency_pkey PRIMARY KEY (issuer, subject, mutation, key)
);
CREATE INDEX idempotency_at ON public.idempotency USING btree (at);
GRANT DELETE ON idempotency;
GRANT INSERT ON idempotency;
GRANT SELECT ON idempotency;
CREATE TABLE leaves (
	id text COLLATE "C" NOT NULL,
	hash bytea NOT NULL,
	at bigint NOT NULL,
	idx bigint,
	commitments bytea NOT NULL DEFAULT '\x'::bytea,
	CONSTRAINT leaves_pkey PRIMARY KEY (id),
	CONSTRAINT leaves_idx_key UNIQUE (idx)
);
CREATE INDEX leaves_waiting ON public.leaves USING btree (at, id) WHERE (idx IS NULL);
GRANT INSERT ON leaves;
GRANT UPDATE (idx) ON leaves;
CREATE TABLE log_checkpoints (
	size bigint NOT NULL,
	root bytea NOT NULL,
	signed bytea NOT NULL,
	at bigint NOT NULL,
	CONSTRAINT log_checkpoints_pkey PRIMARY KEY (size)
);
GRANT DELETE ON log_checkpoints;
GRANT INSERT ON log_checkpoints;
GRANT SELECT ON log_checkpoints;
GRANT UPDATE (signed) ON log_checkpoints;
CREATE TABLE log_facets (
	state text COLLATE "C" NOT NULL,
	facet text COLLATE "C" NOT NULL,
	at bigint NOT NULL,
	leaf_id text COLLATE "C" NOT NULL,
	CONSTRAINT log_facets_pkey PRIMARY KEY (state, facet, at, leaf_id)
);
GRANT DELETE ON log_facets;
GRANT INSERT ON log_facets;
GRANT SELECT ON log_facets;
CREATE TABLE log_head (
	id bigint NOT NULL,
	size bigint NOT NULL,
	root bytea NOT NULL DEFAULT '\xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'::bytea,
	edge bytea NOT NULL DEFAULT '\x'::bytea,
	CONSTRAINT log_head_id_check CHECK ((id = 1)),
	CONSTRAINT log_head_root_check CHECK ((length(root) = 32)),
	CONSTRAINT log_head_pkey PRIMARY KEY (id)
);
GRANT SELECT ON log_head;
GRANT UPDATE (size, root, edge) ON log_head;
CREATE TABLE log_tiles (
	level bigint NOT NULL,
	idx bigint NOT NULL,
	hashes bytea NOT NULL,
	CONSTRAINT log_tiles_hashes_check CHECK ((length(hashes) = 8192)),
	CONSTRAINT log_tiles_pkey PRIMARY KEY (level, idx)
);
GRANT INSERT ON log_tiles;
GRANT SELECT ON log_tiles;
CREATE TABLE mandates (
	id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	liaison text COLLATE "C" NOT NULL,
	given_by text COLLATE "C" NOT NULL,
	not_before bigint NOT NULL,
	not_after bigint NOT NULL,
	ended_at bigint NOT NULL,
	created_at bigint NOT NULL,
	deputies text COLLATE "C" NOT NULL,
	ceiling text COLLATE "C" NOT NULL,
	CONSTRAINT mandates_pkey PRIMARY KEY (id)
);
CREATE INDEX mandates_liaison ON public.mandates USING btree (liaison, not_after);
CREATE INDEX mandates_state ON public.mandates USING btree (state, created_at, id);
GRANT INSERT ON mandates;
GRANT SELECT ON mandates;
GRANT UPDATE (ended_at) ON mandates;
CREATE TABLE manifests (
	state text COLLATE "C" NOT NULL,
	number bigint NOT NULL,
	officer text COLLATE "C" NOT NULL,
	published_at bigint NOT NULL,
	manifest text COLLATE "C" NOT NULL,
	CONSTRAINT manifests_pkey PRIMARY KEY (state, number)
);
GRANT INSERT ON manifests;
GRANT SELECT ON manifests;
CREATE TABLE messages (
	id text COLLATE "C" NOT NULL,
	request_id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	author text COLLATE "C" NOT NULL,
	function text COLLATE "C" NOT NULL,
	created_at bigint NOT NULL,
	sealed bytea NOT NULL,
	CONSTRAINT messages_request_id_fkey FOREIGN KEY (request_id) REFERENCES requests(id),
	CONSTRAINT messages_pkey PRIMARY KEY (id)
);
CREATE INDEX messages_request ON public.messages USING btree (request_id, created_at, id);
GRANT INSERT ON messages;
GRANT SELECT ON messages;
CREATE TABLE nonces (
	jkt text COLLATE "C" NOT NULL,
	nonce text COLLATE "C" NOT NULL,
	expires bigint NOT NULL,
	CONSTRAINT nonces_pkey PRIMARY KEY (jkt, nonce)
);
CREATE INDEX nonces_expires ON public.nonces USING btree (expires);
GRANT DELETE ON nonces;
GRANT INSERT ON nonces;
GRANT SELECT ON nonces;
GRANT UPDATE (expires) ON nonces;
CREATE TABLE objections (
	id text COLLATE "C" NOT NULL,
	grant_id text COLLATE "C" NOT NULL,
	case_id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	to_state text COLLATE "C" NOT NULL,
	officer text COLLATE "C" NOT NULL,
	function text COLLATE "C" NOT NULL,
	ground text COLLATE "C" NOT NULL,
	created_at bigint NOT NULL,
	statement text COLLATE "C" NOT NULL,
	CONSTRAINT objections_grant_id_fkey FOREIGN KEY (grant_id) REFERENCES grants(id),
	CONSTRAINT objections_of_case FOREIGN KEY (case_id, to_state) REFERENCES cases(id, state),
	CONSTRAINT objections_pkey PRIMARY KEY (id)
);
CREATE INDEX objections_grant ON public.objections USING btree (grant_id, created_at, id);
GRANT INSERT ON objections;
GRANT SELECT ON objections;
CREATE TABLE observables (
	id text COLLATE "C" NOT NULL,
	case_id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	tlp text COLLATE "C" NOT NULL,
	pap text COLLATE "C" NOT NULL,
	handling text COLLATE "C" NOT NULL,
	created_at bigint NOT NULL,
	sealed bytea NOT NULL,
	CONSTRAINT observables_of_case FOREIGN KEY (case_id, state) REFERENCES cases(id, state),
	CONSTRAINT observables_pkey PRIMARY KEY (id)
);
CREATE INDEX observables_case ON public.observables USING btree (case_id, created_at, id);
GRANT INSERT ON observables;
GRANT SELECT ON observables;
CREATE TABLE officers (
	ref text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	agency text COLLATE "C" NOT NULL,
	role text COLLATE "C" NOT NULL,
	function text COLLATE "C" NOT NULL,
	seen_at bigint NOT NULL,
	CONSTRAINT officers_pkey PRIMARY KEY (ref)
);
CREATE INDEX officers_state ON public.officers USING btree (state, ref);
GRANT INSERT ON officers;
GRANT SELECT ON officers;
GRANT UPDATE (agency, role, function, seen_at) ON officers;
CREATE TABLE openings (
	leaf_id text COLLATE "C" NOT NULL,
	pos bigint NOT NULL,
	state text COLLATE "C" NOT NULL,
	at bigint NOT NULL,
	salt bytea NOT NULL,
	content bytea NOT NULL,
	commitment bytea NOT NULL,
	erased_by text COLLATE "C" NOT NULL DEFAULT ''::text,
	CONSTRAINT openings_pkey PRIMARY KEY (leaf_id, pos)
);
CREATE INDEX openings_state ON public.openings USING btree (state, at, leaf_id);
CREATE INDEX openings_unerased ON public.openings USING btree (state, at, leaf_id) WHERE (erased_by = ''::text);
GRANT INSERT ON openings;
GRANT SELECT ON openings;
GRANT UPDATE (salt, content, erased_by) ON openings;
CREATE TABLE proposals (
	id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	act text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	role text COLLATE "C" NOT NULL,
	record_id text COLLATE "C" NOT NULL,
	target_id text COLLATE "C" NOT NULL,
	officer text COLLATE "C" NOT NULL,
	function text COLLATE "C" NOT NULL,
	status text COLLATE "C" NOT NULL,
	decided_by text COLLATE "C" NOT NULL,
	decided_at bigint NOT NULL,
	created_at bigint NOT NULL,
	lapses_at bigint NOT NULL,
	sealed bytea NOT NULL,
	declined bytea NOT NULL,
	CONSTRAINT proposals_pkey PRIMARY KEY (id)
);
CREATE INDEX proposals_clock ON public.proposals USING btree (lapses_at) WHERE (status = 'PROPOSED'::text);
CREATE INDEX proposals_waiting ON public.proposals USING btree (state, role, created_at, id);
GRANT INSERT ON proposals;
GRANT SELECT ON proposals;
GRANT UPDATE (status, decided_by, decided_at, declined) ON proposals;
CREATE TABLE record_keys (
	record text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	wrapped text COLLATE "C" NOT NULL,
	CONSTRAINT record_keys_pkey PRIMARY KEY (record, state)
);
GRANT INSERT ON record_keys;
GRANT SELECT ON record_keys;
CREATE TABLE refusals (
	id text COLLATE "C" NOT NULL,
	request_id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	ground text COLLATE "C" NOT NULL,
	statement text COLLATE "C" NOT NULL,
	created_at bigint NOT NULL,
	CONSTRAINT refusals_request_id_fkey FOREIGN KEY (request_id) REFERENCES requests(id),
	CONSTRAINT refusals_pkey PRIMARY KEY (id)
);
GRANT INSERT ON refusals;
GRANT SELECT ON refusals;
CREATE TABLE releases (
	id text COLLATE "C" NOT NULL,
	case_id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	officer text COLLATE "C" NOT NULL,
	decider text COLLATE "C" NOT NULL,
	reference text COLLATE "C" NOT NULL,
	grantee text COLLATE "C" NOT NULL,
	scope text COLLATE "C" NOT NULL,
	exhibits text COLLATE "C" NOT NULL,
	purpose text COLLATE "C" NOT NULL,
	not_after bigint NOT NULL,
	created_at bigint NOT NULL,
	withdrawn_by text COLLATE "C" NOT NULL,
	withdrawn_at bigint NOT NULL,
	subjects text COLLATE "C" NOT NULL,
	team text COLLATE "C" NOT NULL DEFAULT ''::text,
	statement text COLLATE "C" NOT NULL DEFAULT ''::text,
	CONSTRAINT releases_of_case FOREIGN KEY (case_id, state) REFERENCES cases(id, state),
	CONSTRAINT releases_pkey PRIMARY KEY (id)
);
CREATE INDEX releases_case ON public.releases USING btree (case_id, created_at, id);
CREATE INDEX releases_team ON public.releases USING btree (state, team, id) WHERE (team <> ''::text);
GRANT INSERT ON releases;
GRANT SELECT ON releases;
GRANT UPDATE (withdrawn_by, withdrawn_at) ON releases;
CREATE TABLE requests (
	id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	agency text COLLATE "C" NOT NULL,
	officer text COLLATE "C" NOT NULL,
	to_state text COLLATE "C" NOT NULL,
	routed_to text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	urgency text COLLATE "C" NOT NULL,
	category text COLLATE "C" NOT NULL,
	purpose text COLLATE "C" NOT NULL,
	status text COLLATE "C" NOT NULL,
	ground text COLLATE "C" NOT NULL,
	tlp text COLLATE "C" NOT NULL,
	pap text COLLATE "C" NOT NULL,
	handling text COLLATE "C" NOT NULL,
	version bigint NOT NULL,
	created_at bigint NOT NULL,
	updated_at bigint NOT NULL,
	due_at bigint NOT NULL,
	postponed_to bigint NOT NULL,
	refusal text COLLATE "C" NOT NULL,
	sealed bytea NOT NULL,
	sealed_to bytea NOT NULL,
	onward_to text COLLATE "C" NOT NULL DEFAULT ''::text,
	onward_grant text COLLATE "C" NOT NULL DEFAULT ''::text,
	CONSTRAINT requests_pkey PRIMARY KEY (id)
);
CREATE INDEX requests_clock ON public.requests USING btree (due_at) WHERE (status = ANY (ARRAY['SENT'::text, 'RECEIVED'::text, 'ACKNOWLEDGED'::text, 'FORWARDED'::text]));
CREATE INDEX requests_officer ON public.requests USING btree (officer, updated_at, id);
CREATE INDEX requests_officer_due ON public.requests USING btree (officer, due_at, id);
CREATE INDEX requests_postponed ON public.requests USING btree (postponed_to) WHERE (status = 'POSTPONED'::text);
CREATE INDEX requests_routed ON public.requests USING btree (routed_to, updated_at, id);
CREATE INDEX requests_routed_due ON public.requests USING btree (routed_to, due_at, id);
CREATE INDEX requests_state ON public.requests USING btree (state, updated_at, id);
CREATE INDEX requests_state_due ON public.requests USING btree (state, due_at, id);
CREATE INDEX requests_to ON public.requests USING btree (to_state, updated_at, id);
CREATE INDEX requests_to_due ON public.requests USING btree (to_state, due_at, id);
CREATE INDEX requests_urgent ON public.requests USING btree (to_state, due_at, id) WHERE ((urgency = 'URGENT'::text) AND (status = ANY (ARRAY['SENT'::text, 'RECEIVED'::text])));
GRANT INSERT ON requests;
GRANT SELECT ON requests;
GRANT UPDATE (routed_to, urgency, status, ground, tlp, pap, handling, version, updated_at, due_at, postponed_to, refusal, sealed, sealed_to) ON requests;
CREATE TABLE reservations (
	id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	category text COLLATE "C" NOT NULL,
	officer text COLLATE "C" NOT NULL,
	created_at bigint NOT NULL,
	lifted_at bigint NOT NULL,
	sealed bytea NOT NULL,
	CONSTRAINT reservations_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX reservations_category ON public.reservations USING btree (state, category) WHERE (lifted_at = 0);
CREATE INDEX reservations_state ON public.reservations USING btree (state, created_at, id);
GRANT INSERT ON reservations;
GRANT SELECT ON reservations;
GRANT UPDATE (lifted_at) ON reservations;
CREATE TABLE seen_assignments (
	case_id text COLLATE "C",
	viewer text COLLATE "C"
);
GRANT SELECT ON seen_assignments;
CREATE TABLE seen_grants (
	case_id text COLLATE "C",
	scope text COLLATE "C",
	subjects text COLLATE "C"
);
GRANT SELECT ON seen_grants;
CREATE TABLE seen_own (
	id text COLLATE "C"
);
GRANT SELECT ON seen_own;
CREATE TABLE shifts (
	id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	officer text COLLATE "C" NOT NULL,
	function text COLLATE "C" NOT NULL,
	from_at bigint NOT NULL,
	until_at bigint NOT NULL,
	set_by text COLLATE "C" NOT NULL,
	created_at bigint NOT NULL,
	withdrawn_by text COLLATE "C" NOT NULL,
	withdrawn_at bigint NOT NULL,
	sealed bytea NOT NULL,
	CONSTRAINT shifts_pkey PRIMARY KEY (id)
);
CREATE INDEX shifts_state ON public.shifts USING btree (state, until_at, id);
GRANT INSERT ON shifts;
GRANT SELECT ON shifts;
GRANT UPDATE (withdrawn_by, withdrawn_at) ON shifts;
CREATE TABLE standings (
	id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	team text COLLATE "C" NOT NULL,
	liaison text COLLATE "C" NOT NULL,
	function text COLLATE "C" NOT NULL,
	grantees text COLLATE "C" NOT NULL,
	scope text COLLATE "C" NOT NULL,
	grade text COLLATE "C" NOT NULL,
	assistance text COLLATE "C" NOT NULL,
	tlp text COLLATE "C" NOT NULL,
	pap text COLLATE "C" NOT NULL,
	handling text COLLATE "C" NOT NULL,
	caveats text COLLATE "C" NOT NULL,
	purpose text COLLATE "C" NOT NULL,
	not_after bigint NOT NULL,
	created_at bigint NOT NULL,
	ended_by text COLLATE "C" NOT NULL,
	ended_at bigint NOT NULL,
	statement text COLLATE "C" NOT NULL,
	CONSTRAINT standings_pkey PRIMARY KEY (id)
);
CREATE INDEX standings_state ON public.standings USING btree (state, created_at, id);
GRANT INSERT ON standings;
GRANT SELECT ON standings;
GRANT UPDATE (ended_by, ended_at) ON standings;
CREATE TABLE state_locks (
	state text COLLATE "C" NOT NULL,
	CONSTRAINT state_locks_pkey PRIMARY KEY (state)
);
GRANT INSERT ON state_locks;
GRANT SELECT ON state_locks;
GRANT UPDATE (state) ON state_locks;
CREATE TABLE subjects (
	id text COLLATE "C" NOT NULL,
	case_id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	role text COLLATE "C" NOT NULL,
	minor boolean NOT NULL,
	protected boolean NOT NULL,
	tlp text COLLATE "C" NOT NULL,
	pap text COLLATE "C" NOT NULL,
	handling text COLLATE "C" NOT NULL,
	created_at bigint NOT NULL,
	sealed bytea NOT NULL,
	CONSTRAINT subjects_of_case FOREIGN KEY (case_id, state) REFERENCES cases(id, state),
	CONSTRAINT subjects_pkey PRIMARY KEY (id)
);
CREATE INDEX subjects_case ON public.subjects USING btree (case_id, created_at, id);
GRANT INSERT ON subjects;
GRANT SELECT ON subjects;
CREATE TABLE visibility (
	viewer text COLLATE "C" NOT NULL,
	updated_at bigint NOT NULL,
	case_id text COLLATE "C" NOT NULL,
	grant_id text COLLATE "C" NOT NULL,
	valid_from bigint NOT NULL,
	valid_until bigint NOT NULL,
	orig_state text COLLATE "C" NOT NULL,
	orig_agency text COLLATE "C" NOT NULL,
	category text COLLATE "C" NOT NULL,
	status text COLLATE "C" NOT NULL,
	via_agency text COLLATE "C" NOT NULL,
	purpose text COLLATE "C" NOT NULL,
	agreement_hash text COLLATE "C" NOT NULL,
	tlp text COLLATE "C" NOT NULL,
	seconded boolean NOT NULL,
	CONSTRAINT visibility_case_id_fkey FOREIGN KEY (case_id) REFERENCES cases(id),
	CONSTRAINT visibility_pkey PRIMARY KEY (case_id, viewer, grant_id)
);
CREATE INDEX visibility_viewer ON public.visibility USING btree (viewer, updated_at, case_id) INCLUDE (grant_id, valid_from, valid_until, orig_state, orig_agency, category, status, via_agency, purpose, agreement_hash, tlp, seconded);
GRANT DELETE ON visibility;
GRANT INSERT ON visibility;
GRANT SELECT ON visibility;
GRANT UPDATE (updated_at, category, status, tlp) ON visibility;
CREATE TABLE withdrawals (
	id text COLLATE "C" NOT NULL,
	case_id text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	proposed_by text COLLATE "C" NOT NULL,
	approved_by text COLLATE "C" NOT NULL,
	due_at bigint NOT NULL,
	status text COLLATE "C" NOT NULL,
	ended_by text COLLATE "C" NOT NULL,
	ended_at bigint NOT NULL,
	created_at bigint NOT NULL,
	sealed bytea NOT NULL,
	CONSTRAINT withdrawals_of_case FOREIGN KEY (case_id, state) REFERENCES cases(id, state),
	CONSTRAINT withdrawals_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX withdrawals_case ON public.withdrawals USING btree (case_id) WHERE (status = 'PENDING'::text);
CREATE INDEX withdrawals_state ON public.withdrawals USING btree (state, created_at, id);
GRANT INSERT ON withdrawals;
GRANT SELECT ON withdrawals;
GRANT UPDATE (status, ended_by, ended_at, sealed) ON withdrawals;
