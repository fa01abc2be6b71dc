-- +goose Up
-- Joint teams: the standing grants of a state, what its officers contributed, which
-- is a release decision, and the grants that were made of both.
CREATE TABLE standings (
	id         TEXT COLLATE "C" PRIMARY KEY,
	state      TEXT COLLATE "C" NOT NULL,
	team       TEXT COLLATE "C" NOT NULL,
	liaison    TEXT COLLATE "C" NOT NULL,
	function   TEXT COLLATE "C" NOT NULL,
	grantees   TEXT COLLATE "C" NOT NULL,
	scope      TEXT COLLATE "C" NOT NULL,
	grade      TEXT COLLATE "C" NOT NULL,
	assistance TEXT COLLATE "C" NOT NULL,
	tlp        TEXT COLLATE "C" NOT NULL,
	pap        TEXT COLLATE "C" NOT NULL,
	handling   TEXT COLLATE "C" NOT NULL,
	caveats    TEXT COLLATE "C" NOT NULL,
	purpose    TEXT COLLATE "C" NOT NULL,
	not_after  BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	ended_by   TEXT COLLATE "C" NOT NULL,
	ended_at   BIGINT NOT NULL,
	statement  TEXT COLLATE "C" NOT NULL
);
CREATE INDEX standings_state ON standings (state, created_at, id);

ALTER TABLE releases ADD COLUMN team TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE releases ADD COLUMN statement TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX releases_team ON releases (state, team, id) WHERE team <> '';

ALTER TABLE grants ADD COLUMN standing_id TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX grants_standing ON grants (standing_id) WHERE standing_id <> '';
CREATE INDEX grants_contribution ON grants (release_id) WHERE standing_id <> '';
