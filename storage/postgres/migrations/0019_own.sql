-- +goose Up
-- What is inside a case, and what a state decides of one, is of the case's own
-- state (Article 1): no row of one state's is of another's case. An objection is
-- made to the state of the case, a notice delivered by the state that gave it.
-- A row that is none stops the migration: somebody wrote it past the server.
CREATE UNIQUE INDEX cases_state ON cases (id, state);
ALTER TABLE entries ADD CONSTRAINT entries_of_case FOREIGN KEY (case_id, state) REFERENCES cases (id, state),
	DROP CONSTRAINT entries_case_id_fkey;
ALTER TABLE subjects ADD CONSTRAINT subjects_of_case FOREIGN KEY (case_id, state) REFERENCES cases (id, state),
	DROP CONSTRAINT subjects_case_id_fkey;
ALTER TABLE observables ADD CONSTRAINT observables_of_case FOREIGN KEY (case_id, state) REFERENCES cases (id, state),
	DROP CONSTRAINT observables_case_id_fkey;
ALTER TABLE evidence ADD CONSTRAINT evidence_of_case FOREIGN KEY (case_id, state) REFERENCES cases (id, state),
	DROP CONSTRAINT evidence_case_id_fkey;
ALTER TABLE releases ADD CONSTRAINT releases_of_case FOREIGN KEY (case_id, state) REFERENCES cases (id, state),
	DROP CONSTRAINT releases_case_id_fkey;
ALTER TABLE grants ADD CONSTRAINT grants_of_case FOREIGN KEY (case_id, state) REFERENCES cases (id, state),
	DROP CONSTRAINT grants_case_id_fkey;
ALTER TABLE holds ADD CONSTRAINT holds_of_case FOREIGN KEY (case_id, state) REFERENCES cases (id, state),
	DROP CONSTRAINT holds_case_id_fkey;
ALTER TABLE withdrawals ADD CONSTRAINT withdrawals_of_case FOREIGN KEY (case_id, state) REFERENCES cases (id, state),
	DROP CONSTRAINT withdrawals_case_id_fkey;
ALTER TABLE assessments ADD CONSTRAINT assessments_of_case FOREIGN KEY (case_id, state) REFERENCES cases (id, state),
	DROP CONSTRAINT assessments_case_id_fkey;
ALTER TABLE objections ADD CONSTRAINT objections_of_case FOREIGN KEY (case_id, to_state) REFERENCES cases (id, state),
	DROP CONSTRAINT objections_case_id_fkey;
CREATE UNIQUE INDEX dispatches_own ON dispatches (id, state);
ALTER TABLE deliveries ADD CONSTRAINT deliveries_of_notice FOREIGN KEY (notice, state) REFERENCES dispatches (id, state),
	DROP CONSTRAINT deliveries_notice_fkey;
