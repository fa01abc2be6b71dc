-- +goose Up
-- An erasure looks for the openings that no erasure took yet, of however many.
CREATE INDEX openings_unerased ON openings (state, at, leaf_id) WHERE erased_by = '';
