-- +goose Up
-- By what an opening of the record of acts is found: act:…, outcome:…, state:…
-- and officer:… of who acted, and record:… of each record it is about.
CREATE TABLE log_facets (
	state   TEXT COLLATE "C" NOT NULL, -- the opening's
	facet   TEXT COLLATE "C" NOT NULL,
	at      BIGINT NOT NULL, -- the leaf's
	leaf_id TEXT COLLATE "C" NOT NULL REFERENCES leaves (id),
	PRIMARY KEY (state, facet, at, leaf_id)
);

-- +goose StatementBegin
CREATE FUNCTION opening_json(content BYTEA) RETURNS JSONB LANGUAGE plpgsql AS $$
BEGIN
	RETURN convert_from(content, 'UTF8')::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
	RETURN NULL;
END $$;
-- +goose StatementEnd

-- What is no JSON, or lacks a field, is found by less.
INSERT INTO log_facets (state, facet, at, leaf_id)
	WITH o AS MATERIALIZED (SELECT state, at, leaf_id, opening_json(content) AS content FROM openings WHERE length(content) > 0)
	SELECT state, facet, at, leaf_id FROM (
		SELECT state, 'act:' || (content ->> 'act') AS facet, at, leaf_id FROM o
		UNION SELECT state, 'outcome:' || (content ->> 'outcome'), at, leaf_id FROM o
		UNION SELECT state, 'state:' || (content -> 'actor' ->> 'state'), at, leaf_id FROM o
		UNION SELECT state, 'officer:' || nullif(content -> 'actor' ->> 'ref', ''), at, leaf_id FROM o
		UNION SELECT o.state, 'record:' || (r.value ->> 'id'), o.at, o.leaf_id FROM o,
			jsonb_array_elements(CASE jsonb_typeof(o.content -> 'records') WHEN 'array' THEN o.content -> 'records' END) r
	) found WHERE facet IS NOT NULL;
DROP FUNCTION opening_json;

-- What is still to be answered, soonest due first.
CREATE INDEX requests_state_due ON requests (state, due_at, id);
CREATE INDEX requests_officer_due ON requests (officer, due_at, id);
CREATE INDEX requests_to_due ON requests (to_state, due_at, id);
CREATE INDEX requests_routed_due ON requests (routed_to, due_at, id);
