package pace_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/exchange/pace"
	"github.com/comity-platform/comity/storage"
)

// clock is one for servers and database.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

var engines = map[string]func(testing.TB, func() time.Time) storage.DB{"SQLite": exchangetest.SQLite, "PostgreSQL": exchangetest.Postgres}

// servers are so many over one database.
func servers(t *testing.T, n int, rate float64, open func(testing.TB, func() time.Time) storage.DB) ([]*pace.Pace, *clock, *counted) {
	t.Helper()
	c := &clock{at: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	db := &counted{DB: open(t, c.Now)}
	var all []*pace.Pace
	for range n {
		p, err := pace.New(pace.Options{DB: db, Agency: rate, Address: 5, Log: slog.New(slog.DiscardHandler), Now: c.Now})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all, c, db
}

// counted counts transactions, and is away when it is told to.
type counted struct {
	storage.DB
	writes int
	away   error
}

func (c *counted) Write(ctx context.Context, f func(storage.Tx) error) error {
	if c.away != nil {
		return c.away
	}
	c.writes++
	return c.DB.Write(ctx, f)
}

func officer(agency, name string) comity.Officer {
	return comity.Officer{Issuer: "https://login.example", Subject: name, State: comity.State(agency[:2]), Agency: comity.AgencyID(agency), Role: comity.RoleInvestigator, Pseudonym: name}
}

// load asks for officers, each so often a second at every one of the servers it
// works through, and counts what was admitted.
type load struct {
	comity.Officer
	rate      int // a second, 1,000 at most
	at        []int
	got, lost int
}

func run(t *testing.T, all []*pace.Pace, c *clock, d time.Duration, loads ...*load) {
	t.Helper()
	for ms := range int(d.Milliseconds()) {
		for _, l := range loads {
			if (ms+1)*l.rate/1000 == ms*l.rate/1000 {
				continue
			}
			for _, i := range l.at {
				if all[i].Officer(t.Context(), l.Officer) == nil {
					l.got++
				} else {
					l.lost++
				}
			}
		}
		c.add(time.Millisecond)
	}
}

// TestShared: two servers together let an agency have its rate, and what the
// package says beyond it; another agency is served at once all the while; and the
// database is asked a few times a second.
func TestShared(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			const rate, seconds = 100.0, 5.0
			all, c, db := servers(t, 2, rate, open)
			flood, quiet := &load{Officer: officer("KZ/cyber", "flood"), rate: 1000, at: []int{0, 1}}, &load{Officer: officer("AM/cyber", "quiet"), rate: 10, at: []int{0, 1}}
			run(t, all, c, seconds*time.Second, flood, quiet)
			most := pace.Burst*rate + seconds*rate + 2*(pace.Open+pace.Kept)*rate
			if float64(flood.got) > most || float64(flood.got) < seconds*rate {
				t.Errorf("%d requests were admitted in %v s at %v a second, at most %v", flood.got, seconds, rate, most)
			}
			if quiet.lost > 0 {
				t.Errorf("of the other agency %d of %d requests were refused", quiet.lost, quiet.got+quiet.lost)
			}
			// Once the burst is spent: what is kept stays, and the rate is let through.
			flood.got = 0
			run(t, all, c, seconds*time.Second, flood, quiet)
			if got := float64(flood.got); got < 0.9*seconds*rate || got > 1.1*seconds*rate {
				t.Errorf("%v requests a second are admitted at %v", got/seconds, rate)
			}
			if db.writes > 10*2*2*20 || db.writes == 0 { // in ten seconds, by two servers, for two pots, twenty times a second
				t.Errorf("the database was asked %d times", db.writes)
			}
		})
	}
}

// TestFewTransactions: an agency within its rate waits for the database once for
// a stretch.
func TestFewTransactions(t *testing.T) {
	all, c, db := servers(t, 1, 400, exchangetest.SQLite)
	l := &load{Officer: officer("KZ/cyber", "a"), rate: 300, at: []int{0}}
	run(t, all, c, 10*time.Second, l)
	if l.lost > 0 || db.writes > 40 {
		t.Errorf("of %d requests %d were refused, in %d transactions", l.got+l.lost, l.lost, db.writes)
	}
}

// TestOfficersShare: whoever floods, on however many servers, keeps nobody of the
// own agency from a share; two that flood have about the same.
func TestOfficersShare(t *testing.T) {
	for _, n := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(n, " servers"), func(t *testing.T) {
			everywhere := make([]int, n)
			for i := range everywhere {
				everywhere[i] = i
			}
			all, c, _ := servers(t, n, 100, exchangetest.SQLite)
			flood := &load{Officer: officer("KZ/cyber", "flood"), rate: 1000, at: everywhere}
			run(t, all, c, 6*time.Second, flood) // the burst is spent
			quiet, late := &load{Officer: officer("KZ/cyber", "quiet"), rate: 5, at: []int{0}}, &load{Officer: officer("KZ/cyber", "late"), rate: 1, at: []int{n - 1}}
			run(t, all, c, 10*time.Second, flood, quiet, late)
			if quiet.lost+late.lost > 0 {
				t.Errorf("%d of %d and %d of %d requests of quiet officers were refused", quiet.lost, quiet.got+quiet.lost, late.lost, late.got+late.lost)
			}
			other := &load{Officer: officer("KZ/cyber", "other"), rate: 100, at: everywhere}
			flood.got = 0
			run(t, all, c, 10*time.Second, flood, other)
			if other.got < flood.got/2 {
				t.Errorf("of two that ask for more than there is one got %d, and the other, which asks ten times as often, %d", other.got, flood.got)
			}
		})
	}
}

