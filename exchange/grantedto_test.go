package exchange_test

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// TestStateAnswersForItsOfficersGrant: what one officer of a state was granted its
// liaisons and its authority are bound by too: they notify a compelled disclosure of
// it, and a liaison objects to it, also when it has ended. They read nothing under it,
// and the grant itself is not shown to them.
func TestStateAnswersForItsOfficersGrant(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := newGranted(t)
		body := g.liaison.GrantBody("AM", g.release)
		body.Grantee = comity.Grantee{State: "AM", Agency: g.foreign.Caller.Officer.Agency, Officer: g.foreign.Caller.Officer.Ref()}
		g.liaison.Do(t, g.liaison.MakeGrant(t, g.c, body))
		g.liaison.Do(t, g.liaison.Revoke(t, g.c, g.grant.Body.ID)) // which was to the state
		liaison, authority, soon := g.As(t, "liaison@AM"), g.As(t, "authority@AM"), g.Clock.Now().Add(time.Hour)
		object := func(o *exchangetest.Officer, grant comity.ID) error {
			b := statement.ObjectBody{ID: comity.NewID(comity.KindObjection), Case: g.c, Ground: comity.CharacterPolitical}
			return o.Try(t, &exchange.ObjectGrant{Key: exchangetest.Key(), Grant: grant, Body: b, Act: o.Sign(t, statement.Act{Act: statement.ActGrantObject, Record: grant}, b)})
		}
		notify := func(o *exchangetest.Officer, grant comity.ID) error {
			return o.Try(t, o.Compelled(t, g.c, grant, soon, ""))
		}
		explained := func(o *exchangetest.Officer, a sovereignty.Action) bool {
			return why(t, o, exchange.Why{Action: a, Record: body.ID}).Permit
		}
		for _, when := range []string{"while it runs", "when it has ended"} {
			if !explained(liaison, sovereignty.DisclosureNotify) || !explained(authority, sovereignty.DisclosureNotify) || !explained(liaison, sovereignty.GrantObject) {
				t.Errorf("%s it is explained as denied", when)
			}
			must(t, notify(liaison, body.ID))
			must(t, notify(authority, body.ID))
			must(t, object(liaison, body.ID))
			want(t, object(authority, body.ID), comity.CodeDenied, comity.ArticleNeutrality)
			for _, o := range []*exchangetest.Officer{liaison, authority} {
				if level(t, o, g.c) == sovereignty.AccessFull {
					t.Errorf("%s %s reads the case", when, o.Caller.Officer.Ref())
				}
				o.Read(t, func(r *exchange.Reader) error {
					found, err := r.Grants([]comity.ID{body.ID})
					if len(found) != 0 {
						t.Errorf("%s %s is shown the grant: %+v", when, o.Caller.Officer.Ref(), found)
					}
					return err
				})
			}
			if when == "while it runs" {
				g.liaison.Do(t, g.liaison.Revoke(t, g.c, body.ID))
			}
		}
		if n := len(handed(t, g.liaison, storage.DispatchFilter{Kind: comity.DispatchCompelled, Received: true})); n != 4 {
			t.Errorf("the originator was told of %d disclosures", n)
		}
		g.liaison.Read(t, func(r *exchange.Reader) error {
			found, err := r.Grants([]comity.ID{body.ID})
			if err != nil {
				return err
			}
			all, err := r.Objections([]*comity.Grant{found[body.ID]})
			if len(all[body.ID]) != 2 {
				t.Errorf("the originator sees the objections %+v", all)
			}
			return err
		})

		// Whom it does not concern, and what never was.
		for _, name := range []string{"liaison@BY", "authority@BY", "auditor@AM", "colleague@AM"} {
			o := g.As(t, name)
			for what, act := range map[string]func(*exchangetest.Officer, comity.ID) error{"objects": object, "notifies": notify} {
				if got, absent := act(o, body.ID), act(o, comity.NewID(comity.KindGrant)); !same(got, absent) {
					t.Errorf("%s %s: of what is hidden %v, of what is absent %v", name, what, got, absent)
				}
			}
		}
	})
}
