package exchange_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage/object"
)

// failing makes every call fail whose name begins so, as "custodian KZ Apply".
func failing(prefix string) around {
	return func(ctx context.Context, call string, perform func(context.Context) error) error {
		if strings.HasPrefix(call, prefix) {
			return comity.Unavailable("the "+call, nil)
		}
		return perform(ctx)
	}
}

// effects lets a server carry out what others left, until f is satisfied.
func effects(t *testing.T, x *exchange.Exchange, f func() bool) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); x.Effects(ctx) }()
	defer func() { stop(); <-done }()
	awaited(t, "the effect is carried out", f)
}

// TestPendingGrant: a grant that did not reach the register opens nothing and
// is known to nobody abroad, until another server takes it there.
func TestPendingGrant(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		b := newBench(t)
		c := b.owner.FileCase(t, "A case", "AM")
		act := b.liaison.MakeGrant(t, c, b.liaison.GrantBody("AM", b.owner.Release(t, c, "AM")))
		var tries atomic.Int32
		broken := at(b.liaison, serverWith(t, b.World, func(ctx context.Context, call string, perform func(context.Context) error) error {
			if call == "custodian KZ Apply" {
				tries.Add(1)
			}
			return failing("custodian KZ Apply")(ctx, call, perform)
		}))
		want(t, broken.Try(t, act), comity.CodeUnavailable, 0)
		read := func() *exchange.CaseView { return caseOf(t, b.foreign, c, comity.PurposeInvestigation) }
		if s := b.grants(t, c)[0].Status; s != comity.GrantPending || read() != nil || b.stands(t, c, act.Body.ID) != comity.CodeNotFound {
			t.Fatalf("the grant is %s, and Armenia reads %v", s, read())
		}
		// Its own server tries in vain, as long as it does.
		before := tries.Load()
		effects(t, broken.Exchange, func() bool { return tries.Load() > before })
		if read() != nil {
			t.Fatal("a grant that is not in the register opens a case")
		}
		effects(t, b.Exchange, func() bool { v := read(); return v != nil && v.Text != nil })
		if b.grants(t, c)[0].Status != comity.GrantActive || b.stands(t, c, act.Body.ID) != "" {
			t.Error("the database and the register differ")
		}
		for _, name := range []string{"auditor@KZ", "auditor@AM"} {
			begun := slices.DeleteFunc(about(logOf(t, b.World, name), act.Body.ID), func(c audit.Content) bool { return c.Act != "grantBegun" })
			if len(begun) != 1 {
				t.Errorf("%s reads %d times that the grant began", name, len(begun))
			}
		}
	})
}

// TestRevocationOutstanding: a revocation whose effect waits holds in the
// register and at every server at once, and its effect is carried out later.
func TestRevocationOutstanding(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		b := &bench{World: g.World, owner: g.owner, liaison: g.liaison, authority: g.authority, foreign: g.foreign}
		if caseOf(t, g.foreign, g.c, comity.PurposeInvestigation).Text == nil {
			t.Fatal("the grant opens nothing")
		}
		broken := at(g.liaison, serverWith(t, g.World, failing("custodian KZ Apply")))
		want(t, broken.Try(t, g.liaison.Revoke(t, g.c, g.grant.Body.ID)), comity.CodeUnavailable, 0)
		if b.stands(t, g.c, g.grant.Body.ID) != comity.CodeDenied {
			t.Fatal("the register does not know of the revocation")
		}
		for _, o := range []*exchangetest.Officer{g.foreign, at(g.foreign, broken.Exchange)} {
			if v := caseOf(t, o, g.c, comity.PurposeInvestigation); v.Text != nil || v.Access.Level != "ENDED" {
				t.Errorf("a revoked grant opens a case as %s", v.Access.Level)
			}
			open, _ := o.Opening(t, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.Body.ID)
			want(t, o.Try(t, open), comity.CodeDenied, comity.ArticleTerm)
		}
		effects(t, g.Exchange, func() bool { return waiting(t, g.World, g.grant.Body.ID) == 0 })
	})
}

