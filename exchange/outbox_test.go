package exchange_test

import (
	"context"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// waiting counts the effects of a record that wait.
func waiting(t *testing.T, w *exchangetest.World, record comity.ID) (n int) {
	t.Helper()
	must(t, w.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		due, err := tx.EffectsOf(record)
		n = len(due)
		return err
	}))
	return n
}

// TestOutboxRowLost: a database that loses the rows of its outbox makes no act
// that was answered as done into one that never happens.
func TestOutboxRowLost(t *testing.T) {
	g, raw := operated(t)
	exec(t, raw, `CREATE TRIGGER lose AFTER INSERT ON effects BEGIN DELETE FROM effects WHERE seq = NEW.seq; END`)
	b := &bench{World: g.World, liaison: g.liaison}
	made := g.liaison.MakeGrant(t, g.c, g.liaison.GrantBody("AM", g.release, g.exhibit))
	g.liaison.Do(t, made)
	if code := b.stands(t, g.c, made.Body.ID); code != "" {
		t.Errorf("a grant whose effect was lost stands as %q", code)
	}
	g.foreign.Download(t, g.exhibit, g.header, comity.PurposeInvestigation, made.Body.ID)
	g.liaison.Do(t, g.liaison.Revoke(t, g.c, made.Body.ID))
	if code := b.stands(t, g.c, made.Body.ID); code != comity.CodeDenied {
		t.Errorf("a revocation whose effect was lost leaves the grant as %q", code)
	}
}

// TestEndedByTheSignature: what ends a grant is in the register before the
// officer is shown it signed; a server that forgets to apply it, or will not,
// keeps nothing open.
func TestEndedByTheSignature(t *testing.T) {
	g := newGranted(t)
	b := &bench{World: g.World, liaison: g.liaison}
	swallows := secondServer(t, g.World, turned{apply: func(context.Context, string) error { return nil }})
	revoke := g.liaison.Revoke(t, g.c, g.grant.Body.ID)
	must(t, at(g.liaison, swallows).Try(t, revoke))
	if revoke.Statement == "" || b.stands(t, g.c, g.grant.Body.ID) != comity.CodeDenied {
		t.Error("the liaison holds a signed revocation, and the register still opens the grant")
	}
}

// TestGrantTooLate: a grant that reached the register after more than a day is
// not taken there; it ends without ever having been in force.
func TestGrantTooLate(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		b := newBench(t)
		c := b.owner.FileCase(t, "A case", "AM")
		act := b.liaison.MakeGrant(t, c, b.liaison.GrantBody("AM", b.owner.Release(t, c, "AM")))
		broken := at(b.liaison, serverWith(t, b.World, failing("custodian KZ Apply")))
		want(t, broken.Try(t, act), comity.CodeUnavailable, 0)
		b.Clock.Advance(custodian.GrantAge + time.Minute)
		effects(t, b.Exchange, func() bool { return waiting(t, b.World, act.Body.ID) == 0 })
		liaison := b.As(t, "liaison@KZ")
		var status comity.GrantStatus
		liaison.Read(t, func(r *exchange.Reader) error {
			found, err := r.Grants([]comity.ID{act.Body.ID})
			if err == nil {
				status = found[act.Body.ID].Status
			}
			return err
		})
		if status != comity.GrantEnded || b.stands(t, c, act.Body.ID) != comity.CodeNotFound {
			t.Errorf("the grant is %s, and to the register %q", status, b.stands(t, c, act.Body.ID))
		}
		if v := caseOf(t, b.As(t, "investigator@AM"), c, comity.PurposeInvestigation); v != nil {
			t.Errorf("Armenia sees the case as %s", v.Access.Level)
		}
		if begun := about(logOf(t, b.World, "auditor@AM"), act.Body.ID); len(begun) > 0 {
			t.Errorf("Armenia reads of it: %v", begun)
		}
	})
}

// TestManyExhibitsAtOnce: what is asked for each of many is answered in their order.
func TestManyExhibitsAtOnce(t *testing.T) {
	b := newBench(t)
	c := b.owner.FileCase(t, "A case")
	complete := &exchange.CompleteEvidence{Key: exchangetest.Key()}
	for range 20 {
		begun, key := b.owner.Begin(t, c, "exhibit", 4)
		complete.Items = append(complete.Items, b.owner.Put(t, begun, key, []byte("data")).Items...)
	}
	b.owner.Do(t, complete)
	if len(complete.Receipts) != len(complete.Items) {
		t.Fatalf("%d receipts for %d exhibits", len(complete.Receipts), len(complete.Items))
	}
	for i, receipt := range complete.Receipts {
		s, err := b.Directory.VerifyStatement(receipt)
		must(t, err)
		if s.ID != complete.Items[i].Evidence {
			t.Errorf("the receipt of the exhibit %d is that of another", i)
		}
	}
}
