-- +goose Up
-- What changes abroad by itself, and by what the policies open a case there.
-- The defaults are for the rows that there are, and go again.
ALTER TABLE cases ADD COLUMN listed_abroad BIGINT NOT NULL DEFAULT 0;
ALTER TABLE cases ALTER COLUMN listed_abroad DROP DEFAULT;
UPDATE cases SET listed_abroad = updated_abroad;

-- Of grants made before, '' stands for a hash that is not known here, but signed
-- in their statement: they open what they opened, and no filter finds by them.
ALTER TABLE grants ADD COLUMN agreement_hash TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE grants ALTER COLUMN agreement_hash DROP DEFAULT;
ALTER TABLE visibility ADD COLUMN agreement_hash TEXT COLLATE "C" NOT NULL DEFAULT ''; -- of the grant
ALTER TABLE visibility ALTER COLUMN agreement_hash DROP DEFAULT;

ALTER TABLE visibility ADD COLUMN tlp TEXT COLLATE "C" NOT NULL DEFAULT 'RED';
ALTER TABLE visibility ALTER COLUMN tlp DROP DEFAULT;
UPDATE visibility SET tlp = (SELECT c.tlp FROM cases c WHERE c.id = visibility.case_id);
DROP INDEX visibility_viewer;
CREATE INDEX visibility_viewer ON visibility (viewer, updated_at, case_id)
	INCLUDE (grant_id, valid_from, valid_until, orig_state, orig_agency, category, status, via_agency, purpose, agreement_hash, tlp);