// TestEvidenceAdopted: an exhibit that the store completed and the exchange
// missed is neither lost nor uploaded again.
func TestEvidenceAdopted(t *testing.T) {
	b := newBench(t)
	c := b.owner.FileCase(t, "A case")
	begun, key := b.owner.Begin(t, c, "exhibit", 4)
	complete := b.owner.Put(t, begun, key, []byte("data"))
	want(t, at(b.owner, serverWith(t, b.World, failing("custodian KZ Sign"))).Try(t, complete), comity.CodeUnavailable, 0)
	have := &exchange.SignParts{Key: exchangetest.Key(), Evidence: begun.ID}
	b.owner.Do(t, have)
	if len(have.Have) != 0 {
		t.Errorf("a completed upload has the parts %v", have.Have)
	}
	p := complete.Items[0].Parts[0]
	more := &exchange.SignParts{Key: exchangetest.Key(), Evidence: begun.ID, Parts: []object.Part{{Number: 1, Size: p.Size, SHA256: p.SHA256}}}
	want(t, b.owner.Try(t, more), comity.CodeConflict, 0)
	// What was not uploaded is not adopted.
	other := &exchange.CompleteEvidence{Key: exchangetest.Key(), Items: slices.Clone(complete.Items)}
	other.Items[0].Parts = slices.Clone(other.Items[0].Parts)
	other.Items[0].Parts[0].SHA256[0] ^= 1
	other.Items[0].Act = b.owner.Sign(t, statement.Act{Act: statement.ActEvidenceComplete, Record: begun.ID}, completeBody(t, begun.Header, other.Items[0]))
	want(t, b.owner.Try(t, other), comity.CodeConflict, 0)
	complete.Items[0].Act = b.owner.Sign(t, statement.Act{Act: statement.ActEvidenceComplete, Record: begun.ID}, completeBody(t, begun.Header, complete.Items[0]))
	b.owner.Do(t, complete)
	if got := b.owner.Download(t, begun.ID, begun.Header, "", ""); string(got) != "data" {
		t.Errorf("the exhibit is %q", got)
	}
}

// TestBegunResumed: an upload that one officer began through a server that is
// gone, another officer of the case completes through another.
func TestBegunResumed(t *testing.T) {
	b := newBench(t)
	c := b.owner.FileCase(t, "A case")
	first := at(b.owner, serverWith(t, b.World, failing("none")))
	begun, key := first.Begin(t, c, "exhibit", 4)
	parts := first.Put(t, begun, key, []byte("data")).Items[0] // and there it ends
	colleague := b.As(t, "colleague@KZ")
	have := &exchange.SignParts{Key: exchangetest.Key(), Evidence: begun.ID}
	want(t, colleague.Try(t, have), comity.CodeNotFound, 0)
	b.owner.Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: c, Officer: colleague.Caller.Officer.Ref()})
	found, _ := b.exhibits(t, c)
	reopened(t, colleague, found[0])
	colleague.Do(t, have)
	if len(have.Have) != 1 || have.Have[0].SHA256 != parts.Parts[0].SHA256 {
		t.Errorf("the store has %v", have.Have)
	}
	complete := &exchange.CompleteEvidence{Key: exchangetest.Key(), Items: []exchange.CompleteExhibit{parts}}
	complete.Items[0].Act = colleague.Sign(t, statement.Act{Act: statement.ActEvidenceComplete, Record: begun.ID}, completeBody(t, begun.Header, parts))
	colleague.Do(t, complete)
	if got := colleague.Download(t, begun.ID, begun.Header, "", ""); string(got) != "data" {
		t.Errorf("the exhibit is %q", got)
	}
}

// TestCustodyUnbroken: whatever officers of several states do to an exhibit at
// once, and however often the custodian fails, each state's chain of custody
// has every event once and no fork.
func TestCustodyUnbroken(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		broken := serverWith(t, g.World, failing("custodian KZ Release"))
		const each = 12
		var wg sync.WaitGroup
		for i := range 4 {
			o, purpose, grant := g.foreign, comity.PurposeInvestigation, g.grant.Body.ID
			if i%2 == 0 {
				o, purpose, grant = g.owner, comity.Purpose(""), ""
			}
			if i >= 2 {
				o = at(o, broken)
			}
			wg.Go(func() {
				for range each {
					act, _ := o.Opening(t, g.exhibit, g.header, purpose, grant)
					if err := o.Try(t, act); (err == nil) != (i < 2) {
						t.Errorf("opening: %v", err)
					}
				}
			})
		}
		wg.Wait()
		b := &bench{World: g.World, owner: g.owner}
		_, custody := b.exhibits(t, g.c)
		kinds := map[comity.State]map[comity.CustodyKind]int{"KZ": {}, "AM": {}}
		last := map[comity.State][32]byte{}
		for _, e := range custody[g.exhibit] {
			previous, ok := last[e.State]
			if !ok && e.State != "KZ" { // from the originator's seal on
				previous = last["sealed"]
			}
			if exchange.ChainCustody(previous, e) != e.Chain {
				t.Fatalf("the chain of %s is broken at %s", e.State, e.Kind)
			}
			last[e.State] = e.Chain
			if e.Kind == comity.CustodySealed {
				last["sealed"] = e.Chain
			}
			kinds[e.State][e.Kind]++
		}
		for s, n := range kinds {
			if n[comity.CustodyDisclosed] != 2*each || n[comity.CustodyNotReleased] != each {
				t.Errorf("%s: %v", s, n)
			}
		}
	})
}
