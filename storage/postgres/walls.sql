-- Row-level security: the third wall behind the SQL predicates and the policies.
-- Run by the owner after each migration, as rights.sql is; comity_app stands for
-- the application role. It is made anew each time.
--
-- A transaction says for whom it is (see storage.As): for one officer, who then
-- is shown what the policies below leave and nothing else, or for the system,
-- which sequences and carries out effects. The act of an officer was judged on
-- what the officer sees; its writing reads what it must lock, and leaves no row
-- of another state's record. One that says nothing sees and writes nothing. The policies are written over grants and assignments, never over the
-- visibility table, so that they also catch a wrong row there.
--
-- A new table gets the system's policy by itself, and is dark to officers until a
-- line under "What officers see" opens it to them. Where only the own state's
-- acts may write its rows, it belongs into the list under "What acts write", with
-- what must hold of its parent: 'case' where that is a case of the same state.

DO $$
DECLARE t RECORD;
BEGIN
	FOR t IN SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public' LOOP
		EXECUTE format('DROP POLICY %I ON %I', t.policyname, t.tablename);
	END LOOP;
END $$;
DROP VIEW IF EXISTS seen_cases, seen_own, seen_assignments, seen_grants, concerned;

-- The settings, each read once in a statement where it is a scalar subquery.
-- What was set for a transaction reads as '' after it, not as NULL.
CREATE OR REPLACE FUNCTION comity_system() RETURNS BOOLEAN LANGUAGE sql STABLE PARALLEL SAFE
	AS $$ SELECT coalesce(current_setting('comity.acting', true), '') = 'system' $$;
CREATE OR REPLACE FUNCTION comity_writes() RETURNS BOOLEAN LANGUAGE sql STABLE PARALLEL SAFE
	AS $$ SELECT coalesce(current_setting('comity.acting', true), '') IN ('system', 'act') $$;
CREATE OR REPLACE FUNCTION comity_state() RETURNS TEXT LANGUAGE sql STABLE PARALLEL SAFE
	AS $$ SELECT nullif(current_setting('comity.state', true), '') $$;
CREATE OR REPLACE FUNCTION comity_agency() RETURNS TEXT LANGUAGE sql STABLE PARALLEL SAFE
	AS $$ SELECT nullif(current_setting('comity.agency', true), '') $$;
CREATE OR REPLACE FUNCTION comity_officer() RETURNS TEXT LANGUAGE sql STABLE PARALLEL SAFE
	AS $$ SELECT nullif(current_setting('comity.officer', true), '') $$;
CREATE OR REPLACE FUNCTION comity_role() RETURNS TEXT LANGUAGE sql STABLE PARALLEL SAFE
	AS $$ SELECT nullif(current_setting('comity.role', true), '') $$;
CREATE OR REPLACE FUNCTION comity_token() RETURNS TEXT LANGUAGE sql STABLE PARALLEL SAFE
	AS $$ SELECT nullif(current_setting('comity.token', true), '') $$;
CREATE OR REPLACE FUNCTION comity_viewers() RETURNS TEXT[] LANGUAGE sql STABLE PARALLEL SAFE
	AS $$ SELECT nullif(current_setting('comity.viewers', true), '')::text[] $$;
CREATE OR REPLACE FUNCTION comity_now() RETURNS BIGINT LANGUAGE sql STABLE PARALLEL SAFE
	AS $$ SELECT nullif(current_setting('comity.now', true), '')::bigint $$;

-- By what an officer sees cases: views of the owner, whom no policy stops, so
-- that none is evaluated within another. They show an officer only the officer's
-- own, as the policies do.
CREATE VIEW seen_assignments AS
	SELECT a.case_id, a.viewer FROM assignments a WHERE (SELECT comity_writes()) OR a.viewer = ANY ((SELECT comity_viewers())::text[]);
CREATE VIEW seen_grants AS
	SELECT g.case_id, g.scope, g.subjects FROM grants g
	WHERE g.viewer = ANY ((SELECT comity_viewers())::text[]) AND g.was_active AND g.state <> (SELECT comity_state())
		AND g.grantee_state = (SELECT comity_state()) AND g.grantee_agency IN ('', (SELECT comity_agency()))
		AND g.grantee_officer IN ('', (SELECT comity_officer()))
		AND g.status = 'ACTIVE' AND g.not_before <= (SELECT comity_now()) AND g.not_after > (SELECT comity_now())
		AND EXISTS (SELECT 1 FROM cases c WHERE c.id = g.case_id AND c.state = g.state AND NOT c.reserved OFFSET 0);
