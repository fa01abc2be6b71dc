package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/bench/ratio"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/storage"
)

const (
	goalProof  = 2
	small      = 10_000 // leaves
	provenEach = 200    // leaves that are proven of each log in a round
)

// proven is a log that proofs are taken from.
type proven struct {
	db     storage.DB
	prover *audit.Prover
	policy verify.Policy
	leaves []comity.ID // of acts, all over it
	took   []float64   // ms
}

// measureProofs takes proofs from a small and a large log, in turns.
func measureProofs(ctx context.Context, o *options, p *stack.Postgres, out io.Writer) error {
	var logs []*proven
	for _, size := range []int64{small, o.large} {
		l, err := newProven(ctx, p, size)
		if err != nil {
			return err
		}
		defer l.db.Close()
		logs = append(logs, l)
	}
	for round := -1; round < o.rounds; round++ { // the first one warms
		for i := range provenEach {
			for _, l := range logs {
				start := time.Now()
				proof, err := l.prover.Prove(ctx, l.leaves[i], "KZ")
				took := time.Since(start)
				if err != nil {
					return err
				}
				if _, err := proof.Check(l.policy, time.Now()); err != nil {
					return fmt.Errorf("a proof proves nothing: %w", err)
				}
				if round >= 0 {
					l.took = append(l.took, float64(took.Microseconds())/1e3)
				}
			}
		}
	}
	a, b := ratio.Median(logs[0].took), ratio.Median(logs[1].took)
	fmt.Fprintf(out, "\na proof of inclusion, ms: %.2f from %d leaves, %.2f from %d\n", a, small, b, o.large)
	o.figures = append(o.figures, func() { ratio.Within(out, "proof_growth", b/a, goalProof) })
	return nil
}

// newProven makes a log of so many leaves, of which some hundred are acts, with a
// checkpoint that its own witness cosigned.
func newProven(ctx context.Context, p *stack.Postgres, size int64) (*proven, error) {
	db, d, err := open(ctx, p, nil)
	if err != nil {
		return nil, err
	}
	l := &proven{db: db}
	const steps = 20
	for done, step := int64(0), int64(0); step < steps; step++ {
		var some []storage.Leaf
		for n := range provenEach / steps {
			leaf, err := leafOf(time.Now(), n)
			if err != nil {
				return nil, err
			}
			some = append(some, leaf)
			l.leaves = append(l.leaves, leaf.ID)
		}
		err := db.Write(storage.AsSystem(ctx), func(tx storage.Tx) (err error) {
			for _, leaf := range some {
				err = errors.Join(err, tx.AppendLeaf(leaf))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		for to := size * (step + 1) / steps; done < to; {
			n, err := db.Sequence(ctx, batch, func(waiting int) int { return int(min(to-done, 16*batch)) - waiting })
			if err != nil {
				return nil, err
			}
			done += int64(n)
		}
	}
	// What PostgreSQL does of itself after so many rows, it does now.
	admin, err := pgx.Connect(ctx, p.DSN(d.Name))
	if err != nil {
		return nil, err
	}
	defer admin.Close(ctx)
	if _, err := admin.Exec(ctx, `VACUUM ANALYZE`); err != nil {
		return nil, err
	}
	return l, l.sign(ctx)
}

// sign signs the log and has a witness of KZ cosign it, at an instant that stands still.
func (l *proven) sign(ctx context.Context) error {
	origin, now := verify.Origin("bench"), time.Now()
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return err
	}
	log, err := notekey.Log(public)
	if err != nil {
		return err
	}
	key, err := notekey.New(verify.WitnessName("bench", "KZ"))
	if err != nil {
		return err
	}
	witness, err := notekey.NewCosigner(key, func() time.Time { return now })
	if err != nil {
		return err
	}
	var head storage.LogHead
	if err := l.db.Read(storage.AsSystem(ctx), func(r storage.ReadTx) (err error) { head, err = r.LogHead(); return err }); err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: verify.Checkpoint{Origin: origin, Size: head.Size, Root: head.Root}.String()}, signer, witness)
	if err != nil {
		return err
	}
	l.policy = verify.Policy{Origin: origin, Log: []note.Verifier{log}, Own: []note.Verifier{witness.Verifier()}}
	l.prover = audit.NewProver(audit.ProverOptions{DB: l.db, Now: func() time.Time { return now },
		Policy: func(comity.State) (verify.Policy, error) { return l.policy, nil }})
	return l.db.Write(storage.AsSystem(ctx), func(tx storage.Tx) error {
		return tx.PutLogCheckpoint(storage.LogCheckpoint{Size: head.Size, Root: head.Root, Signed: signed, At: now})
	})
}
