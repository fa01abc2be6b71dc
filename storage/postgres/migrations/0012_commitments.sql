-- +goose Up
-- What every state may see of all openings of a leaf: that they are there.
CREATE VIEW commitments AS SELECT leaf_id, pos, commitment FROM openings;
