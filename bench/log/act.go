package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/bench/ratio"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

const (
	goalActs = 0.8
	clients  = 8
	beat     = 200 * time.Millisecond // of the publisher, as a server has it
)

// withoutLeaves is a database that is told of no leaves: the same statements otherwise.
type withoutLeaves struct{ storage.DB }

func (d withoutLeaves) Write(ctx context.Context, f func(storage.Tx) error) error {
	return d.DB.Write(ctx, func(tx storage.Tx) error { return f(noLeaf{tx}) })
}

func (d withoutLeaves) WriteAt(ctx context.Context, at time.Time, f func(storage.Tx) error) error {
	return d.DB.WriteAt(ctx, at, func(tx storage.Tx) error { return f(noLeaf{tx}) })
}

type noLeaf struct{ storage.Tx }

func (noLeaf) AppendLeaf(storage.Leaf) error { return nil }

// failing is what packages for tests are given outside of one: what fails ends the
// measurement with an error.
type failing struct {
	*testing.B
	err error
}

func (f *failing) fail(text string) {
	f.err = errors.Join(f.err, errors.New(text))
	runtime.Goexit()
}

func (f *failing) Fatal(args ...any)                 { f.fail(fmt.Sprint(args...)) }
func (f *failing) Fatalf(format string, args ...any) { f.fail(fmt.Sprintf(format, args...)) }

// measureActs has clients act with leaves and without them, in turns.
func measureActs(ctx context.Context, o *options, p *stack.Postgres, out io.Writer) error {
	db, _, err := open(ctx, p, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	testing.Init()
	var f failing
	testing.Benchmark(func(b *testing.B) {
		if f.B != nil { // once is what is wanted
			return
		}
		f.B = b
		f.err = errors.New("the measurement ended early")
		err := acts(ctx, o, db, &f, out)
		f.err = err
	})
	return f.err
}

func acts(ctx context.Context, o *options, db storage.DB, t *failing, out io.Writer) error {
	w := exchangetest.NewWith(t, exchangetest.Options{DB: func(testing.TB, func() time.Time) storage.DB { return db }})
	officer := w.As(t, "investigator@KZ")
	var cases []comity.ID
	for range 2 * clients { // the transaction alone leaves a case that does not open
		f := &exchange.FileCase{Key: exchangetest.Key(), Category: tokentest.Category, Marking: comity.DefaultMarking, Text: comity.CaseText{Title: "A case"},
			Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}}}
		officer.Do(t, f)
		cases = append(cases, f.ID)
	}
	bare := w.Another(t, withoutLeaves{db})
	through := func(x *exchange.Exchange) func(context.Context, int) error {
		return func(ctx context.Context, client int) error {
			return x.Do(ctx, officer.Caller, &exchange.AddRecords{Key: exchangetest.Key(), Case: cases[client],
				Entries: []exchange.NewEntry{{Text: comity.EntryText{Text: "A copy of the disk was taken in the presence of two witnesses."}}}})
		}
	}
	alone := func(db storage.DB) func(context.Context, int) error {
		return func(ctx context.Context, client int) error {
			return entered(storage.As(ctx, officer.Caller.Officer), db, cases[clients+client], officer.Caller.Officer)
		}
	}
	publish := func(ctx context.Context) {
		(&audit.Publisher{DB: db, Signer: w.LogSigner, Witnesses: func() []audit.Cosigner { return nil }, Every: beat, Log: w.Log}).Run(ctx)
	}
	idle := func(ctx context.Context) { <-ctx.Done() }
	cells := []struct {
		name       string
		act        func(context.Context, int) error
		background func(context.Context)
		rates      []float64
	}{{"through the gate", through(w.Exchange), publish, nil}, {"", through(bare), idle, nil},
		{"its transaction alone", alone(db), publish, nil}, {"", alone(withoutLeaves{db}), idle, nil}}
	for round := -1; round < o.rounds; round++ { // the first one warms
		for i := range cells {
			c := &cells[i]
			if round%2 != 0 {
				c = &cells[len(cells)-1-i]
			}
			rate, err := acting(ctx, o.seconds, c.act, c.background)
			if err != nil {
				return err
			}
			if round >= 0 {
				c.rates = append(c.rates, rate)
			}
		}
	}
	fmt.Fprintf(out, "\nan officer's line in a case, acts a second of %d clients: with its leaf and a publisher at work | without, ratio\n", clients)
	for i := 0; i < len(cells); i += 2 {
		with, without := ratio.Median(cells[i].rates), ratio.Median(cells[i+1].rates)
		fmt.Fprintf(out, "  %-22s %6.0f | %6.0f  %.2f\n", cells[i].name, with, without, with/without)
	}
	o.figures = append(o.figures, func() {
		ratio.AtLeast(out, "act_overhead", ratio.Median(cells[0].rates)/ratio.Median(cells[1].rates), goalActs)
	})
	return nil
}

// acting has all clients act for a while and gives how many acts that were a second.
func acting(ctx context.Context, d time.Duration, act func(context.Context, int) error, background func(context.Context)) (float64, error) {
	beside, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { background(beside) })
	defer running.Wait()
	defer stop()
	var done atomic.Int64
	var failed error
	var once sync.Once
	var all sync.WaitGroup
	start := time.Now()
	for client := range clients {
		all.Go(func() {
			for time.Since(start) < d && ctx.Err() == nil {
				if err := act(ctx, client); err != nil {
					once.Do(func() { failed = err })
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	return float64(done.Load()) / time.Since(start).Seconds(), errors.Join(failed, ctx.Err())
}

// entered is the transaction of such an act, as the gate has it.
func entered(ctx context.Context, db storage.DB, c comity.ID, o comity.Officer) error {
	return db.Write(ctx, func(tx storage.Tx) error {
		locked, err := tx.LockCase(c)
		if err != nil {
			return err
		}
		now := tx.Now()
		e := comity.Entry{ID: comity.NewID(comity.KindEntry), Case: c, State: o.State, Author: o.Ref(), Marking: locked.Marking, CreatedAt: now}
		if err := tx.InsertEntries([]storage.Entry{{Entry: e, Sealed: make([]byte, 120)}}); err != nil {
			return err
		}
		next := locked
		next.Version, next.UpdatedAt = locked.Version+1, now
		if err := tx.UpdateCase(next, locked.Version); err != nil {
			return err
		}
		if err := tx.InsertIdempotency(storage.Idempotency{Issuer: o.Issuer, Subject: o.Subject, Mutation: "entryAdd", Key: string(e.ID), IDs: []comity.ID{e.ID}, At: now}); err != nil {
			return err
		}
		content := audit.Content{Act: "entryAdd", Outcome: audit.Done, At: now, Actor: audit.Actor{State: o.State, Agency: o.Agency, Function: o.Function, Ref: o.Ref()},
			Records: []audit.Record{{ID: string(c)}}, Article: 2, Policies: fmt.Sprintf("%064x", 7), RequestID: fmt.Sprintf("%032x", 7)}
		leaves, err := audit.Leaves(now, map[comity.State]audit.Content{o.State: content})
		if err != nil {
			return err
		}
		return tx.AppendLeaf(leaves[0])
	})
}
