-- +goose Up
-- A grant by two liaisons, or in danger to life, also opens, and so finds by
-- filters, a case that is TLP:RED. Every insert names the column; the default is
-- for the rows that there are.
ALTER TABLE visibility ADD COLUMN seconded INTEGER NOT NULL DEFAULT 0;
DROP INDEX visibility_viewer;
CREATE INDEX visibility_viewer ON visibility (viewer, updated_at, case_id,
	grant_id, valid_from, valid_until, orig_state, orig_agency, category, status, via_agency, purpose, agreement_hash, tlp, seconded);
