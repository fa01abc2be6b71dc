-- +goose Up
-- Joint teams: the standing grants of a state, what its officers contributed, which
-- is a release decision, and the grants that were made of both.
CREATE TABLE standings (
	id         TEXT PRIMARY KEY,
	state      TEXT NOT NULL,
	team       TEXT NOT NULL,
	liaison    TEXT NOT NULL,
	function   TEXT NOT NULL,
	grantees   TEXT NOT NULL,
	scope      TEXT NOT NULL,
	grade      TEXT NOT NULL,
	assistance TEXT NOT NULL,
	tlp        TEXT NOT NULL,
	pap        TEXT NOT NULL,
	handling   TEXT NOT NULL,
	caveats    TEXT NOT NULL,
	purpose    TEXT NOT NULL,
	not_after  INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	ended_by   TEXT NOT NULL,
	ended_at   INTEGER NOT NULL,
	statement  TEXT NOT NULL
) STRICT;
CREATE INDEX standings_state ON standings (state, created_at, id);

ALTER TABLE releases ADD COLUMN team TEXT NOT NULL DEFAULT '';
ALTER TABLE releases ADD COLUMN statement TEXT NOT NULL DEFAULT '';
CREATE INDEX releases_team ON releases (state, team, id) WHERE team <> '';

ALTER TABLE grants ADD COLUMN standing_id TEXT NOT NULL DEFAULT '';
CREATE INDEX grants_standing ON grants (standing_id) WHERE standing_id <> '';
CREATE INDEX grants_contribution ON grants (release_id) WHERE standing_id <> '';
