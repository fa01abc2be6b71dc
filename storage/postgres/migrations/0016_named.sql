-- +goose Up
-- Victims, witnesses and minors whom a grant names, and whom a release decision
-- lets it name: lists of ids, as of exhibits. The defaults are for the rows that
-- there are, and go again.
ALTER TABLE grants ADD COLUMN subjects TEXT COLLATE "C" NOT NULL DEFAULT '[]';
ALTER TABLE grants ALTER COLUMN subjects DROP DEFAULT;
ALTER TABLE releases ADD COLUMN subjects TEXT COLLATE "C" NOT NULL DEFAULT '[]';
ALTER TABLE releases ALTER COLUMN subjects DROP DEFAULT;
