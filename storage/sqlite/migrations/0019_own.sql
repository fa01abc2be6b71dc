-- +goose Up
-- What is inside a case, and what a state decides of one, is of the case's own
-- state (Article 1): no row of one state's is of another's case. An objection is
-- made to the state of the case, a notice delivered by the state that gave it.
-- SQLite takes no foreign key into a table that is there, so that triggers stand
-- for it. A row that is none stops the migration: somebody wrote it past the server.
CREATE TABLE of_another_state (n INTEGER CHECK (n = 0));
INSERT INTO of_another_state SELECT count(*) FROM entries t JOIN cases p ON p.id = t.case_id WHERE p.state <> t.state;
INSERT INTO of_another_state SELECT count(*) FROM subjects t JOIN cases p ON p.id = t.case_id WHERE p.state <> t.state;
INSERT INTO of_another_state SELECT count(*) FROM observables t JOIN cases p ON p.id = t.case_id WHERE p.state <> t.state;
INSERT INTO of_another_state SELECT count(*) FROM evidence t JOIN cases p ON p.id = t.case_id WHERE p.state <> t.state;
INSERT INTO of_another_state SELECT count(*) FROM releases t JOIN cases p ON p.id = t.case_id WHERE p.state <> t.state;
INSERT INTO of_another_state SELECT count(*) FROM grants t JOIN cases p ON p.id = t.case_id WHERE p.state <> t.state;
INSERT INTO of_another_state SELECT count(*) FROM holds t JOIN cases p ON p.id = t.case_id WHERE p.state <> t.state;
INSERT INTO of_another_state SELECT count(*) FROM withdrawals t JOIN cases p ON p.id = t.case_id WHERE p.state <> t.state;
INSERT INTO of_another_state SELECT count(*) FROM assessments t JOIN cases p ON p.id = t.case_id WHERE p.state <> t.state;
INSERT INTO of_another_state SELECT count(*) FROM objections t JOIN cases p ON p.id = t.case_id WHERE p.state <> t.to_state;
INSERT INTO of_another_state SELECT count(*) FROM deliveries t JOIN dispatches p ON p.id = t.notice WHERE p.state <> t.state;
DROP TABLE of_another_state;

-- +goose StatementBegin
CREATE TRIGGER cases_keep_state BEFORE UPDATE OF id, state ON cases WHEN NEW.id <> OLD.id OR NEW.state <> OLD.state
BEGIN SELECT RAISE(ABORT, 'cases_keep_state'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER dispatches_keep_state BEFORE UPDATE OF id, state ON dispatches
WHEN (NEW.id <> OLD.id OR NEW.state <> OLD.state) AND EXISTS (SELECT 1 FROM deliveries y WHERE y.notice = OLD.id)
BEGIN SELECT RAISE(ABORT, 'dispatches_keep_state'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER entries_of_case_inserted BEFORE INSERT ON entries
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'entries_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER entries_of_case_updated BEFORE UPDATE OF case_id, state ON entries
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'entries_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subjects_of_case_inserted BEFORE INSERT ON subjects
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'subjects_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subjects_of_case_updated BEFORE UPDATE OF case_id, state ON subjects
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'subjects_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER observables_of_case_inserted BEFORE INSERT ON observables
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'observables_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER observables_of_case_updated BEFORE UPDATE OF case_id, state ON observables
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'observables_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER evidence_of_case_inserted BEFORE INSERT ON evidence
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'evidence_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER evidence_of_case_updated BEFORE UPDATE OF case_id, state ON evidence
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'evidence_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER releases_of_case_inserted BEFORE INSERT ON releases
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'releases_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER releases_of_case_updated BEFORE UPDATE OF case_id, state ON releases
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'releases_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER grants_of_case_inserted BEFORE INSERT ON grants
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'grants_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER grants_of_case_updated BEFORE UPDATE OF case_id, state ON grants
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'grants_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER holds_of_case_inserted BEFORE INSERT ON holds
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'holds_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER holds_of_case_updated BEFORE UPDATE OF case_id, state ON holds
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'holds_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER withdrawals_of_case_inserted BEFORE INSERT ON withdrawals
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'withdrawals_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER withdrawals_of_case_updated BEFORE UPDATE OF case_id, state ON withdrawals
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'withdrawals_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER assessments_of_case_inserted BEFORE INSERT ON assessments
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'assessments_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER assessments_of_case_updated BEFORE UPDATE OF case_id, state ON assessments
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'assessments_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER objections_of_case_inserted BEFORE INSERT ON objections
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.to_state)
BEGIN SELECT RAISE(ABORT, 'objections_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER objections_of_case_updated BEFORE UPDATE OF case_id, to_state ON objections
WHEN NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = NEW.case_id AND c.state = NEW.to_state)
BEGIN SELECT RAISE(ABORT, 'objections_of_case'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER deliveries_of_notice_inserted BEFORE INSERT ON deliveries
WHEN NOT EXISTS (SELECT 1 FROM dispatches d WHERE d.id = NEW.notice AND d.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'deliveries_of_notice'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER deliveries_of_notice_updated BEFORE UPDATE OF notice, state ON deliveries
WHEN NOT EXISTS (SELECT 1 FROM dispatches d WHERE d.id = NEW.notice AND d.state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'deliveries_of_notice'); END;
-- +goose StatementEnd
