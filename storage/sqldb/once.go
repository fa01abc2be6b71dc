package sqldb

import (
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

var effects = newTable("effects", "seq record kind state payload attempts not_before",
	func(e *storage.Effect) []any {
		return []any{&e.Seq, &e.ID, &e.Kind, &e.State, blob(&e.Payload), &e.Attempts, instant(&e.NotBefore)}
	})

var newEffects = newTable("effects", "record kind state payload attempts not_before",
	func(e *storage.Effect) []any {
		return []any{&e.ID, &e.Kind, &e.State, blob(&e.Payload), &e.Attempts, instant(&e.NotBefore)}
	})

var idempotency = newTable("idempotency", "issuer subject mutation key input_hash ids at",
	func(i *storage.Idempotency) []any {
		return []any{&i.Issuer, &i.Subject, &i.Mutation, &i.Key, digest(&i.InputHash), asJSON(&i.IDs), instant(&i.At)}
	})

type recordKey struct {
	record  comity.ID
	state   comity.State
	wrapped string
}

var recordKeys = newTable("record_keys", "record state wrapped",
	func(k *recordKey) []any { return []any{&k.record, &k.state, &k.wrapped} })

type nonce struct {
	jkt, nonce string
	expires    time.Time
}

var nonces = newTable("nonces", "jkt nonce expires",
	func(n *nonce) []any { return []any{&n.jkt, &n.nonce, instant(&n.expires)} })

func (r *reader) RecordKeys(ids []comity.ID) (map[comity.ID]map[comity.State]string, error) {
	all, err := recordKeys.query(r, `SELECT `+recordKeys.cols("k")+` FROM record_keys k WHERE k.record = ANY($1)
		UNION ALL SELECT c.id, c.state, c.wrapped_key FROM cases c WHERE c.id = ANY($1)`, set(r, ids))
	if err != nil {
		return nil, err
	}
	m := make(map[comity.ID]map[comity.State]string)
	for _, k := range all {
		if m[k.record] == nil {
			m[k.record] = make(map[comity.State]string)
		}
		m[k.record][k.state] = k.wrapped
	}
	return m, nil
}

func (w *writer) InsertRecordKey(record comity.ID, s comity.State, wrapped string) error {
	return recordKeys.insert(w, recordKey{record, s, wrapped})
}

func (r *reader) IdempotencyOf(issuer, subject, mutation, key string) (storage.Idempotency, error) {
	return idempotency.one(r, `SELECT `+idempotency.cols("i")+` FROM idempotency i
		WHERE i.issuer = $1 AND i.subject = $2 AND i.mutation = $3 AND i.key = $4`, issuer, subject, mutation, key)
}

func (w *writer) InsertIdempotency(i storage.Idempotency) error { return idempotency.insert(w, i) }

func (w *writer) ForgetIdempotency(before time.Time, limit int) (int, error) {
	n, err := w.exec(`DELETE FROM idempotency WHERE (issuer, subject, mutation, key) IN (SELECT issuer, subject, mutation, key FROM idempotency
		WHERE at < $1 ORDER BY at LIMIT $2)`, micros(before), max(limit, 0))
	if err != nil {
		return 0, fmt.Errorf("forget idempotency keys: %w", err)
	}
	return n, nil
}

// forgetAtOnce bounds what one use of a nonce spends on forgetting old ones;
// more than one, so that the table shrinks after a rush.
const forgetAtOnce = 16

func (w *writer) UseNonce(jkt, n string, until time.Time) error {
	_, err := w.exec(`DELETE FROM nonces WHERE (jkt, nonce) IN (SELECT jkt, nonce FROM nonces WHERE expires < $1
		ORDER BY expires LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)`, micros(w.now), forgetAtOnce)
	if err != nil {
		return fmt.Errorf("forget nonces: %w", err)
	}
	return nonces.insert(w, nonce{jkt, n, until})
}

func (w *writer) AddEffect(e storage.Effect) error { return newEffects.insert(w, e) }

// DueEffects implements [storage.Tx]. Effects take no order, also those of one
// record: one that cannot succeed must not hold up a revocation behind it.
func (w *writer) DueEffects(limit int, but []comity.State) ([]storage.Effect, error) {
	return effects.query(w.reader, `SELECT `+effects.cols("e")+` FROM effects e WHERE e.not_before <= $1
		AND NOT e.state = ANY($3) ORDER BY e.not_before, e.seq LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED`, micros(w.now), max(limit, 0), set(w.reader, but))
}

func (w *writer) EffectsOf(record comity.ID) ([]storage.Effect, error) {
	return effects.query(w.reader, `SELECT `+effects.cols("e")+` FROM effects e WHERE e.record = $1 ORDER BY e.seq FOR NO KEY UPDATE`, record)
}

func (w *writer) DoneEffect(seq int64) error {
	return w.effect(`DELETE FROM effects WHERE seq = $1`, seq)
}

func (w *writer) DelayEffect(seq int64, until time.Time) error {
	return w.effect(`UPDATE effects SET attempts = attempts + 1, not_before = $2 WHERE seq = $1`, seq, micros(until))
}

func (w *writer) effect(text string, args ...any) error {
	n, err := w.exec(text, args...)
	if err != nil {
		return fmt.Errorf("effect: %w", err)
	}
	if n == 0 {
		return storage.ErrNotFound
	}
	return nil
}
