-- +goose Up
-- By what an opening of the record of acts is found: act:…, outcome:…, state:…
-- and officer:… of who acted, and record:… of each record it is about.
CREATE TABLE log_facets (
	state   TEXT NOT NULL, -- the opening's
	facet   TEXT NOT NULL,
	at      INTEGER NOT NULL, -- the leaf's
	leaf_id TEXT NOT NULL REFERENCES leaves (id),
	PRIMARY KEY (state, facet, at, leaf_id)
) STRICT, WITHOUT ROWID;

-- What is no JSON, or lacks a field, is found by less.
INSERT INTO log_facets (state, facet, at, leaf_id)
	WITH o AS (SELECT state, at, leaf_id, CASE WHEN json_valid(CAST(content AS TEXT)) THEN CAST(content AS TEXT) ELSE '{}' END AS content FROM openings WHERE length(content) > 0)
	SELECT state, facet, at, leaf_id FROM (
		SELECT state, 'act:' || (content ->> '$.act') AS facet, at, leaf_id FROM o
		UNION SELECT state, 'outcome:' || (content ->> '$.outcome'), at, leaf_id FROM o
		UNION SELECT state, 'state:' || (content ->> '$.actor.state'), at, leaf_id FROM o
		UNION SELECT state, 'officer:' || nullif(content ->> '$.actor.ref', ''), at, leaf_id FROM o
		UNION SELECT o.state, 'record:' || CASE r.type WHEN 'object' THEN r.value ->> '$.id' END, o.at, o.leaf_id FROM o,
			json_each(CASE json_type(o.content, '$.records') WHEN 'array' THEN o.content -> '$.records' END) r
	) found WHERE facet IS NOT NULL;

-- What is still to be answered, soonest due first.
CREATE INDEX requests_state_due ON requests (state, due_at, id);
CREATE INDEX requests_officer_due ON requests (officer, due_at, id);
CREATE INDEX requests_to_due ON requests (to_state, due_at, id);
CREATE INDEX requests_routed_due ON requests (routed_to, due_at, id);
