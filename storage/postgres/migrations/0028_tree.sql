-- +goose Up
-- The record of acts becomes an RFC 6962 tree in the place of a chain of hashes.
-- Migration 29 computes it.
ALTER TABLE leaves DROP COLUMN chain;

-- What a leaf commits to stands in its row; of openings that are nobody's nothing else is
-- ever read.
ALTER TABLE leaves ADD COLUMN commitments BYTEA NOT NULL DEFAULT '';
UPDATE leaves SET commitments = coalesce((SELECT string_agg(o.commitment, ''::bytea ORDER BY o.pos) FROM openings o WHERE o.leaf_id = leaves.id), '');
DROP VIEW commitments;
CREATE VIEW commitments AS SELECT id AS leaf_id, commitments FROM leaves;
DELETE FROM openings WHERE state = '--';

-- walls.sql has more than these in their place.
ALTER TABLE openings DROP CONSTRAINT openings_leaf_id_fkey;
ALTER TABLE facets_waiting DROP CONSTRAINT facets_waiting_leaf_id_fkey;

-- The tiles (C2SP tlog-tiles) of 256 hashes, which never change. hashes is 256 times 32 bytes.
CREATE TABLE log_tiles (
	level  BIGINT NOT NULL,
	idx    BIGINT NOT NULL,
	hashes BYTEA NOT NULL CHECK (length(hashes) = 8192),
	PRIMARY KEY (level, idx)
);
ALTER TABLE log_tiles ALTER hashes SET STORAGE EXTERNAL; -- hashes cannot be packed

-- root is the tree's; edge has the hashes that fill no tile yet, level by level from the
-- leaves' up.
ALTER TABLE log_head DROP COLUMN chain;
ALTER TABLE log_head ADD COLUMN root BYTEA NOT NULL DEFAULT '\xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' CHECK (length(root) = 32);
ALTER TABLE log_head ADD COLUMN edge BYTEA NOT NULL DEFAULT '';
ALTER TABLE log_head ALTER edge SET STORAGE EXTERNAL;
