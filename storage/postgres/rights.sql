-- What the application role may do. Run by the owner after each migration;
-- comity_app stands for the role. Everything that is not here is refused: to
-- change an originator, to rewrite a leaf, to delete a case or a message.
SELECT pg_advisory_xact_lock(x'636f6d6974790a'::bigint); -- one migrating server at a time
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM comity_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO comity_app;
-- What leaves commit to is read through the view, by whoever reads an opening of theirs.
REVOKE SELECT ON leaves FROM comity_app;
GRANT SELECT (id, hash, at, idx) ON leaves TO comity_app;
REVOKE INSERT ON goose_db_version, log_head, event_head FROM comity_app;

GRANT UPDATE (owner, category, status, tlp, pap, handling, nexus, reserved, version, version_abroad, updated_at,
	updated_abroad, listed_abroad, sealed, assessed_category, assessed_finding, assessed_by) ON cases TO comity_app;
GRANT UPDATE (status, size, object_version, root, plain_sha256, parts, completed_at, sealed, receipt) ON evidence TO comity_app;
GRANT UPDATE (routed_to, urgency, status, ground, tlp, pap, handling, version, updated_at, due_at, postponed_to, refusal,
	sealed, sealed_to) ON requests TO comity_app;
GRANT UPDATE (scope, exhibits, subjects, tlp, pap, handling, caveats, not_before, not_after, status, was_active, ended_at, version,
	narrowing, confirmation) ON grants TO comity_app;
GRANT UPDATE (agency, role, function, seen_at) ON officers TO comity_app;
GRANT DELETE ON idempotency TO comity_app;
GRANT UPDATE (ended_at) ON mandates TO comity_app;
GRANT UPDATE (lifted_at) ON reservations TO comity_app;
GRANT UPDATE (status, decided_by, decided_at, declined) ON proposals TO comity_app;
GRANT UPDATE (withdrawn_by, withdrawn_at) ON releases TO comity_app;
GRANT UPDATE (released_by, released_at) ON holds TO comity_app;
GRANT UPDATE (status, ended_by, ended_at, sealed) ON withdrawals TO comity_app;
GRANT UPDATE (category, tlp, pap, handling, status, version, due_at, answered_by, answered_at, answer, sealed, answered) ON dispatches TO comity_app;
GRANT UPDATE (status, answered_by, answered_at, answered) ON deliveries TO comity_app;
GRANT UPDATE (withdrawn_by, withdrawn_at) ON shifts TO comity_app;
GRANT UPDATE (ended_by, ended_at) ON standings TO comity_app;
GRANT UPDATE (signed), DELETE ON log_checkpoints TO comity_app;
GRANT UPDATE (idx) ON leaves TO comity_app;
GRANT UPDATE (size, root, edge) ON log_head TO comity_app;
GRANT DELETE ON facets_waiting TO comity_app;
GRANT UPDATE (salt, content, erased_by) ON openings TO comity_app;
GRANT DELETE ON log_facets TO comity_app;
GRANT UPDATE (status, done_at, erased, kept, past_at, past_id) ON erasures TO comity_app;
GRANT UPDATE (seq), DELETE ON events TO comity_app;
GRANT UPDATE (seq, forgotten, swept_at) ON event_head TO comity_app;
GRANT UPDATE (attempts, not_before), DELETE ON effects TO comity_app;
GRANT UPDATE (updated_at, category, status, tlp), DELETE ON visibility TO comity_app;
GRANT DELETE ON assignments TO comity_app;
-- To lock rows, PostgreSQL wants the right to change a column of them.
GRANT UPDATE (state) ON state_locks TO comity_app;
GRANT UPDATE (expires), DELETE ON nonces TO comity_app;
GRANT UPDATE (left_milli, at, takers) ON allowances TO comity_app;
