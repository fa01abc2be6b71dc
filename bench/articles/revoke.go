package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/bench/ratio"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/deploy/union"
)

const (
	lanes = 4 // cases that are granted and revoked at once, one after another each
	// afterEach is how many reads begin at once when a revocation was answered,
	// half of them on each server.
	afterEach = 10
	category  = comity.Category("RANSOMWARE")
)

// counts are what the readers saw.
type counts struct {
	revocations atomic.Int64
	trials      atomic.Int64 // reads that began after a revocation's answer and ended before the next grant
	after       atomic.Int64 // those of them that still saw the data
	open        atomic.Int64 // reads that saw the data while it was granted
}

// lane is one case and whoever works on it.
type lane struct {
	counts  *counts
	id      comity.ID
	release comity.ID
	liaison [2]*client.Client
	reader  [2]*client.Client
	// epoch is odd from before a grant is made until its revocation was answered.
	epoch atomic.Int64
}

// measureRevoke has liaisons grant and revoke through two servers, while a
// foreign officer reads on both.
func measureRevoke(ctx context.Context, o options, out io.Writer) (err error) {
	dir, err := stacktest.Dir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p, err := startPair(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	c := &counts{}
	began := time.Now()
	group, working := errgroup.WithContext(ctx)
	reading, stop := context.WithCancel(working)
	defer stop()
	var readers errgroup.Group
	all, err := newLanes(working, p, c)
	if err != nil {
		return err
	}
	for _, l := range all {
		group.Go(func() error { return l.work(working, int64(o.trials)) })
		for _, reader := range l.reader {
			readers.Go(func() error {
				for reading.Err() == nil {
					if err := l.look(reading, reader); err != nil && reading.Err() == nil {
						return err
					}
					time.Sleep(5 * time.Millisecond)
				}
				return nil
			})
		}
	}
	err = group.Wait()
	stop()
	if err := errors.Join(err, readers.Wait()); err != nil {
		return err
	}
	if c.open.Load() < c.revocations.Load() {
		return fmt.Errorf("the readers saw what was granted %d times, at %d grants: they looked away", c.open.Load(), c.revocations.Load())
	}
	fmt.Fprintf(out, "\ntwo servers, %d grants revoked through one or the other in %s: %d reads began after the answer, %d of them saw the data; %d reads saw it before\n",
		c.revocations.Load(), time.Since(began).Round(time.Second), c.trials.Load(), c.after.Load(), c.open.Load())
	o.figures.add(func() { ratio.AtMost(out, "revoke_effect", float64(c.after.Load()), 0) })
	return nil
}

// newLanes files the cases, and has them released.
func newLanes(ctx context.Context, p *pair, c *counts) (all []*lane, err error) {
	now := time.Now()
	liaison, err := p.login(ctx, "liaison@KZ")
	if err != nil {
		return nil, err
	}
	self, err := liaison[0].Viewer(ctx)
	if err != nil {
		return nil, err
	}
	authority, err := p.login(ctx, "authority@KZ")
	if err != nil {
		return nil, err
	}
	if _, err := authority[0].MandateGive(ctx, client.NewMandate{Liaison: self.Ref, NotBefore: now, NotAfter: now.Add(24 * time.Hour)}); err != nil {
		return nil, err
	}
	owner, err := p.login(ctx, "investigator@KZ")
	if err != nil {
		return nil, err
	}
	for i := range lanes {
		l := &lane{counts: c}
		if l.liaison, err = p.login(ctx, "liaison@KZ"); err != nil {
			return nil, err
		}
		if l.reader, err = p.login(ctx, "investigator@AM"); err != nil {
			return nil, err
		}
		filed, err := owner[0].CaseFile(ctx, client.NewCase{Category: category, Title: fmt.Sprintf("Case %d", i), Reference: fmt.Sprintf("BENCH-%d", i),
			Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}, {Basis: comity.NexusEffects, State: "AM"}}})
		if err != nil {
			return nil, err
		}
		if _, err := owner[0].CaseAssign(ctx, client.Assignment{ID: filed.ID, Office: comity.RoleLiaison}); err != nil {
			return nil, err
		}
		release, err := owner[0].ReleaseDecide(ctx, client.NewRelease{Case: filed.ID, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
			Purpose: comity.PurposeInvestigation, NotAfter: now.Add(48 * time.Hour)})
		if err != nil {
			return nil, err
		}
		l.id, l.release = filed.ID, release.ID
		all = append(all, l)
	}
	return all, nil
}

// work grants and revokes until there were enough trials.
func (l *lane) work(ctx context.Context, trials int64) error {
	for n := 0; l.counts.trials.Load() < trials && ctx.Err() == nil; n++ {
		l.epoch.Add(1)
		now := time.Now()
		made, err := l.liaison[n%2].GrantMake(ctx, client.NewGrant{Case: l.id, Category: category, Grantee: comity.Grantee{State: "AM"}, Scope: comity.ScopeFull,
			Grade: comity.GradeLead, Caveats: comity.Caveats{Marking: comity.DefaultMarking}, Purpose: comity.PurposeInvestigation, Agreement: union.Agreement2018,
			Release: l.release, NotBefore: now.Add(-time.Second), NotAfter: now.Add(time.Hour)})
		if err != nil {
			return fmt.Errorf("grant: %w", err)
		}
		for _, reader := range l.reader { // so that both servers have what they could keep
			if err := l.look(ctx, reader); err != nil {
				return err
			}
		}
		if _, err := l.liaison[n/2%2].GrantRevoke(ctx, l.id, made.ID, ""); err != nil {
			return fmt.Errorf("revoke: %w", err)
		}
		l.epoch.Add(1)
		l.counts.revocations.Add(1)
		var group errgroup.Group
		for i := range afterEach {
			group.Go(func() error { return l.look(ctx, l.reader[i%2]) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// look reads the case once, and counts what was seen.
func (l *lane) look(ctx context.Context, reader *client.Client) error {
	before := l.epoch.Load()
	found, err := reader.Case(ctx, l.id, comity.PurposeInvestigation)
	if err != nil && comity.CodeOf(err) != comity.CodeNotFound {
		return fmt.Errorf("read: %w", err)
	}
	saw := err == nil && (found.Title != "" || found.Agency != "" || found.Category != "")
	closed := before > 0 && before%2 == 0 && before == l.epoch.Load()
	switch {
	case closed:
		l.counts.trials.Add(1)
		if saw {
			l.counts.after.Add(1)
		}
	case saw:
		l.counts.open.Add(1)
	}
	return nil
}
