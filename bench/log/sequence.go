package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/bench/ratio"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/postgres"
)

const (
	goalSequence = 0.8
	batch        = 1000 // leaves of one transaction, as in package audit
)

// measureSequence has the same leaves sequenced in two databases, in turns.
func measureSequence(ctx context.Context, o *options, p *stack.Postgres, out io.Writer) (err error) {
	db, d, err := open(ctx, p, nil)
	if err != nil {
		return err
	}
	if err := fill(ctx, db, (o.rounds+1)*o.leaves); err != nil {
		return errors.Join(err, db.Close())
	}
	if err := db.Close(); err != nil { // a database that is copied has no connections
		return err
	}
	copied, err := p.CopyDatabase(ctx, d)
	if err != nil {
		return err
	}
	if db, err = postgres.Open(ctx, d.AppDSN, postgres.Options{}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	peer, err := newPeer(ctx, copied.AppDSN)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, peer.Close(context.WithoutCancel(ctx))) }()
	ours := func(ctx context.Context) (int, error) { return db.Sequence(ctx, batch, nil) }
	var rates, peers []float64
	for round := -1; round < o.rounds; round++ { // the first one warms
		turns := []func() error{
			func() error { return timed(ctx, o.leaves, ours, &rates) },
			func() error { return timed(ctx, o.leaves, peer.sequence, &peers) },
		}
		if round%2 != 0 {
			turns[0], turns[1] = turns[1], turns[0]
		}
		for _, turn := range turns {
			if err := turn(); err != nil {
				return err
			}
		}
		if round < 0 {
			rates, peers = nil, nil
		}
	}
	// What was measured is the same log, or it is worth nothing.
	var head storage.LogHead
	if err := db.Read(storage.AsSystem(ctx), func(r storage.ReadTx) (err error) { head, err = r.LogHead(); return err }); err != nil {
		return err
	}
	if size, root, err := peer.head(); err != nil || size != head.Size || root != head.Root {
		return fmt.Errorf("the peer's log of %d leaves is not the one of %d: %w", size, head.Size, err)
	}
	fmt.Fprintf(out, "\nsequenced into PostgreSQL, leaves a second (%d leaves, batches of %d): %.0f; by hand over bare tlog %.0f\n",
		o.leaves, batch, ratio.Median(rates), ratio.Median(peers))
	o.figures = append(o.figures, func() { ratio.AtLeast(out, "sequence_vs_tlog", ratio.Median(rates)/ratio.Median(peers), goalSequence) })
	return nil
}

// timed sequences n leaves and adds how many that were a second.
func timed(ctx context.Context, n int, sequence func(context.Context) (int, error), rates *[]float64) error {
	start := time.Now()
	for done := 0; done < n; {
		placed, err := sequence(ctx)
		if err != nil {
			return err
		}
		if placed == 0 {
			return fmt.Errorf("of %d leaves %d were there", n, done)
		}
		done += placed
	}
	*rates = append(*rates, float64(n)/time.Since(start).Seconds())
	return nil
}

// fill writes leaves as acts leave them, each told to two states.
func fill(ctx context.Context, db storage.DB, n int) error {
	at := time.Now()
	for done := 0; done < n; {
		err := db.Write(storage.AsSystem(ctx), func(tx storage.Tx) error {
			for i := range min(batch, n-done) {
				leaf, err := leafOf(at.Add(time.Duration(done+i)*time.Microsecond), done+i)
				if err != nil {
					return err
				}
				if err := tx.AppendLeaf(leaf); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		done += batch
	}
	return nil
}

// leafOf is a leaf of a read by an officer of AM in a case of KZ.
func leafOf(at time.Time, n int) (storage.Leaf, error) {
	c := audit.Content{Act: "read", Outcome: audit.Read, At: at, Actor: audit.Actor{State: "AM", Agency: "AM/cyber", Function: "investigator", Ref: "AM:in-1"},
		Records: []audit.Record{{ID: string(comity.NewID(comity.KindCase)), Level: "FULL", Grant: comity.NewID(comity.KindGrant), Purpose: comity.PurposeInvestigation}},
		Purpose: comity.PurposeInvestigation, Policies: fmt.Sprintf("%064x", 7), RequestID: fmt.Sprintf("%032x", n)}
	leaves, err := audit.Leaves(at, map[comity.State]audit.Content{"AM": c, "KZ": c})
	if err != nil {
		return storage.Leaf{}, err
	}
	return leaves[0], nil
}