-- The own state's cases themselves, for what belongs to them.
CREATE VIEW seen_own AS
	SELECT c.id FROM cases c WHERE c.state = (SELECT comity_state()) AND EXISTS (SELECT 1 FROM seen_assignments a WHERE a.case_id = c.id OFFSET 0);

-- Whom acts may deliver a notice to.
CREATE VIEW concerned AS
	SELECT n.id AS notice, n.state, x.state AS reader FROM dispatches n JOIN disclosures x ON x.record_id = n.record_id
	WHERE n.kind = 'NOTICE' AND (SELECT comity_writes());

-- What every reader of a leaf sees of all its openings.
CREATE OR REPLACE VIEW commitments AS SELECT l.id AS leaf_id, l.commitments FROM leaves l
	WHERE (SELECT comity_writes()) OR EXISTS (SELECT 1 FROM openings o WHERE o.leaf_id = l.id AND o.state = (SELECT comity_state()) OFFSET 0);

-- What liaisons and authority see of all that their state was granted, and others of
-- what they read under.
CREATE OR REPLACE VIEW granted AS SELECT g.id, g.case_id, g.state, g.grantee_state, g.tlp, g.pap, g.handling, g.statement FROM grants g
	WHERE g.was_active AND ((SELECT comity_writes()) OR g.state <> (SELECT comity_state()) AND g.grantee_state = (SELECT comity_state())
		AND ((SELECT comity_role()) IN ('LIAISON', 'AUTHORITY')
			OR EXISTS (SELECT 1 FROM disclosures x WHERE x.grant_id = g.id AND x.officer = (SELECT comity_officer()) OFFSET 0)));

-- The owner migrates and is no role that serves: its own views need it unstopped.
DO $$
DECLARE t RECORD;
BEGIN
	FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'goose_db_version' LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY; ALTER TABLE %1$I FORCE ROW LEVEL SECURITY', t.relname);
		EXECUTE format('CREATE POLICY owner ON %I TO CURRENT_USER USING (true)', t.relname);
		EXECUTE format('CREATE POLICY system ON %I TO comity_app USING ((SELECT comity_writes())) WITH CHECK ((SELECT comity_writes()))', t.relname);
	END LOOP;
END $$;

