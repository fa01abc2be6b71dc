-- +goose Up
-- Proposals whose clock has not run out.
CREATE INDEX proposals_clock ON proposals (lapses_at) WHERE status = 'PROPOSED';
