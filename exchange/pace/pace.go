// Package pace shares out what the exchange can serve: among agencies, each of
// which may ask for so much a second over all servers together, and within an
// agency among its officers, so that none takes what the others need.
//
// An agency's allowance lies in the database. Servers take stretches of it, a
// fraction of a second's worth each, so that a request waits for the database only
// when a stretch is used up. What all servers admit in t seconds is at most
//
//	Burst + t·Rate + servers·(Open + Kept)·Rate
//
// with Burst, Open and Kept below, and what the costliest requests that were let in
// last go beyond it. A fifth of the allowance is kept for officers who use less than
// their share: whoever floods has the rest, and waits there.
package pace

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// Parts of the rate.
const (
	Burst = 4.0  // seconds' worth that an agency can ask for at once after a rest
	Open  = 0.25 // seconds' worth that a server takes at once
	Kept  = 0.05 // the same, of what is kept
	keep  = 0.2  // of the burst: what is kept for officers below their share

	// within is how fast what an officer asked for is forgotten: to a third in one.
	within = time.Second
	// below is how much less than the share is below it: so much of the rate is
	// always left to fill up what is kept.
	below = 0.8
	// rest is how long the database is left alone by a server that got less than
	// it wanted.
	rest = 50 * time.Millisecond
	// taking bounds how long a request waits for the database.
	taking = 2 * time.Second
)

// Options say how much.
type Options struct {
	DB storage.DB
	// Agency is how many requests a second the officers of one agency may make.
	Agency float64
	// Address is the same for one network address, of requests without a valid
	// token, on each server.
	Address float64
	Log     *slog.Logger
	Now     func() time.Time // nil: time.Now
}

// Pace admits requests. It is safe for concurrent use.
type Pace struct {
	o      Options
	server string

	mu       sync.Mutex
	agencies map[account]*agency
	silent   bool // the database is away, as was logged

	strangers strangers
}

