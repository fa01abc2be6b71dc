package exchange_test

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// reports is a log that counts what it was told at an error's level.
type reports struct{ n *atomic.Int32 }

func (r reports) Enabled(context.Context, slog.Level) bool { return true }
func (r reports) Handle(_ context.Context, l slog.Record) error {
	if l.Level >= slog.LevelError {
		r.n.Add(1)
	}
	return nil
}
func (r reports) WithAttrs([]slog.Attr) slog.Handler { return r }
func (r reports) WithGroup(string) slog.Handler      { return r }

// reporting is the world's log from now on, for servers that are made after it.
func (b *bench) reporting() *atomic.Int32 {
	r := reports{new(atomic.Int32)}
	b.Log = slog.New(r)
	return r.n
}

// denials counts KZ's leaves by which a grant over a contribution was denied.
func (b *bench) denials(t *testing.T, contribution comity.ID) (n int) {
	t.Helper()
	must(t, b.DB.Read(storage.AsSystem(t.Context()), func(tx storage.ReadTx) error {
		entries, err := tx.Log("KZ", storage.LogFilter{Record: string(contribution)}, storage.Page{Limit: 200})
		for _, e := range entries {
			c, fault := audit.Open(e)
			if fault != nil {
				return fault
			}
			if c.Act == string(sovereignty.GrantMake) && c.Outcome != audit.Done {
				n++
			}
		}
		return err
	}))
	return n
}

// attempts is how often the first effect of a record was tried.
func (b *bench) attempts(t *testing.T, record comity.ID) int {
	t.Helper()
	for _, e := range outbox(t, b.World, record) {
		return e.Attempts
	}
	return 0
}

// TestTeamDenialOnce: what the Articles refuse of a standing grant is noted once for
// each grant, however often the rest is tried.
func TestTeamDenialOnce(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		b := newTeam(t)
		closed, open := b.owner.FileCase(t, "Reserved", "AM"), b.owner.FileCase(t, "Open", "AM")
		denied := b.owner.Contribute(t, closed)
		b.owner.Do(t, denied)
		b.owner.Do(t, b.owner.Contribute(t, open))
		b.authority.Do(t, b.authority.Reserve(t, closed, 1))
		broken := serverWith(t, b.World, failing("custodian KZ Apply"))
		standing := b.liaison.Standing(t, "AM", "BY")
		want(t, at(b.liaison, broken).Try(t, standing), comity.CodeUnavailable, 0)
		if n := b.denials(t, denied.Body.ID); n != 2 {
			t.Fatalf("%d denials to two members", n)
		}
		for n := range 3 {
			b.Clock.Advance(10 * time.Second)
			effects(t, broken, func() bool { return b.attempts(t, standing.ID) > n })
		}
		b.Clock.Advance(time.Minute)
		effects(t, b.Exchange, func() bool { return waiting(t, b.World, standing.ID) == 0 })
		if n := b.denials(t, denied.Body.ID); n != 2 || !reads(t, b.foreign, open) || reads(t, b.foreign, closed) {
			t.Errorf("after more attempts there are %d denials, and Armenia reads %v and %v", n, reads(t, b.foreign, open), reads(t, b.foreign, closed))
		}
	})
}

// TestTeamBusyRegister: what a register that others change has no time for is tried
// again.
func TestTeamBusyRegister(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		b := newTeam(t)
		b.liaison.Do(t, b.liaison.Standing(t, "AM", "BY"))
		var calls atomic.Int32
		busy := serverWith(t, b.World, func(ctx context.Context, call string, perform func(context.Context) error) error {
			if call == "custodian KZ GrantUnder" && calls.Add(1) == 1 {
				return comity.Conflict("the register is being changed by others; try again")
			}
			return perform(ctx)
		})
		c := b.owner.FileCase(t, "A case", "AM")
		given := b.owner.Contribute(t, c)
		want(t, at(b.owner, busy).Try(t, given), comity.CodeUnavailable, 0)
		if reads(t, b.foreign, c) || !reads(t, b.As(t, "investigator@BY"), c) {
			t.Error("the wrong grant was made")
		}
		effects(t, b.Exchange, func() bool { return waiting(t, b.World, given.Body.ID) == 0 })
		if !reads(t, b.foreign, c) || len(b.grants(t, c)) != 2 {
			t.Error("the grant that the register had no time for is never made")
		}
	})
}

