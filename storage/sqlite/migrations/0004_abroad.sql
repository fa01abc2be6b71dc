-- +goose Up
-- What changes abroad by itself, and by what the policies open a case there.
-- Every insert names these columns; the defaults are for the rows that there are.
ALTER TABLE cases ADD COLUMN listed_abroad INTEGER NOT NULL DEFAULT 0;
UPDATE cases SET listed_abroad = updated_abroad;

-- Of grants made before, '' stands for a hash that is not known here, but signed
-- in their statement: they open what they opened, and no filter finds by them.
ALTER TABLE grants ADD COLUMN agreement_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE visibility ADD COLUMN agreement_hash TEXT NOT NULL DEFAULT ''; -- of the grant

ALTER TABLE visibility ADD COLUMN tlp TEXT NOT NULL DEFAULT 'RED';
UPDATE visibility SET tlp = (SELECT c.tlp FROM cases c WHERE c.id = visibility.case_id);
DROP INDEX visibility_viewer;
CREATE INDEX visibility_viewer ON visibility (viewer, updated_at, case_id,
	grant_id, valid_from, valid_until, orig_state, orig_agency, category, status, via_agency, purpose, agreement_hash, tlp);
