package exchange_test

import (
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
)

// onward moves the originator to let a third state see what a grant opens.
func onward(to, third comity.State, grant comity.ID) *exchange.SendRequest {
	return &exchange.SendRequest{Key: exchangetest.Key(), To: to, Kind: comity.RequestAccess, Urgency: comity.UrgencyRoutine, Category: tokentest.Category,
		Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, OnwardTo: third, Grant: grant,
		Text: comity.RequestText{Title: "Share it", Facts: "They hold the same wallet"}}
}

// TestOnwardAsked: a grantee asks for a third state, and the originator answers.
func TestOnwardAsked(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		grant, third := g.grant.Body.ID, g.As(t, "liaison@BY")
		ask := onward("KZ", "BY", grant)
		g.foreign.Do(t, ask)
		again := *ask
		again.ID = ""
		g.foreign.Do(t, &again)
		if again.ID != ask.ID {
			t.Errorf("a repeat sent another request: %s, then %s", ask.ID, again.ID)
		}
		for _, o := range []*exchangetest.Officer{g.foreign, g.liaison} {
			if v, _, _ := see(t, o, ask.ID); v == nil || v.OnwardTo != "BY" || v.Grant != grant || v.Text == nil || v.Text.Title != "Share it" {
				t.Errorf("%s finds %+v", o.Caller.Officer.Ref(), v)
			}
		}
		if v, _, _ := see(t, third, ask.ID); v != nil {
			t.Error("the third state finds the request")
		}

		naming := func(c comity.ID, to comity.State, request comity.ID) *exchange.MakeGrant {
			body := g.liaison.GrantBody(to, g.owner.Release(t, c, to))
			body.Request = request
			return g.liaison.MakeGrant(t, c, body)
		}
		other := g.owner.FileCase(t, "Another case", "BY")
		want(t, g.liaison.Try(t, naming(g.c, "AM", ask.ID)), comity.CodeInvalid, 0)      // another grantee
		want(t, g.liaison.Try(t, naming(other, "BY", ask.ID)), comity.CodeInvalid, 0)    // another case
		want(t, g.liaison.Try(t, naming(g.c, "BY", asked(t, g))), comity.CodeInvalid, 0) // not for onward sharing
		made := naming(g.c, "BY", ask.ID)
		g.liaison.Do(t, made)
		if v := caseOf(t, third, g.c, comity.PurposeInvestigation); v == nil || v.Access.Level != sovereignty.AccessFull {
			t.Errorf("the third state reads %+v", v)
		}
		if v, _, _ := see(t, third, ask.ID); v != nil {
			t.Error("the third state finds the request that its grant answers")
		}
		g.foreign.Read(t, func(r *exchange.Reader) error {
			found, err := r.Grants([]comity.ID{made.Body.ID})
			if len(found) != 0 {
				t.Error("who asked sees the terms of the grant to the third state")
			}
			return err
		})

		steps := []sovereignty.Action{sovereignty.RequestReceive, sovereignty.RequestAcknowledge}
		for i, m := range steps {
			g.liaison.Do(t, &exchange.MoveRequest{Key: exchangetest.Key(), ID: ask.ID, ExpectedVersion: i + 1, Move: m})
		}
		execute := func(outcome comity.RequestStatus) error {
			return g.liaison.Try(t, &exchange.MoveRequest{Key: exchangetest.Key(), ID: ask.ID, ExpectedVersion: 3, Move: sovereignty.RequestExecute, Outcome: outcome})
		}
		want(t, execute(comity.RequestExecutedInPart), comity.CodeInvalid, 0)
		want(t, execute(comity.RequestNothingHeld), comity.CodeInvalid, 0)
		must(t, execute(comity.RequestExecuted))
		if v, _, _ := see(t, g.foreign, ask.ID); v == nil || v.Status != comity.RequestExecuted {
			t.Errorf("who asked learns %+v", v)
		}
	})
}

// asked is a request of the grantee's own to the originator.
func asked(t *testing.T, g *granted) comity.ID {
	t.Helper()
	r := onward("KZ", "", "")
	g.foreign.Do(t, r)
	return r.ID
}

// TestOnwardNotAsked: only who reads under the grant now asks; to anybody else it
// is as absent.
func TestOnwardNotAsked(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		grant, third := g.grant.Body.ID, g.As(t, "liaison@BY")
		absent := comity.NewID(comity.KindGrant)
		nothing := g.foreign.Try(t, onward("KZ", "BY", absent))
		want(t, nothing, comity.CodeNotFound, 0)
		hidden := third.Try(t, onward("KZ", "AM", grant))
		want(t, hidden, comity.CodeNotFound, 0)
		if none := third.Try(t, onward("KZ", "AM", absent)); none.Error() != hidden.Error() {
			t.Errorf("hidden is %q, absent %q", hidden, none)
		}
		want(t, g.liaison.Try(t, onward("AM", "BY", grant)), comity.CodeNotFound, 0) // the own state's
		for what, wrong := range map[string]*exchange.SendRequest{
			"the originator as third state": onward("KZ", "KZ", grant),
			"the asker as third state":      onward("KZ", "AM", grant),
			"an unknown state":              onward("KZ", "XX", grant),
			"a grant of another state":      onward("BY", "KZ", grant),
			"no grant":                      onward("KZ", "BY", ""),
			"no third state":                onward("KZ", "", grant),
		} {
			if err := g.foreign.Try(t, wrong); comity.CodeOf(err) != comity.CodeInvalid {
				t.Errorf("%s: %v", what, err)
			}
		}
		inform := onward("KZ", "BY", grant)
		inform.Kind = comity.RequestInformation
		want(t, g.foreign.Try(t, inform), comity.CodeInvalid, 0)
		g.liaison.Do(t, g.liaison.Revoke(t, g.c, grant))
		ended := g.foreign.Try(t, onward("KZ", "BY", grant))
		want(t, ended, comity.CodeNotFound, 0)
		if ended.Error() != nothing.Error() {
			t.Errorf("ended is %q, absent %q", ended, nothing)
		}
	})
}
