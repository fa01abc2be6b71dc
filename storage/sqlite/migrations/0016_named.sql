-- +goose Up
-- Victims, witnesses and minors whom a grant names, and whom a release decision
-- lets it name: lists of ids, as of exhibits. Every insert names these columns.
ALTER TABLE grants ADD COLUMN subjects TEXT NOT NULL DEFAULT '[]';
ALTER TABLE releases ADD COLUMN subjects TEXT NOT NULL DEFAULT '[]';