// New makes a pace that shares with every other over the same database.
func New(o Options) (*Pace, error) {
	if o.DB == nil || o.Log == nil || o.Agency < 1 || o.Address < 1 {
		return nil, errors.New("pace: a database, a log, and rates of at least one request a second are needed")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Pace{o: o, server: uuid.NewString(), agencies: map[account]*agency{}}
	var err error
	p.strangers, err = newStrangers(o)
	return p, err
}

// Wait says that a request is to be made again, after a time.
type Wait struct {
	Limit string // "agencyRate" or "addressRate"
	Max   float64
	After time.Duration
}

// account is what an agency's allowance is for. Told events have one of their own, as
// large as that of requests: many streams keep nobody from asking, and whoever asks
// much is told no later.
type account struct {
	agency comity.AgencyID
	events bool
}

// key is the account's in the database. No agency's id holds a space.
func (a account) key() string {
	if a.events {
		return string(a.agency) + " events"
	}
	return string(a.agency)
}

// agency is what this server holds of an agency's allowance. open is anybody's,
// kept is for officers below their share.
type agency struct {
	mu             sync.Mutex
	open, kept     float64
	shut, shutKept time.Time // nothing is to be had before
	queue          float64   // requests refused since something was to be had
	servers        int       // that take of the allowance
	officers       map[comity.OfficerRef]*use
	share          float64
	shared         time.Time // when the share was worked out
	alone          time.Time // with the database away: when the next stretch is due
}

// use is what an officer asked for and got lately; both fade.
type use struct {
	asked, got float64
	at         time.Time
}

func (u *use) fade(now time.Time) {
	if d := now.Sub(u.at); d > 0 {
		f := math.Exp(-d.Seconds() / within.Seconds())
		u.asked, u.got, u.at = u.asked*f, u.got*f, now
	}
}

// Officer admits a request of an officer (nil), or says how long to wait.
func (p *Pace) Officer(ctx context.Context, o comity.Officer) *Wait {
	return p.admit(ctx, o, account{agency: o.Agency})
}

// Event admits an event that an officer is to be told (nil), or says how long it is to
// wait.
func (p *Pace) Event(ctx context.Context, o comity.Officer) *Wait {
	return p.admit(ctx, o, account{o.Agency, true})
}

func (p *Pace) admit(ctx context.Context, o comity.Officer, of account) *Wait {
	p.mu.Lock()
	a := p.agencies[of]
	if a == nil {
		a = &agency{officers: map[comity.OfficerRef]*use{}, servers: 1}
		p.agencies[of] = a
	}
	p.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	now := p.o.Now()
	u := a.officers[o.Ref()]
	if u == nil {
		u = &use{at: now}
		a.officers[o.Ref()] = u
	}
	u.fade(now)
	u.asked++
	if a.open < 1 && !now.Before(a.shut) {
		a.shut = now.Add(p.take(ctx, of.key(), a, &a.open, max(1, Open*p.o.Agency), keep*Burst*p.o.Agency, now))
		a.queue = 0
	}
	if a.open >= 1 {
		a.open--
		u.got++
		return nil
	}
	until := a.shut
	if u.got < below*a.shareOf(p.o.Agency, now) {
		if a.kept < 1 && !now.Before(a.shutKept) {
			a.shutKept = now.Add(p.take(ctx, of.key(), a, &a.kept, max(1, Kept*p.o.Agency), 0, now))
		}
		if a.kept >= 1 {
			a.kept--
			u.got++
			return nil
		}
		if a.shutKept.Before(until) {
			until = a.shutKept
		}
	}
	a.queue++ // who came before is served before
	return &Wait{"agencyRate", p.o.Agency, until.Sub(now) + p.seconds(a.queue-1)}
}

// take fills a pot from the agency's allowance and says when more is to be had. Without the database a server goes on by itself, as
// though the agency's whole rate were its own: it refuses nobody for that, and what
// needs the database is refused anyway.
func (p *Pace) take(ctx context.Context, key string, a *agency, pot *float64, want, left float64, now time.Time) time.Duration {
	ctx, cancel := context.WithTimeout(storage.AsSystem(context.WithoutCancel(ctx)), taking)
	defer cancel()
	owed := max(0, -*pot)
	var g storage.AllowanceGiven
	err := p.o.DB.Write(ctx, func(tx storage.Tx) (err error) {
		g, err = tx.TakeAllowance(storage.AllowanceTake{Account: key, Server: p.server, Rate: p.o.Agency, Burst: Burst * p.o.Agency, Want: want + owed, Keep: left})
		return err
	})
	p.tell(err)
	if err != nil {
		if wait := a.alone.Sub(now); wait > 0 {
			return wait
		}
		*pot += want + owed
		a.alone = now.Add(p.seconds(want + owed))
		return 0
	}
	a.servers = g.Servers
	if *pot += g.Given; g.Given == want+owed {
		return 0
	}
	return max(rest, p.seconds(max(1-*pot, 1+left-g.Left)))
}

func (p *Pace) seconds(requests float64) time.Duration {
	return time.Duration(requests / p.o.Agency * float64(time.Second))
}

// tell logs the database's going away and coming back, once each.
func (p *Pace) tell(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if away := err != nil; away != p.silent {
		p.silent = away
		if away {
			p.o.Log.Warn("agencies' allowances cannot be shared with other servers", "error", err)
		} else {
			p.o.Log.Info("agencies' allowances are shared again")
		}
	}
}

// Spend charges an admitted request for more than the one that it counted as: the
// next ones wait for it.
func (p *Pace) Spend(o comity.Officer, more float64) { p.charge(o, account{agency: o.Agency}, more) }

// SpendEvent is Spend of an event.
func (p *Pace) SpendEvent(o comity.Officer, more float64) { p.charge(o, account{o.Agency, true}, more) }

// Untold gives back what was taken for an event that the officer was not told: what
// an officer may not know of makes nothing later that the officer is told.
func (p *Pace) Untold(o comity.Officer) { p.charge(o, account{o.Agency, true}, -1) }

func (p *Pace) charge(o comity.Officer, of account, more float64) {
	p.mu.Lock()
	a := p.agencies[of]
	p.mu.Unlock()
	if a == nil || more == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open -= more
	if u := a.officers[o.Ref()]; u != nil {
		u.fade(p.o.Now())
		u.got = max(0, u.got+more)
		u.asked = max(0, u.asked+min(0, more))
	}
}

// sharing is how long a share holds.
const sharing = 100 * time.Millisecond

// shareOf is what each officer of the agency may have on this server before what is
// kept is closed to the officer: the server's part of the rate, with whatever
// some do not ask for shared among the others.
func (a *agency) shareOf(rate float64, now time.Time) float64 {
	if now.Sub(a.shared) < sharing {
		return a.share
	}
	a.shared = now
	asked := make([]float64, 0, len(a.officers))
	for ref, u := range a.officers {
		if u.fade(now); u.asked < 0.01 {
			delete(a.officers, ref)
			continue
		}
		asked = append(asked, u.asked)
	}
	slices.Sort(asked)
	a.share = rate / float64(a.servers)
	for i, rest := 0, a.share; i < len(asked); i++ {
		if a.share = rest / float64(len(asked)-i); asked[i] >= a.share {
			break
		}
		rest -= asked[i]
	}
	return a.share
}
