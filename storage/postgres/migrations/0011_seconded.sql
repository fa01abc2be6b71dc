-- +goose Up
-- A grant by two liaisons, or in danger to life, also opens, and so finds by
-- filters, a case that is TLP:RED. The default is for the rows that there are, and
-- goes again.
ALTER TABLE visibility ADD COLUMN seconded BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE visibility ALTER COLUMN seconded DROP DEFAULT;
DROP INDEX visibility_viewer;
CREATE INDEX visibility_viewer ON visibility (viewer, updated_at, case_id)
	INCLUDE (grant_id, valid_from, valid_until, orig_state, orig_agency, category, status, via_agency, purpose, agreement_hash, tlp, seconded);
