-- +goose Up
-- Manifests that their states published; what they say was signed by the root.
CREATE TABLE manifests (
	state        TEXT COLLATE "C" NOT NULL,
	number       BIGINT NOT NULL,
	officer      TEXT COLLATE "C" NOT NULL,
	published_at BIGINT NOT NULL,
	manifest     TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (state, number)
);
