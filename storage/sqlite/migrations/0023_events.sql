-- +goose Up
-- What happened to records, as it is told to officers who subscribed: ids and no
-- content. Each has a place once it is committed, by which those who were told so far
-- go on.
CREATE TABLE events (
	id         TEXT PRIMARY KEY,
	seq        INTEGER UNIQUE,
	at         INTEGER NOT NULL,
	state      TEXT NOT NULL, -- that is told; '' for those whom the case is granted to
	kind       TEXT NOT NULL,
	record_id  TEXT NOT NULL,
	message_id TEXT NOT NULL,
	case_id    TEXT NOT NULL,
	listed     INTEGER NOT NULL
) STRICT;
CREATE INDEX events_waiting ON events (at, id) WHERE seq IS NULL;

CREATE TABLE event_head (
	id        INTEGER PRIMARY KEY CHECK (id = 1),
	seq       INTEGER NOT NULL,
	forgotten INTEGER NOT NULL,
	swept_at  INTEGER NOT NULL
) STRICT;
INSERT INTO event_head (id, seq, forgotten, swept_at) VALUES (1, 0, 0, 0);

-- Clocks that have not run out.
CREATE INDEX requests_clock ON requests (due_at) WHERE status IN ('SENT', 'RECEIVED', 'ACKNOWLEDGED', 'FORWARDED');
CREATE INDEX requests_postponed ON requests (postponed_to) WHERE status = 'POSTPONED';
CREATE INDEX grants_clock ON grants (not_after) WHERE status = 'ACTIVE';
CREATE INDEX dispatches_clock ON dispatches (due_at) WHERE status = 'OPEN';
CREATE INDEX deliveries_clock ON deliveries (due_at) WHERE status = 'OPEN';
CREATE INDEX holds_clock ON holds (not_after) WHERE released_at = 0;
