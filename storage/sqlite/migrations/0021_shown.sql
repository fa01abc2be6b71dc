-- +goose Up
-- Of each case that a list or count goes through, the rules look at the state and
-- whether it is reserved: this answers without the row, which is long.
CREATE INDEX cases_shown ON cases (id, state, reserved);