// TestHonestWait: after the time that was told, the request is admitted; and
// those who wait are told different times.
func TestHonestWait(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			all, c, _ := servers(t, 1, 10, open)
			o := officer("KZ/cyber", "flood")
			for range 20 {
				var w *pace.Wait
				for w == nil {
					w = all[0].Officer(t.Context(), o)
				}
				if w.Limit != "agencyRate" || w.Max != 10 || w.After <= 0 || w.After > 5*time.Second {
					t.Fatalf("%+v", w)
				}
				again := all[0].Officer(t.Context(), o)
				if again == nil || again.After <= w.After {
					t.Fatalf("who comes after is told %+v, who came before %+v", again, w)
				}
				c.add(w.After)
				if late := all[0].Officer(t.Context(), o); late != nil {
					t.Fatalf("told to wait %s, and then %s more", w.After, late.After)
				}
			}
		})
	}
}

// TestSpend: what cost more is paid by waiting.
func TestSpend(t *testing.T) {
	all, c, _ := servers(t, 1, 10, exchangetest.SQLite)
	o := officer("KZ/cyber", "costly")
	if w := all[0].Officer(t.Context(), o); w != nil {
		t.Fatal(w)
	}
	all[0].Spend(o, 100)
	all[0].Spend(officer("BY/cyber", "nobody"), 100)
	w := all[0].Officer(t.Context(), o)
	if w == nil || w.After < 5*time.Second {
		t.Fatalf("after a request worth 100 the next waits for %+v", w)
	}
	c.add(11 * time.Second)
	if w := all[0].Officer(t.Context(), o); w != nil {
		t.Errorf("after it was paid for: %+v", w)
	}
}

// TestAway: with the database away a server goes on at the agency's rate, says so
// once, and shares again when it is back.
func TestAway(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	db := &counted{DB: exchangetest.SQLite(t, c.Now)}
	var log strings.Builder
	p, err := pace.New(pace.Options{DB: db, Agency: 100, Address: 5, Log: slog.New(slog.NewTextHandler(&log, nil)), Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	db.away = errors.New("connection refused")
	l := &load{Officer: officer("KZ/cyber", "flood"), rate: 1000, at: []int{0}}
	run(t, []*pace.Pace{p}, c, 5*time.Second, l)
	if l.got < 400 || l.got > 700 {
		t.Errorf("%d requests were admitted in 5 s at 100 a second", l.got)
	}
	db.away = nil
	run(t, []*pace.Pace{p}, c, time.Second, l)
	if s := log.String(); strings.Count(s, "cannot be shared") != 1 || strings.Count(s, "shared again") != 1 || db.writes == 0 {
		t.Errorf("%d transactions, the log says:\n%s", db.writes, s)
	}
}

// TestStranger: by address, of IPv6 by network.
func TestStranger(t *testing.T) {
	all, c, _ := servers(t, 1, 10, exchangetest.SQLite)
	ask := func(address string) *pace.Wait { return all[0].Stranger(netip.MustParseAddr(address)) }
	for _, same := range [][2]string{{"192.0.2.1", "::ffff:192.0.2.1"}, {"2001:db8:1:2::1", "2001:db8:1:2:ffff::1%eth0"}} {
		for i := range int(pace.Burst * 5) {
			if w := ask(same[i%2]); w != nil {
				t.Fatalf("the %dth: %+v", i, w)
			}
		}
		w := ask(same[0])
		if w == nil || ask(same[1]) == nil || w.Limit != "addressRate" || w.Max != 5 {
			t.Fatalf("one more: %+v", w)
		}
		c.add(w.After)
		if w := ask(same[0]); w != nil {
			t.Errorf("after the time that was told: %+v", w)
		}
		c.add(-w.After)
	}
	for _, other := range []string{"192.0.2.2", "2001:db8:1:3::1"} {
		if w := ask(other); w != nil {
			t.Errorf("%s: %+v", other, w)
		}
	}
	if w := all[0].Stranger(netip.Addr{}); w != nil {
		t.Errorf("no address: %+v", w)
	}
}

// TestEvents: told events wait for their agency's rate, on all servers together, and
// no request waits for them; what was not told costs nothing.
func TestEvents(t *testing.T) {
	const rate = 100.0
	all, c, _ := servers(t, 2, rate, exchangetest.SQLite)
	o := officer("KZ/cyber", "told")
	told := 0
	tell := func() {
		for i := range 2000 {
			if all[i%2].Event(t.Context(), o) == nil {
				told++
			}
		}
	}
	for range 3000 { // of which none is told
		if w := all[0].Event(t.Context(), o); w != nil {
			t.Fatalf("events that are not told wait: %+v", w)
		}
		all[0].Untold(o)
	}
	tell()
	if most := pace.Burst*rate + 2*(pace.Open+pace.Kept)*rate; told < rate || float64(told) > most {
		t.Errorf("%d events were told at once at %v a second, at most %v", told, rate, most)
	}
	for i := range 100 {
		if w := all[i%2].Officer(t.Context(), o); w != nil {
			t.Fatalf("a request waits for events: %+v", w)
		}
	}
	w := all[0].Event(t.Context(), o)
	if w == nil {
		t.Fatal("an event that is to wait does not")
	}
	c.add(w.After)
	all[0].SpendEvent(o, 10*rate) // as by dear selections
	if w := all[0].Event(t.Context(), o); w == nil || w.After < time.Second {
		t.Errorf("after ten seconds' worth an event waits %+v", w)
	}
	for range 100 { // who waits is told in the end
		if w = all[0].Event(t.Context(), o); w == nil {
			return
		}
		c.add(w.After)
	}
	t.Errorf("told never: %+v", w)
}
