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
CREATE TRIGGER leaves_unchanged BEFORE UPDATE ON leaves WHEN OLD.idx IS NOT NULL OR (NEW.id, NEW.hash, NEW.at) <> (OLD.id, OLD.hash, OLD.at)
	BEGIN SELECT RAISE(ABORT, 'a leaf never changes, nor its place'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER leaves_kept BEFORE DELETE ON leaves BEGIN SELECT RAISE(ABORT, 'a leaf stays'); END;
-- +goose StatementEnd
