package exchange_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// opens has an officer of the granted world open its exhibit by a new act.
func (g *granted) opens(t *testing.T, o *exchangetest.Officer) (*exchange.OpenEvidence, *exchangetest.Recipient) {
	t.Helper()
	if o == g.owner {
		return o.Opening(t, g.exhibit, g.header, "", "")
	}
	return o.Opening(t, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.Body.ID)
}

// TestKeyWaitsForWitnesses: while witnesses that a policy needs are silent, nobody
// has the key, the own officers neither; both states read that it was asked for and
// not released, and why. With one other witness silent all goes on.
func TestKeyWaitsForWitnesses(t *testing.T) {
	for name, c := range map[string]struct {
		silent []comity.State
		waits  string // "" when it opens all the same
	}{
		"the own":         {[]comity.State{"KZ"}, "the witness of KZ"},
		"the asker's":     {[]comity.State{"AM"}, ""},
		"a third state's": {[]comity.State{"BY"}, ""},
		"all others":      {[]comity.State{"AM", "BY"}, "enough of the witnesses of AM, BY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGranted(t)
			speak := g.Prover.Silence(t, c.silent...)
			for _, o := range []*exchangetest.Officer{g.owner, g.foreign} {
				act, recipient := g.opens(t, o)
				err := o.Try(t, act)
				if c.waits == "" {
					if err != nil {
						t.Fatalf("%s: %v", o.Caller.Officer.Ref(), err)
					}
					recipient.Decrypt(t, o, act)
					continue
				}
				if comity.CodeOf(err) != comity.CodeUnavailable || !strings.Contains(err.Error(), c.waits) {
					t.Errorf("%s: %v", o.Caller.Officer.Ref(), err)
				}
				if act.SealedKey != "" || act.Get != nil {
					t.Errorf("%s has an answer beside the error", o.Caller.Officer.Ref())
				}
				for _, auditor := range []string{"auditor@KZ", "auditor@" + string(o.Caller.Officer.State)} {
					entries := about(logOf(t, g.World, auditor), g.exhibit)
					if entries[0].Outcome != audit.Failed || !strings.Contains(entries[0].Reason, c.waits) || entries[1].Outcome != audit.Released ||
						entries[0].Signed == "" || entries[0].Signed != entries[1].Signed {
						t.Errorf("%s reads %+v after %+v", auditor, entries[0], entries[1])
					}
				}
			}
			speak()
			for _, o := range []*exchangetest.Officer{g.owner, g.foreign} {
				act, recipient := g.opens(t, o)
				o.Do(t, act)
				recipient.Decrypt(t, o, act)
			}
		})
	}
}

// TestNobodyWaitsForTheKey: an officer who no longer waits leaves a leaf that says
// that no key was released.
func TestNobodyWaitsForTheKey(t *testing.T) {
	g := newGranted(t)
	defer g.Prover.Silence(t, "KZ")()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	x := serverWith(t, g.World, func(inner context.Context, call string, perform func(context.Context) error) error {
		if strings.HasPrefix(call, "prover") {
			cancel()
		}
		if strings.HasSuffix(call, "Release") {
			t.Error("the custodian was asked without a proof")
		}
		return perform(inner)
	})
	act, _ := g.opens(t, g.foreign)
	if err := x.Do(ctx, g.foreign.Caller, act); !errors.Is(err, context.Canceled) {
		t.Errorf("the officer is told %v", err)
	}
	if c := about(logOf(t, g.World, "auditor@KZ"), g.exhibit); c[0].Outcome != audit.Failed || c[1].Outcome != audit.Released || act.SealedKey != "" {
		t.Errorf("the originator reads %s after %s", c[0].Outcome, c[1].Outcome)
	}
}

// TestOldLeafOpensNothing: a server that shows the custodian the leaf of an earlier
// request has no key for a new one, and both states read so.
func TestOldLeafOpensNothing(t *testing.T) {
	g := newGranted(t)
	var first verify.Proof
	x := serverOver(t, g.World, proverFunc(func(ctx context.Context, leaf comity.ID, s comity.State) (verify.Proof, error) {
		if len(first.Path) > 0 {
			return first, nil
		}
		var err error
		first, err = g.Prover.Prove(ctx, leaf, s)
		return first, err
	}))
	act, recipient := g.opens(t, g.foreign)
	must(t, x.Do(t.Context(), g.foreign.Caller, act))
	recipient.Decrypt(t, g.foreign, act)
	act, _ = g.opens(t, g.foreign)
	want(t, x.Do(t.Context(), g.foreign.Caller, act), comity.CodeDenied, comity.ArticleAccountability)
	if act.SealedKey != "" {
		t.Error("an answer beside the error")
	}
	for _, auditor := range []string{"auditor@KZ", "auditor@AM"} {
		if c := about(logOf(t, g.World, auditor), g.exhibit); c[0].Outcome != audit.Failed || c[0].Article != comity.ArticleAccountability {
			t.Errorf("%s reads %+v", auditor, c[0])
		}
	}
}

type proverFunc func(context.Context, comity.ID, comity.State) (verify.Proof, error)

func (f proverFunc) Prove(ctx context.Context, leaf comity.ID, s comity.State) (verify.Proof, error) {
	return f(ctx, leaf, s)
}

// serverOver is another server of the world with a prover of its own.
func serverOver(t *testing.T, w *exchangetest.World, p exchange.Prover) *exchange.Exchange {
	t.Helper()
	states := map[comity.State]exchange.State{}
	for s, c := range w.Custodians {
		states[s] = exchange.State{Custodian: c, Store: w.Stores[s]}
	}
	x, err := exchange.New(exchange.Options{DB: w.DB, Directory: w.Directory, Policies: w.Exchange.Policies(), States: states, Prover: p, Log: w.Log})
	must(t, err)
	return x
}
