-- +goose Up
-- The third state that a request wants to see what its asker reads, and the grant
-- under which that is. Every insert names these columns.
ALTER TABLE requests ADD COLUMN onward_to TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN onward_grant TEXT COLLATE "C" NOT NULL DEFAULT '';
