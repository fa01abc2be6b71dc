-- +goose Up
-- What happened to records, as it is told to officers who subscribed: ids and no
-- content. Each has a place once it is committed, by which those who were told so far
-- go on.
CREATE TABLE events (
	id         TEXT COLLATE "C" PRIMARY KEY,
	seq        BIGINT UNIQUE,
	at         BIGINT NOT NULL,
	state      TEXT COLLATE "C" NOT NULL, -- that is told; '' for those whom the case is granted to
	kind       TEXT COLLATE "C" NOT NULL,
	record_id  TEXT COLLATE "C" NOT NULL,
	message_id TEXT COLLATE "C" NOT NULL,
	case_id    TEXT COLLATE "C" NOT NULL,
	listed     BOOLEAN NOT NULL
);
CREATE INDEX events_waiting ON events (at, id) WHERE seq IS NULL;

CREATE TABLE event_head (
	id        BIGINT PRIMARY KEY CHECK (id = 1),
	seq       BIGINT NOT NULL,
	forgotten BIGINT NOT NULL,
	swept_at  BIGINT NOT NULL
);
INSERT INTO event_head (id, seq, forgotten, swept_at) VALUES (1, 0, 0, 0);

-- Clocks that have not run out.
CREATE INDEX requests_clock ON requests (due_at) WHERE status IN ('SENT', 'RECEIVED', 'ACKNOWLEDGED', 'FORWARDED');
CREATE INDEX requests_postponed ON requests (postponed_to) WHERE status = 'POSTPONED';
CREATE INDEX grants_clock ON grants (not_after) WHERE status = 'ACTIVE';
CREATE INDEX dispatches_clock ON dispatches (due_at) WHERE status = 'OPEN';
CREATE INDEX deliveries_clock ON deliveries (due_at) WHERE status = 'OPEN';
CREATE INDEX holds_clock ON holds (not_after) WHERE released_at = 0;
