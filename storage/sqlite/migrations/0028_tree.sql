-- +goose Up
-- The record of acts becomes an RFC 6962 tree in the place of a chain of hashes.
-- Migration 29 computes it.
-- SQLite drops no column that a check of the table names, and other tables refer to this one:
-- the check goes first, as SQLite's documentation of ALTER TABLE (section 7) has it.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, ',
	CHECK ((idx IS NULL) = (chain IS NULL))', '') WHERE type = 'table' AND name = 'leaves';
PRAGMA writable_schema = RESET;
ALTER TABLE leaves DROP COLUMN chain;

-- What a leaf commits to stands in its row; of openings that are nobody's nothing else is
-- ever read.
ALTER TABLE leaves ADD COLUMN commitments BLOB NOT NULL DEFAULT x'';
UPDATE leaves SET commitments = coalesce((SELECT unhex(group_concat(o.hex, '')) FROM
	(SELECT hex(commitment) AS hex FROM openings WHERE leaf_id = leaves.id ORDER BY pos) o), x'');
DROP VIEW commitments;
CREATE VIEW commitments AS SELECT id AS leaf_id, commitments FROM leaves;
DELETE FROM openings WHERE state = '--';

-- The tiles (C2SP tlog-tiles) of 256 hashes, which never change. hashes is 256 times 32 bytes.
CREATE TABLE log_tiles (
	level  INTEGER NOT NULL,
	idx    INTEGER NOT NULL,
	hashes BLOB NOT NULL CHECK (length(hashes) = 8192),
	PRIMARY KEY (level, idx)
) STRICT;

-- root is the tree's; edge has the hashes that fill no tile yet, level by level from the
-- leaves' up.
ALTER TABLE log_head DROP COLUMN chain;
ALTER TABLE log_head ADD COLUMN root BLOB NOT NULL DEFAULT x'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' CHECK (length(root) = 32);
ALTER TABLE log_head ADD COLUMN edge BLOB NOT NULL DEFAULT x'';

-- What PostgreSQL has in the rights of the role that serves.
-- +goose StatementBegin
CREATE TRIGGER log_tiles_unchanged BEFORE UPDATE ON log_tiles BEGIN SELECT RAISE(ABORT, 'a tile of the log never changes'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_tiles_kept BEFORE DELETE ON log_tiles BEGIN SELECT RAISE(ABORT, 'a tile of the log stays'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER leaves_unchanged BEFORE UPDATE ON leaves WHEN OLD.idx IS NOT NULL OR (NEW.id, NEW.hash, NEW.at, NEW.commitments) <> (OLD.id, OLD.hash, OLD.at, OLD.commitments)
	BEGIN SELECT RAISE(ABORT, 'a leaf never changes, nor its place'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER leaves_kept BEFORE DELETE ON leaves BEGIN SELECT RAISE(ABORT, 'a leaf stays'); END;
-- +goose StatementEnd
