-- +goose Up
-- The log's last signed checkpoints, with what cosignatures came. An older one may
-- be cosigned still while newer ones are there, and proves as much as they do.
CREATE TABLE log_checkpoints (
	size   INTEGER PRIMARY KEY, -- of the tree
	root   BLOB NOT NULL,
	signed BLOB NOT NULL, -- a note, C2SP signed-note
	at     INTEGER NOT NULL
) STRICT;