-- What acts write: records of the own state alone (Article 2), beside what tells
-- every state concerned, and those within records of the own state (Article 1): the
-- row's parent is looked at as well as the row.
DO $$
DECLARE t RECORD;
BEGIN
	FOR t IN SELECT * FROM (VALUES
		('cases', 'true'), ('mandates', 'true'), ('manifests', 'true'), ('officers', 'true'), ('reservations', 'true'), ('effects', 'true'), ('shifts', 'true'), ('standings', 'true'), ('erasures', 'true'),
		('entries', 'case'), ('subjects', 'case'), ('observables', 'case'), ('evidence', 'case'), ('grants', 'case'), ('releases', 'case'),
		('holds', 'case'), ('withdrawals', 'case'), ('assessments', 'case'),
		-- What names a record of any kind names no case of another state.
		('record_keys', 'NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = record_keys.record AND c.state <> record_keys.state OFFSET 0)'),
		('proposals', 'NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = proposals.record_id AND c.state <> proposals.state OFFSET 0)'),
		-- Custody is of an own exhibit, or of one that a grant opened to the own state.
		('custody', 'EXISTS (SELECT 1 FROM evidence e WHERE e.id = custody.evidence_id AND (e.state = custody.state
			OR EXISTS (SELECT 1 FROM grants g WHERE g.id = custody.grant_id AND g.case_id = e.case_id AND g.grantee_state = custody.state AND g.was_active OFFSET 0)) OFFSET 0)'),
		('messages', 'EXISTS (SELECT 1 FROM requests r WHERE r.id = messages.request_id AND messages.state IN (r.state, r.to_state) OFFSET 0)'),
		('refusals', 'EXISTS (SELECT 1 FROM requests r WHERE r.id = refusals.request_id AND r.to_state = refusals.state OFFSET 0)'),
		('objections', 'EXISTS (SELECT 1 FROM grants g WHERE g.id = objections.grant_id AND g.case_id = objections.case_id AND g.state = objections.to_state
			AND g.grantee_state = objections.state AND g.was_active OFFSET 0)'),
		('disclosures', 'EXISTS (SELECT 1 FROM grants g WHERE g.id = disclosures.grant_id AND g.case_id = disclosures.case_id
			AND g.grantee_state = disclosures.state AND g.was_active OFFSET 0)'),
		-- What is handed over is about an own case, or about one that a grant opened to the own state.
		('dispatches', 'CASE WHEN dispatches.kind IN (''ANNOTATION'', ''COMPELLED'') THEN EXISTS (SELECT 1 FROM grants g WHERE g.id = dispatches.grant_id
				AND g.case_id = dispatches.case_id AND g.state = dispatches.to_state AND g.grantee_state = dispatches.state AND g.was_active OFFSET 0)
			ELSE dispatches.case_id = '''' OR EXISTS (SELECT 1 FROM cases c WHERE c.id = dispatches.case_id AND c.state = dispatches.state OFFSET 0) END')
	) AS t (name, parent) LOOP
		IF t.parent = 'case' THEN
			t.parent := format('EXISTS (SELECT 1 FROM cases c WHERE c.id = %I.case_id AND c.state = %1$I.state OFFSET 0)', t.name);
		END IF;
		EXECUTE format('CREATE POLICY own_insert ON %I AS RESTRICTIVE FOR INSERT TO comity_app WITH CHECK ((SELECT comity_system()) OR state = (SELECT comity_state()) AND (%s))',
			t.name, t.parent);
		IF t.name <> 'dispatches' THEN -- which the other side answers
			EXECUTE format('CREATE POLICY own_update ON %I AS RESTRICTIVE FOR UPDATE TO comity_app USING (true) WITH CHECK ((SELECT comity_system()) OR state = (SELECT comity_state()))', t.name);
		END IF;
	END LOOP;
END $$;
CREATE POLICY own_delete ON effects AS RESTRICTIVE FOR DELETE TO comity_app
	USING ((SELECT comity_system()) OR state = (SELECT comity_state()));

-- A request lies between two.
CREATE POLICY own_insert ON requests AS RESTRICTIVE FOR INSERT TO comity_app
	WITH CHECK ((SELECT comity_system()) OR state = (SELECT comity_state()));
CREATE POLICY own_update ON requests AS RESTRICTIVE FOR UPDATE TO comity_app USING (true)
	WITH CHECK ((SELECT comity_system()) OR (SELECT comity_state()) IN (state, to_state));
CREATE POLICY own_insert ON visibility AS RESTRICTIVE FOR INSERT TO comity_app
	WITH CHECK ((SELECT comity_system()) OR orig_state = (SELECT comity_state())
		AND EXISTS (SELECT 1 FROM cases c WHERE c.id = case_id AND c.state = orig_state OFFSET 0));
CREATE POLICY own_update ON visibility AS RESTRICTIVE FOR UPDATE TO comity_app USING (true)
	WITH CHECK ((SELECT comity_system()) OR orig_state = (SELECT comity_state()));
CREATE POLICY own_delete ON visibility AS RESTRICTIVE FOR DELETE TO comity_app
	USING ((SELECT comity_system()) OR orig_state = (SELECT comity_state()));
CREATE POLICY own_insert ON assignments AS RESTRICTIVE FOR INSERT TO comity_app
	WITH CHECK ((SELECT comity_system()) OR EXISTS (SELECT 1 FROM cases c WHERE c.id = case_id AND c.state = (SELECT comity_state()) OFFSET 0));
CREATE POLICY own_delete ON assignments AS RESTRICTIVE FOR DELETE TO comity_app
	USING ((SELECT comity_system()) OR EXISTS (SELECT 1 FROM cases c WHERE c.id = case_id AND c.state = (SELECT comity_state()) OFFSET 0));

-- A dispatch lies between two states, a notice between its own and each reader's: it
-- reaches those to whom the record was shown, by either's act, and nobody else.
CREATE POLICY own_update ON dispatches AS RESTRICTIVE FOR UPDATE TO comity_app USING (true)
	WITH CHECK ((SELECT comity_system()) OR (SELECT comity_state()) IN (state, to_state));
CREATE POLICY own_insert ON deliveries AS RESTRICTIVE FOR INSERT TO comity_app
	WITH CHECK ((SELECT comity_system()) OR (SELECT comity_state()) IN (state, to_state) AND EXISTS (SELECT 1 FROM concerned n
		WHERE n.notice = deliveries.notice AND n.state = deliveries.state AND n.reader = deliveries.to_state OFFSET 0));
CREATE POLICY own_update ON deliveries AS RESTRICTIVE FOR UPDATE TO comity_app USING (true)
	WITH CHECK ((SELECT comity_system()) OR to_state = (SELECT comity_state()));

-- The order of the record of acts is the sequencer's, and what answers a repeat its
-- own sender's.
CREATE POLICY sequencer ON leaves AS RESTRICTIVE FOR UPDATE TO comity_app USING (idx IS NULL) WITH CHECK ((SELECT comity_system()));
CREATE POLICY sequencer_insert ON leaves AS RESTRICTIVE FOR INSERT TO comity_app WITH CHECK (idx IS NULL OR (SELECT comity_system()));
CREATE POLICY sequencer_insert ON log_tiles AS RESTRICTIVE FOR INSERT TO comity_app WITH CHECK ((SELECT comity_system()));
CREATE POLICY sequencer ON log_head AS RESTRICTIVE FOR UPDATE TO comity_app USING (true) WITH CHECK ((SELECT comity_system()));
CREATE POLICY sequencer_insert ON log_facets AS RESTRICTIVE FOR INSERT TO comity_app WITH CHECK ((SELECT comity_system()));
-- Of an opening nothing is ever rewritten: it is erased as a whole, once, by the system
-- that carries out what two officers of its own state decided.
CREATE POLICY erases ON openings AS RESTRICTIVE FOR UPDATE TO comity_app USING (erased_by = '')
	WITH CHECK ((SELECT comity_system()) AND erased_by <> '' AND length(content) = 0 AND salt = decode(repeat('00', 32), 'hex')
		AND EXISTS (SELECT 1 FROM erasures e WHERE e.state = openings.state AND e.status = 'RUNNING' AND openings.at < e.before_at OFFSET 0));
CREATE POLICY erases ON log_facets AS RESTRICTIVE FOR DELETE TO comity_app USING ((SELECT comity_system()));
-- Openings come with their leaf, and none to one that has its place. This takes the
-- place of a foreign key, which costs an act twice as much.
CREATE POLICY opening ON openings AS RESTRICTIVE FOR INSERT TO comity_app WITH CHECK (
	EXISTS (SELECT 1 FROM leaves l WHERE l.id = leaf_id AND l.idx IS NULL OFFSET 0));
-- What finds no opening would take the place of what does in a page, and what finds one
-- that has its place would find it twice.
CREATE POLICY opening ON facets_waiting AS RESTRICTIVE FOR INSERT TO comity_app WITH CHECK (
	EXISTS (SELECT 1 FROM openings o WHERE o.state = facets_waiting.state AND o.at = facets_waiting.at AND o.leaf_id = facets_waiting.leaf_id OFFSET 0)
	AND EXISTS (SELECT 1 FROM leaves l WHERE l.id = leaf_id AND l.idx IS NULL OFFSET 0));
CREATE POLICY sequencer_delete ON facets_waiting AS RESTRICTIVE FOR DELETE TO comity_app USING ((SELECT comity_system()));
CREATE POLICY own_insert ON idempotency AS RESTRICTIVE FOR INSERT TO comity_app
	WITH CHECK ((SELECT comity_system()) OR issuer || E'\n' || subject = (SELECT comity_token()));
CREATE POLICY own_delete ON idempotency AS RESTRICTIVE FOR DELETE TO comity_app USING ((SELECT comity_system()));
-- Checkpoints are the system's, which signs them.
CREATE POLICY checkpoints_insert ON log_checkpoints AS RESTRICTIVE FOR INSERT TO comity_app WITH CHECK ((SELECT comity_system()));
CREATE POLICY checkpoints_update ON log_checkpoints AS RESTRICTIVE FOR UPDATE TO comity_app USING (true) WITH CHECK ((SELECT comity_system()));
CREATE POLICY checkpoints_delete ON log_checkpoints AS RESTRICTIVE FOR DELETE TO comity_app USING ((SELECT comity_system()));
-- Events tell every state concerned, and their places are the system's to give.
CREATE POLICY places ON events AS RESTRICTIVE FOR UPDATE TO comity_app USING (true) WITH CHECK ((SELECT comity_system()));
CREATE POLICY forgets ON events AS RESTRICTIVE FOR DELETE TO comity_app USING ((SELECT comity_system()));
CREATE POLICY places ON event_head AS RESTRICTIVE FOR UPDATE TO comity_app USING (true) WITH CHECK ((SELECT comity_system()));

-- What officers see.
CREATE POLICY officer ON cases FOR SELECT TO comity_app USING (
	state = (SELECT comity_state()) AND EXISTS (SELECT 1 FROM seen_assignments a WHERE a.case_id = cases.id OFFSET 0)
	OR state <> (SELECT comity_state()) AND EXISTS (SELECT 1 FROM seen_grants g WHERE g.case_id = cases.id OFFSET 0));
-- Who is assigned is told so whatever else: it spares looking at the case, which the
-- policy on cases does.
CREATE POLICY officer ON assignments FOR SELECT TO comity_app USING (
	viewer = ANY ((SELECT comity_viewers())::text[])
	OR EXISTS (SELECT 1 FROM seen_own c WHERE c.id = case_id OFFSET 0));

CREATE POLICY officer ON entries FOR SELECT TO comity_app USING (
	state = (SELECT comity_state()) AND EXISTS (SELECT 1 FROM seen_assignments a WHERE a.case_id = entries.case_id OFFSET 0)
	OR state <> (SELECT comity_state()) AND tlp <> 'RED'
		AND EXISTS (SELECT 1 FROM seen_grants g WHERE g.case_id = entries.case_id AND g.scope = 'FULL' OFFSET 0));
CREATE POLICY officer ON subjects FOR SELECT TO comity_app USING (
	state = (SELECT comity_state()) AND EXISTS (SELECT 1 FROM seen_assignments a WHERE a.case_id = subjects.case_id OFFSET 0)
	OR state <> (SELECT comity_state()) AND tlp <> 'RED'
		AND EXISTS (SELECT 1 FROM seen_grants g WHERE g.case_id = subjects.case_id AND g.scope = 'FULL'
			AND (NOT subjects.protected OR g.subjects::jsonb ? subjects.id) OFFSET 0));
CREATE POLICY officer ON observables FOR SELECT TO comity_app USING (
	state = (SELECT comity_state()) AND EXISTS (SELECT 1 FROM seen_assignments a WHERE a.case_id = observables.case_id OFFSET 0)
	OR state <> (SELECT comity_state()) AND tlp <> 'RED'
		AND EXISTS (SELECT 1 FROM seen_grants g WHERE g.case_id = observables.case_id AND g.scope = 'FULL' OFFSET 0));
-- That a grant opens those exhibits alone which it names is for the predicate and
-- the policies: who opens another of the case is told why not.
CREATE POLICY officer ON evidence FOR SELECT TO comity_app USING (
	state = (SELECT comity_state()) AND EXISTS (SELECT 1 FROM seen_assignments a WHERE a.case_id = evidence.case_id OFFSET 0)
	OR state <> (SELECT comity_state()) AND EXISTS (SELECT 1 FROM seen_grants g WHERE g.case_id = evidence.case_id OFFSET 0));
-- Of an exhibit's custody the originator sees all, a grantee the originator's and its own.
CREATE POLICY officer ON custody FOR SELECT TO comity_app USING (
	EXISTS (SELECT 1 FROM evidence e WHERE e.id = evidence_id
		AND (e.state = (SELECT comity_state()) OR custody.state IN (e.state, (SELECT comity_state()))) OFFSET 0));

CREATE POLICY officer ON requests FOR SELECT TO comity_app USING (
	state = (SELECT comity_state()) AND ((SELECT comity_role()) IN ('LIAISON', 'AUTHORITY') OR (SELECT comity_role()) = 'INVESTIGATOR' AND officer = (SELECT comity_officer()))
	OR to_state = (SELECT comity_state()) AND ((SELECT comity_role()) IN ('LIAISON', 'AUTHORITY')
		OR (SELECT comity_role()) = 'INVESTIGATOR' AND routed_to = (SELECT comity_agency())));
CREATE POLICY officer ON messages FOR SELECT TO comity_app USING (
	EXISTS (SELECT 1 FROM requests r WHERE r.id = request_id OFFSET 0));
CREATE POLICY officer ON refusals FOR SELECT TO comity_app USING (
	EXISTS (SELECT 1 FROM requests r WHERE r.id = request_id OFFSET 0));

CREATE POLICY officer ON disclosures FOR SELECT TO comity_app USING (state = (SELECT comity_state()));
CREATE POLICY officer ON deliveries FOR SELECT TO comity_app USING ((SELECT comity_state()) IN (state, to_state));
CREATE POLICY officer ON dispatches FOR SELECT TO comity_app USING (
	kind <> 'NOTICE' AND state = (SELECT comity_state())
		AND ((SELECT comity_role()) IN ('LIAISON', 'AUTHORITY') OR officer = (SELECT comity_officer()))
	OR kind IN ('REFERRAL', 'UNDERTAKING', 'COMPELLED') AND to_state = (SELECT comity_state()) AND (SELECT comity_role()) IN ('LIAISON', 'AUTHORITY')
	OR kind IN ('ANNOTATION', 'COMPELLED') AND to_state = (SELECT comity_state())
		AND EXISTS (SELECT 1 FROM seen_assignments a WHERE a.case_id = dispatches.case_id OFFSET 0)
	OR kind = 'NOTICE' AND state = (SELECT comity_state())
		AND EXISTS (SELECT 1 FROM seen_assignments a WHERE a.case_id = dispatches.case_id OFFSET 0)
	OR kind = 'NOTICE' AND EXISTS (SELECT 1 FROM deliveries y WHERE y.notice = dispatches.id AND y.to_state = (SELECT comity_state()) OFFSET 0)
		AND ((SELECT comity_role()) IN ('LIAISON', 'AUTHORITY') OR EXISTS (SELECT 1 FROM disclosures x
			WHERE x.record_id = dispatches.record_id AND x.officer = (SELECT comity_officer()) OFFSET 0))
	OR kind = 'ANNOTATION' AND status = 'ACCEPTED' AND tlp NOT IN ('RED', 'AMBER_STRICT') AND handling NOT IN ('H2', 'H3')
		AND record_id NOT LIKE 'evidence%'
		AND (record_id NOT LIKE 'subject%' OR EXISTS (SELECT 1 FROM subjects s WHERE s.id = record_id AND NOT s.protected AND s.tlp <> 'RED' OFFSET 0))
		AND EXISTS (SELECT 1 FROM seen_grants g WHERE g.case_id = dispatches.case_id AND g.scope = 'FULL' OFFSET 0));

-- Of another state's duty roster its liaisons and authority see what covers now;
-- whom that is for, by an agreement, is for the policies.
CREATE POLICY officer ON shifts FOR SELECT TO comity_app USING (
	state = (SELECT comity_state()) AND (SELECT comity_role()) IN ('LIAISON', 'AUTHORITY', 'AUDITOR')
	OR withdrawn_at = 0 AND from_at <= (SELECT comity_now()) AND until_at > (SELECT comity_now())
		AND (state = (SELECT comity_state()) OR (SELECT comity_role()) IN ('LIAISON', 'AUTHORITY')));

-- Keys of what is seen; a case has its own in its row. A reservation of a category is
-- seen by its whole state, and that of an erasure is there from when it is proposed.
CREATE POLICY officer ON record_keys FOR SELECT TO comity_app USING (
	EXISTS (SELECT 1 FROM requests r WHERE r.id = record OFFSET 0)
	OR EXISTS (SELECT 1 FROM reservations r WHERE r.id = record OFFSET 0)
	OR EXISTS (SELECT 1 FROM dispatches d WHERE d.id = record OFFSET 0)
	OR EXISTS (SELECT 1 FROM shifts s WHERE s.id = record OFFSET 0)
	OR EXISTS (SELECT 1 FROM erasures e WHERE e.id = record OFFSET 0)
	OR record LIKE 'erasure%' AND EXISTS (SELECT 1 FROM proposals p WHERE p.state = record_keys.state AND p.record_id = record OFFSET 0));

CREATE POLICY officer ON grants FOR SELECT TO comity_app USING (
	state = (SELECT comity_state()) AND ((SELECT comity_role()) IN ('LIAISON', 'AUTHORITY', 'AUDITOR')
		OR EXISTS (SELECT 1 FROM seen_assignments a WHERE a.case_id = grants.case_id OFFSET 0))
	OR state <> (SELECT comity_state()) AND was_active AND grantee_state = (SELECT comity_state())
		AND grantee_agency IN ('', (SELECT comity_agency())) AND grantee_officer IN ('', (SELECT comity_officer())));
CREATE POLICY officer ON visibility FOR SELECT TO comity_app USING (viewer = ANY ((SELECT comity_viewers())::text[]));
CREATE POLICY officer ON releases FOR SELECT TO comity_app USING (
	state = (SELECT comity_state()) AND EXISTS (SELECT 1 FROM seen_assignments a WHERE a.case_id = releases.case_id OFFSET 0));

-- A state's own affairs.
CREATE POLICY officer ON assessments FOR SELECT TO comity_app USING (
	state = (SELECT comity_state()) AND EXISTS (SELECT 1 FROM seen_assignments a WHERE a.case_id = assessments.case_id OFFSET 0));
CREATE POLICY officer ON objections FOR SELECT TO comity_app USING (
	(SELECT comity_state()) IN (state, to_state) AND EXISTS (SELECT 1 FROM grants g WHERE g.id = grant_id OFFSET 0));
CREATE POLICY officer ON standings FOR SELECT TO comity_app USING (
	state = (SELECT comity_state()) AND (SELECT comity_role()) IN ('LIAISON', 'AUTHORITY', 'AUDITOR'));
CREATE POLICY officer ON erasures FOR SELECT TO comity_app USING (
	state = (SELECT comity_state()) AND (SELECT comity_role()) IN ('LIAISON', 'AUTHORITY', 'AUDITOR'));
CREATE POLICY officer ON mandates FOR SELECT TO comity_app USING (state = (SELECT comity_state()));
CREATE POLICY officer ON officers FOR SELECT TO comity_app USING (state = (SELECT comity_state()));
CREATE POLICY officer ON proposals FOR SELECT TO comity_app USING (state = (SELECT comity_state()) AND role = (SELECT comity_role()));
CREATE POLICY officer ON reservations FOR SELECT TO comity_app USING (state = (SELECT comity_state()));
-- A hold for another state's request is seen by who sees that, as its execution tells of it.
CREATE POLICY officer ON holds FOR SELECT TO comity_app USING (
	state = (SELECT comity_state()) AND (EXISTS (SELECT 1 FROM seen_assignments a WHERE a.case_id = holds.case_id OFFSET 0)
		OR request_id <> '' AND EXISTS (SELECT 1 FROM requests r WHERE r.id = holds.request_id AND r.to_state = (SELECT comity_state()) OFFSET 0)));
CREATE POLICY officer ON withdrawals FOR SELECT TO comity_app USING (
	state = (SELECT comity_state()) AND EXISTS (SELECT 1 FROM seen_assignments a WHERE a.case_id = withdrawals.case_id OFFSET 0));
CREATE POLICY officer ON openings FOR SELECT TO comity_app USING (state = (SELECT comity_state()));
CREATE POLICY officer ON log_facets FOR SELECT TO comity_app USING (state = (SELECT comity_state()));
CREATE POLICY officer ON facets_waiting FOR SELECT TO comity_app USING (state = (SELECT comity_state()));
CREATE POLICY officer ON idempotency FOR SELECT TO comity_app USING (issuer || E'\n' || subject = (SELECT comity_token()));

-- What states say of themselves to all.
CREATE POLICY officer ON manifests FOR SELECT TO comity_app USING ((SELECT comity_state()) IS NOT NULL);

-- Hashes, of which everybody may have all.
CREATE POLICY officer ON leaves FOR SELECT TO comity_app USING ((SELECT comity_state()) IS NOT NULL);
CREATE POLICY officer ON log_tiles FOR SELECT TO comity_app USING ((SELECT comity_state()) IS NOT NULL);
CREATE POLICY officer ON log_head FOR SELECT TO comity_app USING ((SELECT comity_state()) IS NOT NULL);
CREATE POLICY officer ON log_checkpoints FOR SELECT TO comity_app USING ((SELECT comity_state()) IS NOT NULL);

REVOKE ALL ON seen_assignments, seen_grants, seen_own, concerned, commitments, granted FROM comity_app;
GRANT SELECT ON seen_assignments, seen_grants, seen_own, concerned, commitments, granted TO comity_app;
