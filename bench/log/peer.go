package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"
)

// peer sequences by hand: the statements that storage/sqldb runs, over one connection,
// and between them golang.org/x/mod/sumdb/tlog, all of whose hashes it keeps in memory.
type peer struct {
	conn   *pgx.Conn
	hashes []tlog.Hash
	size   int64
}

func newPeer(ctx context.Context, dsn string) (*peer, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	// As storage/postgres has its connections.
	for name, value := range map[string]string{"jit": "off", "plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "enable_bitmapscan": "off", "random_page_cost": "1.1"} {
		config.RuntimeParams[name] = value
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &peer{conn: conn}, nil
}

func (p *peer) Close(ctx context.Context) error { return p.conn.Close(ctx) }

// ReadHashes implements [tlog.HashReader].
func (p *peer) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		if at >= int64(len(p.hashes)) {
			return nil, errors.New("there is no such hash yet")
		}
		found[i] = p.hashes[at]
	}
	return found, nil
}

const (
	beginning = `SELECT set_config('comity.now', n.now::text, true)::bigint FROM (SELECT (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint AS now,
		set_config('comity.acting', 'system', true)) n`
	alone   = `SELECT pg_try_advisory_xact_lock(x'636f6d697479'::bigint)`
	waiting = `SELECT id, hash, at FROM leaves WHERE idx IS NULL ORDER BY at, id LIMIT $1`
	place   = `UPDATE leaves SET idx = (u.row ->> 1)::bigint FROM json_array_elements($1::json) AS u (row)
		WHERE leaves.id = (u.row ->> 0) COLLATE "C" AND leaves.idx IS NULL`
	facets = `INSERT INTO log_facets (state, facet, at, leaf_id) SELECT w.state, f.facet, w.at, w.leaf_id
		FROM facets_waiting w CROSS JOIN LATERAL unnest(w.facets) AS f (facet) WHERE w.leaf_id = ANY($1) ORDER BY 1, 2, 3, 4`
	unfacet = `DELETE FROM facets_waiting WHERE leaf_id = ANY($1)`
	tile    = `INSERT INTO log_tiles (level, idx, hashes) VALUES ($1, $2, $3)`
	heads   = `UPDATE log_head SET size = $1, root = $2, edge = $3 WHERE id = 1`
)

// sequence gives a batch of leaves their places.
func (p *peer) sequence(ctx context.Context) (placed int, err error) {
	tx, err := p.conn.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // does nothing after a commit
	var now int64
	if err := tx.QueryRow(ctx, beginning).Scan(&now); err != nil {
		return 0, err
	}
	var only bool
	if err := tx.QueryRow(ctx, alone).Scan(&only); err != nil || !only {
		return 0, errors.Join(err, errors.New("another sequencer is at work"))
	}
	rows, err := tx.Query(ctx, waiting, batch)
	if err != nil {
		return 0, err
	}
	type leaf struct {
		ID   string
		Hash []byte
		At   int64
	}
	leaves, err := pgx.CollectRows(rows, pgx.RowToStructByPos[leaf])
	if err != nil {
		return 0, err
	}
	before := p.size
	places, ids := make([][2]any, len(leaves)), make([]string, len(leaves))
	for i, l := range leaves {
		more, err := tlog.StoredHashes(p.size, l.Hash, p)
		if err != nil {
			return 0, err
		}
		places[i], ids[i] = [2]any{l.ID, p.size}, l.ID
		p.hashes = append(p.hashes, more...)
		p.size++
	}
	list, err := json.Marshal(places)
	if err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, place, string(list)); err != nil {
		return 0, err
	}
	b := &pgx.Batch{}
	b.Queue(facets, ids)
	b.Queue(unfacet, ids)
	edge := []byte{}
	for _, t := range tlog.NewTiles(8, before, p.size) {
		hashes, err := tlog.ReadTileData(t, p)
		if err != nil {
			return 0, err
		}
		if t.W == 256 {
			b.Queue(tile, t.L, t.N, hashes)
		}
	}
	for level := 0; p.size>>(8*level) > 0; level++ {
		n := p.size >> (8 * level)
		if n%256 == 0 {
			continue
		}
		hashes, err := tlog.ReadTileData(tlog.Tile{H: 8, L: level, N: n / 256, W: int(n % 256)}, p)
		if err != nil {
			return 0, err
		}
		edge = append(edge, hashes...)
	}
	_, root, err := p.head()
	if err != nil {
		return 0, err
	}
	b.Queue(heads, p.size, root[:], edge)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return 0, err
	}
	return len(leaves), tx.Commit(ctx)
}

func (p *peer) head() (size int64, root [32]byte, err error) {
	h, err := tlog.TreeHash(p.size, p)
	return p.size, h, err
}