// TestTeamForgedGrant: a row that the operator puts under the id of a grant that is to
// follow does not pass for it: it is reported, once, and holds up no other.
func TestTeamForgedGrant(t *testing.T) {
	for what, forged := range map[string]func(t *testing.T, b *bench, g *comity.Grant){
		"a statement of none": func(_ *testing.T, _ *bench, g *comity.Grant) { g.Statement = "eyJ.e30.x" },
		"another grant's": func(t *testing.T, b *bench, g *comity.Grant) {
			made := b.liaison.MakeGrant(t, g.Case, b.liaison.GrantBody("AM", b.owner.Release(t, g.Case, "AM")))
			b.liaison.Do(t, made)
			row := *b.grants(t, g.Case)[0]
			row.ID, row.Status, row.EndedAt = g.ID, comity.GrantRevoked, b.Clock.Now().UTC()
			b.liaison.Do(t, b.liaison.Revoke(t, g.Case, made.Body.ID))
			*g = row
		},
	} {
		t.Run(what, func(t *testing.T) {
			onEngines(t, func(t *testing.T) {
				b := newTeam(t)
				told := b.reporting()
				x := serverWith(t, b.World, func(ctx context.Context, _ string, perform func(context.Context) error) error { return perform(ctx) })
				standing := b.liaison.Standing(t, "AM", "BY")
				b.liaison.Do(t, standing)
				c := b.owner.FileCase(t, "A case", "AM")
				given := b.owner.Contribute(t, c)
				to := comity.Grantee{State: "AM"}
				g := comity.Grant{ID: statement.GrantIDUnder(standing.ID, given.Body.ID, to), Case: c, State: "KZ", Liaison: "KZ:liaison-1", Grantee: to, Scope: comity.ScopeFull,
					Purpose: comity.PurposeInvestigation, NotAfter: b.Clock.Now().Add(time.Hour).UTC(), Status: comity.GrantRevoked, EndedAt: b.Clock.Now().UTC(), Version: 1,
					CreatedAt: b.Clock.Now().UTC(), Standing: standing.ID, Release: given.Body.ID}
				forged(t, b, &g)
				must(t, b.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.InsertGrant(g) }))
				at(b.owner, x).Do(t, given)
				if reads(t, b.foreign, c) || !reads(t, b.As(t, "investigator@BY"), c) {
					t.Error("the forged row opens the case, or holds up another member")
				}
				if told.Load() != 1 {
					t.Errorf("reported %d times", told.Load())
				}
				b.Clock.Advance(time.Hour)
				next := b.As(t, "investigator@KZ").FileCase(t, "Next", "AM")
				probe := storage.Effect{ID: next, Kind: "stand", State: "KZ"}
				forge(t, b.World, probe)
				effects(t, x, func() bool { return waiting(t, b.World, next) == 0 })
				if left := outbox(t, b.World, given.Body.ID); told.Load() != 1 || len(left) != 1 || left[0].Attempts > 1 {
					t.Errorf("reported %d times, and %v waits", told.Load(), left)
				}
			})
		})
	}
}

// TestForgedEffectParked: an effect that is not what its record says is tried once and
// reported once, one of no record some times; they stay, and stop no act on the record.
func TestForgedEffectParked(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		b := newBench(t)
		told := b.reporting()
		x := serverWith(t, b.World, func(ctx context.Context, _ string, perform func(context.Context) error) error { return perform(ctx) })
		c, made := b.granted(t)
		grant, none := made.Body.ID, comity.NewID(comity.KindGrant)
		_, _, err := b.Custodians["BY"].NewRecordKey(t.Context(), c)
		must(t, err)
		signedBy(t, b.World, b.As(t, "liaison@BY"), statement.KindRevocation, statement.ActGrantRevoke, grant, grant, c, statement.RevokeBody{Case: c, Reason: "x"})
		forge(t, b.World, storage.Effect{ID: grant, Kind: "settle", State: "BY", Payload: intentOf(t, sovereignty.GrantRevoke, "BY", nil)})
		forge(t, b.World, storage.Effect{ID: c, Kind: "settle", State: "KZ", Payload: []byte("no intent")})
		forge(t, b.World, storage.Effect{ID: none, Kind: "apply", State: "KZ", Payload: []byte("eyJ.e30.x")})
		parked := func(id comity.ID) bool {
			left := outbox(t, b.World, id)
			return len(left) == 1 && left[0].NotBefore.Year() == 9999
		}
		effects(t, x, func() bool { return parked(grant) && parked(c) && b.attempts(t, none) == 1 })
		if told.Load() != 2 || b.attempts(t, grant) != 2 || b.attempts(t, c) != 2 { // once taken up, once parked
			t.Errorf("reported %d times after %d and %d attempts", told.Load(), b.attempts(t, grant), b.attempts(t, c))
		}
		tried := 0
		for ; !parked(none) && tried < 100; tried++ {
			was := b.attempts(t, none)
			b.Clock.Advance(2 * time.Minute)
			effects(t, x, func() bool { return b.attempts(t, none) > was })
		}
		if tried < 5 || tried > 20 || told.Load() != 3 || b.attempts(t, grant) != 2 {
			t.Errorf("one of no record is given up after %d attempts, reported %d times", tried, told.Load())
		}
		liaison := b.As(t, "liaison@KZ")
		at(liaison, x).Do(t, liaison.Revoke(t, c, grant))
		left := outbox(t, b.World, grant)
		if len(left) != 1 || !slices.ContainsFunc(left, func(e storage.Effect) bool { return e.Kind == "settle" && e.State == "BY" }) {
			t.Errorf("%v waits", left)
		}
	})
}
