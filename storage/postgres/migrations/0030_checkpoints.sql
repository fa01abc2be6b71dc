-- +goose Up
-- The log's last signed checkpoints, with what cosignatures came. An older one may
-- be cosigned still while newer ones are there, and proves as much as they do.
CREATE TABLE log_checkpoints (
	size   BIGINT PRIMARY KEY, -- of the tree
	root   BYTEA NOT NULL,
	signed BYTEA NOT NULL, -- a note, C2SP signed-note
	at     BIGINT NOT NULL
);
