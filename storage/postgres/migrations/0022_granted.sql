-- +goose Up
-- What a state was granted, whoever in it the grant is to: by which it is shown that
-- a notice reached the state with reason, and that the state may be bound to disclose.
CREATE VIEW granted AS SELECT id, case_id, state, grantee_state, tlp, pap, handling, statement FROM grants WHERE was_active;
