package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// line is what a leaf says, for comparing: the act, how it ended, of which request, or
// about which record where it is of none, and who is told.
type line struct{ act, outcome, of, states string }

func says(act string, outcome audit.Outcome, of string, states ...comity.State) line {
	slices.Sort(states)
	return line{act, string(outcome), of, fmt.Sprint(states)}
}

// ledger is what a run performed, kept beside the exchange.
type ledger struct {
	mu    sync.Mutex
	lines []line
	kinds map[string]int
}

func (l *ledger) wrote(kind string, lines ...line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, lines...)
	l.kinds[kind]++
}

// linesOf reads every leaf of the log that some state opens, but for those of before.
func linesOf(t *testing.T, db storage.DB, states []comity.State, before map[comity.ID]bool) (all []line) {
	t.Helper()
	contents, opens := map[comity.ID]audit.Content{}, map[comity.ID][]comity.State{}
	for _, s := range states {
		for _, e := range entries(t, db, s) {
			c, err := audit.Open(e)
			must(t, err)
			if c.Policies == "" || c.At.IsZero() || e.Leaf.Index < 0 {
				t.Errorf("the leaf %s is without the policies that decided, a time or a place: %+v", e.Leaf.ID, c)
			}
			if before[e.Leaf.ID] {
				continue
			}
			contents[e.Leaf.ID] = c
			opens[e.Leaf.ID] = append(opens[e.Leaf.ID], s)
		}
	}
	for id, c := range contents {
		of := c.RequestID
		if of == "" && len(c.Records) > 0 {
			of = c.Records[len(c.Records)-1].ID
		}
		all = append(all, says(c.Act, c.Outcome, of, opens[id]...))
	}
	return all
}

// differences are the lines that one side has more often than the other.
func differences(performed, logged []line) (missing, over []line) {
	count := map[line]int{}
	for _, l := range performed {
		count[l]++
	}
	for _, l := range logged {
		count[l]--
	}
	for l, n := range count {
		for ; n > 0; n-- {
			missing = append(missing, l)
		}
		for ; n < 0; n++ {
			over = append(over, l)
		}
	}
	return missing, over
}

// TestEverythingIsInIt: in a long random run through two servers every act, denial,
// disclosure and release has exactly its leaf, told to exactly those concerned, and
// there is no leaf that none of them made (padding, which nobody opens, aside).
func TestEverythingIsInIt(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		rounds := 60
		if soak {
			rounds = 4000
		}
		g := newGranted(t)
		servers := []*exchange.Exchange{g.Exchange, g.Another(t, g.DB)}
		states := g.Directory.States()
		ctx, stop := context.WithCancel(t.Context())
		var beside sync.WaitGroup
		for _, x := range servers {
			beside.Go(func() { x.Effects(ctx) })
		}
		g.Sequence(t)
		before := map[comity.ID]bool{}
		for _, s := range states {
			for _, e := range entries(t, g.DB, s) {
				before[e.Leaf.ID] = true
			}
		}
		l := &ledger{kinds: map[string]int{}}
		var workers sync.WaitGroup
		for worker := range 3 {
			random := rand.New(rand.NewPCG(rand.Uint64(), uint64(worker)))
			workers.Go(func() {
				r := &run{T: t, g: g, l: l, random: random, servers: servers}
				for i := range rounds {
					if i%50 == 0 {
						r.login()
					}
					r.step()
				}
			})
		}
		workers.Wait()
		for range 3 { // both servers at each start; what is the same is told once
			for _, x := range servers {
				must(t, x.TellConfiguration(ctx, exchange.Configuration{Version: "1", Hash: "aa"}))
			}
		}
		hash, _, err := statement.BodyHash(known(g.Directory.State(states[len(states)-1])))
		must(t, err)
		l.wrote("configuration", says("configuration", audit.Done, hash, states...))
		// The effects of grants follow.
		deadline := time.Now().Add(time.Minute)
		for {
			g.Sequence(t)
			if missing, _ := differences(l.lines, linesOf(t, g.DB, states, before)); len(missing) == 0 || time.Now().After(deadline) {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		stop()
		beside.Wait()
		g.Sequence(t)
		found := linesOf(t, g.DB, states, before)
		missing, over := differences(l.lines, found)
		for _, m := range missing {
			t.Errorf("performed, and without its leaf: %+v", m)
		}
		for _, o := range over {
			t.Errorf("a leaf of nothing that was performed: %+v", o)
		}
		t.Logf("%d leaves: %v", len(found), l.kinds)

		// The comparison finds each kind of leaf that is left out, and one too many.
		for _, kind := range slices.Collect(maps.Keys(kindsOf(found))) {
			without := slices.DeleteFunc(slices.Clone(found), func(l line) bool { return l.act+" "+l.outcome == kind })
			if missing, _ := differences(l.lines, without); len(missing) == 0 {
				t.Errorf("without its leaves nobody misses %s", kind)
			}
		}
		if _, over := differences(l.lines, append(slices.Clone(found), found[0])); len(over) != 1 {
			t.Error("a leaf too many is not noticed")
		}
	})
}

