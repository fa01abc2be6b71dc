-- +goose Up
-- Manifests that their states published; what they say was signed by the root.
CREATE TABLE manifests (
	state        TEXT NOT NULL,
	number       INTEGER NOT NULL,
	officer      TEXT NOT NULL,
	published_at INTEGER NOT NULL,
	manifest     TEXT NOT NULL,
	PRIMARY KEY (state, number)
) STRICT;