func kindsOf(lines []line) map[string]bool {
	kinds := map[string]bool{}
	for _, l := range lines {
		kinds[l.act+" "+l.outcome] = true
	}
	return kinds
}

func known[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// run is one worker's acts.
type run struct {
	*testing.T
	g       *granted
	l       *ledger
	random  *rand.Rand
	servers []*exchange.Exchange
	grants  []*exchange.MakeGrant

	owner, liaison, authority, foreign, foreignLiaison, stranger *exchangetest.Officer
}

func (r *run) login() {
	as := func(name string) *exchangetest.Officer { return r.g.As(r.T, name) }
	r.owner, r.liaison, r.authority = as("investigator@KZ"), as("liaison@KZ"), as("authority@KZ")
	r.foreign, r.foreignLiaison, r.stranger = as("investigator@AM"), as("liaison@AM"), as("liaison@BY")
}

// who is an officer in a request of its own, through one of the servers.
func (r *run) who(o *exchangetest.Officer) (*exchange.Exchange, exchange.Caller) {
	c := o.Caller
	c.RequestID = uuid.NewString()
	return r.servers[r.random.IntN(len(r.servers))], c
}

// do performs an act, which ends as said, and writes down what its leaf has to say. It
// reports whether the act was done.
func (r *run) do(o *exchangetest.Officer, name sovereignty.Action, act exchange.Act, outcome audit.Outcome, states ...comity.State) bool {
	x, who := r.who(o)
	err := x.Do(r.Context(), who, act)
	if comity.CodeOf(err) == comity.CodeConflict { // of two at once one is told to come again
		r.l.wrote("conflict, no leaf")
		return false
	}
	code := map[audit.Outcome]comity.Code{audit.Refused: comity.CodeDenied, audit.NotFound: comity.CodeNotFound}[outcome]
	if outcome == "" {
		code = comity.CodeInvalid
	}
	if got := comity.CodeOf(err); err != nil && got != code || err == nil && code != "" {
		r.Errorf("%s by %s: %v, wanted %q", name, who.Officer.Ref(), err, outcome)
	}
	if outcome == "" {
		r.l.wrote("no leaf")
		return false
	}
	r.l.wrote(string(name)+" "+string(outcome), says(string(name), outcome, who.RequestID, states...))
	return err == nil
}

func (r *run) read(o *exchangetest.Officer, outcome audit.Outcome, f func(*exchange.Reader) error, states ...comity.State) {
	x, who := r.who(o)
	if err := x.Read(r.Context(), who, f); err != nil && outcome != audit.Refused {
		r.Errorf("read by %s: %v", who.Officer.Ref(), err)
	}
	r.l.wrote("read "+string(outcome), says("read", outcome, who.RequestID, states...))
}

func (r *run) step() {
	g, of := r.g, func(id comity.ID, p comity.Purpose) func(*exchange.Reader) error {
		return func(rd *exchange.Reader) error { _, err := rd.Cases([]comity.ID{id}, p); return err }
	}
	switch r.random.IntN(15) {
	case 0:
		r.read(r.owner, audit.Read, of(g.c, ""), "KZ")
	case 1:
		r.read(r.foreign, audit.Read, of(g.c, comity.PurposeInvestigation), "AM", "KZ")
	case 2:
		r.read(r.foreign, audit.NotFound, of(comity.NewID(comity.KindCase), comity.PurposeInvestigation), "AM")
	case 3:
		r.read(r.stranger, audit.NotFound, of(g.c, comity.PurposeInvestigation), "BY")
	case 4:
		r.read(r.owner, audit.Refused, func(rd *exchange.Reader) error { _, err := rd.Log(exchange.LogFilter{}, 1, ""); return err }, "KZ")
	case 5:
		r.do(r.foreignLiaison, sovereignty.GrantRevoke, r.foreignLiaison.Revoke(r.T, g.c, g.grant.Body.ID), audit.Refused, "AM", "KZ")
	case 6:
		r.do(r.stranger, sovereignty.GrantRevoke, r.stranger.Revoke(r.T, g.c, comity.NewID(comity.KindGrant)), audit.NotFound, "BY")
	case 7:
		key := exchangetest.Key()
		act := func() *exchange.AddRecords {
			return &exchange.AddRecords{Key: key, Case: g.c, Entries: []exchange.NewEntry{{Text: comity.EntryText{Text: "x"}}}}
		}
		if r.do(r.owner, sovereignty.EntryAdd, act(), audit.Done, "KZ") {
			r.do(r.owner, sovereignty.EntryAdd, act(), audit.Repeated, "KZ")
		}
	case 8:
		r.do(r.owner, sovereignty.EntryAdd, &exchange.AddRecords{Key: exchangetest.Key(), Case: g.c, Entries: []exchange.NewEntry{{Text: comity.EntryText{Text: strings.Repeat("x", 1<<20)}}}}, "")
	case 9:
		act := r.liaison.MakeGrant(r.T, g.c, r.liaison.GrantBody("AM", g.release))
		if r.do(r.liaison, sovereignty.GrantMake, act, audit.Done, "KZ") {
			r.l.wrote("grantBegun", says("grantBegun", audit.Done, string(act.Body.ID), "AM", "KZ"))
			r.grants = append(r.grants, act)
		}
	case 10:
		if len(r.grants) == 0 {
			return
		}
		act := r.grants[0]
		if r.do(r.liaison, sovereignty.GrantRevoke, r.liaison.Revoke(r.T, g.c, act.Body.ID), audit.Done, "KZ") {
			r.grants = r.grants[1:]
			r.l.wrote("grantEnded", says("grantEnded", audit.Done, string(act.Body.ID), "AM"))
		}
	case 11:
		open, _ := r.foreign.Opening(r.T, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.Body.ID)
		r.do(r.foreign, sovereignty.EvidenceOpen, open, audit.Released, "AM", "KZ")
	case 12:
		before := g.Clock.Now().Add(-comity.ErasureAge)
		r.do(r.authority, sovereignty.LogErase, r.authority.Erase(r.T, comity.NewID(comity.KindErasure), before, ""), audit.Proposed, "KZ")
		r.do(r.liaison, sovereignty.LogErase, r.liaison.Erase(r.T, comity.NewID(comity.KindErasure), before, ""), audit.Refused, "KZ")
	case 13:
		r.do(r.owner, sovereignty.CaseExport, &exchange.ExportCase{Key: exchangetest.Key(), Case: g.c, Use: comity.UseAnalysis}, audit.Done, "KZ")
	case 14:
		title := uuid.NewString()
		r.do(r.stranger, sovereignty.CaseUpdate, &exchange.UpdateCase{Key: exchangetest.Key(), ID: g.c, ExpectedVersion: 1, Title: &title}, audit.NotFound, "BY")
	}
}

// TestIncidents: what does not open with its clear fields is told to the state that
// it is of, once a day whichever server meets it, and to no other.
func TestIncidents(t *testing.T) {
	g, raw := operated(t)
	tear(t, raw, "cases", g.c)
	other := g.Another(t, g.DB)
	for range 3 {
		for _, x := range []*exchange.Exchange{g.Exchange, other} {
			_ = x.Read(t.Context(), g.foreign.Caller, func(r *exchange.Reader) error {
				_, err := r.Cases([]comity.ID{g.c}, comity.PurposeInvestigation)
				return err
			})
			must(t, x.TellIncidents(t.Context()))
		}
	}
	count := func(s comity.State) (n int) {
		for _, e := range entries(t, g.DB, s) {
			c, err := audit.Open(e)
			must(t, err)
			if c.Act == "incident" {
				n++
				if c.Outcome != audit.Failed || c.Reason == "" || c.Records[0].ID != string(g.c) || c.Policies == "" || c.Actor.Ref != "" || c.RequestID != "" {
					t.Errorf("the incident says %+v", c)
				}
			}
		}
		return n
	}
	if n := count("KZ"); n != 1 {
		t.Errorf("Kazakhstan reads %d times of one incident", n)
	}
	if n := count("AM"); n != 0 {
		t.Errorf("Armenia reads %d times of an incident of Kazakhstan's", n)
	}
	if n := g.Sequence(t); n == 0 {
		t.Error("what was told got no place")
	}
}

// breaking is a database whose next writes fail.
type breaking struct {
	storage.DB
	fail int
}

func (b *breaking) Write(ctx context.Context, f func(storage.Tx) error) error {
	if b.fail > 0 {
		b.fail--
		return errors.New("the database is away")
	}
	return b.DB.Write(ctx, f)
}

// TestIncidentsWait: while the database is away no incident is lost, whichever of
// them fails.
func TestIncidentsWait(t *testing.T) {
	for fail := range 4 {
		t.Run(fmt.Sprint(fail), func(t *testing.T) {
			g, raw := operated(t)
			torn := []comity.ID{g.c, g.owner.FileCase(t, "two"), g.owner.FileCase(t, "three")}
			for _, c := range torn {
				tear(t, raw, "cases", c)
			}
			db := &breaking{DB: g.DB}
			x := g.Another(t, db)
			for _, c := range torn {
				_ = x.Read(t.Context(), g.owner.Caller, func(r *exchange.Reader) error {
					_, err := r.Cases([]comity.ID{c}, "")
					return err
				})
			}
			db.fail = fail
			for range fail {
				if x.TellIncidents(t.Context()) == nil {
					t.Fatal("told while the database is away")
				}
			}
			must(t, x.TellIncidents(t.Context()))
			told := map[string]int{}
			for _, e := range entries(t, g.DB, "KZ") {
				if c, err := audit.Open(e); err != nil {
					t.Error(err)
				} else if c.Act == "incident" {
					told[c.Records[0].ID]++
				}
			}
			for _, c := range torn {
				if told[string(c)] != 1 {
					t.Errorf("of %s there are %d incidents", c, told[string(c)])
				}
			}
		})
	}
}
