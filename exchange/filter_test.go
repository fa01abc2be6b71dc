package exchange_test

import (
	"slices"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
)

// TestFiltersThatFindNothing: a filter that no record can pass is an error of
// whoever wrote it, and not an empty list.
func TestFiltersThatFindNothing(t *testing.T) {
	w := newWorld(t)
	liaison := w.As(t, "liaison@KZ")
	cases := func(f exchange.CaseFilter) error {
		return liaison.Exchange.Read(t.Context(), liaison.Caller, func(r *exchange.Reader) error { _, err := r.ListCases(f, "", 10, ""); return err })
	}
	requests := func(f exchange.RequestFilter) error {
		return liaison.Exchange.Read(t.Context(), liaison.Caller, func(r *exchange.Reader) error { _, err := r.ListRequests(f, 10, ""); return err })
	}
	grants := func(f exchange.GrantFilter) error {
		return liaison.Exchange.Read(t.Context(), liaison.Caller, func(r *exchange.Reader) error { _, err := r.ListGrants(f, 10, ""); return err })
	}
	log := func(f exchange.LogFilter) error {
		return liaison.Exchange.Read(t.Context(), liaison.Caller, func(r *exchange.Reader) error { _, err := r.Log(f, 10, ""); return err })
	}
	for name, err := range map[string]error{
		"another union's state":     cases(exchange.CaseFilter{State: "XX"}),
		"no category":               cases(exchange.CaseFilter{Category: "NOPE"}),
		"no agency":                 cases(exchange.CaseFilter{Agency: "cyber"}),
		"own and granted":           cases(exchange.CaseFilter{Own: true, Granted: true}),
		"requests of no member":     requests(exchange.RequestFilter{State: "XX"}),
		"incoming and outgoing":     requests(exchange.RequestFilter{Incoming: true, Outgoing: true}),
		"grants of no member":       grants(exchange.GrantFilter{State: "XX"}),
		"made and received":         grants(exchange.GrantFilter{Made: true, Received: true}),
		"no act":                    log(exchange.LogFilter{Act: "caseDelete"}),
		"an act that is not logged": log(exchange.LogFilter{Act: "caseRead"}),
		"mandates as an act":        log(exchange.LogFilter{Act: "mandateRead"}),
		"officers as an act":        log(exchange.LogFilter{Act: "officerRead"}),
		"no outcome":                log(exchange.LogFilter{Outcome: "done"}),
		"no officer":                log(exchange.LogFilter{Officer: "liaison"}),
		"no state":                  log(exchange.LogFilter{State: "kz"}),
	} {
		if comity.CodeOf(err) != comity.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLogFilter: an authority finds an act by what its leaf says of itself, and
// a cursor goes on only under the filter that it was made for.
func TestLogFilter(t *testing.T) {
	g := newGranted(t)
	find := func(f exchange.LogFilter, first int, after string) (page exchange.Page[exchange.LogView], err error) {
		err = g.authority.Exchange.Read(t.Context(), g.authority.Caller, func(r *exchange.Reader) error { page, err = r.Log(f, first, after); return err })
		return page, err
	}
	g.foreign.Read(t, func(r *exchange.Reader) error {
		_, err := r.Cases([]comity.ID{g.c}, comity.PurposeInvestigation)
		return err
	})
	page, err := find(exchange.LogFilter{Record: string(g.c), State: "AM"}, 10, "")
	if err != nil || len(page.Items) != 1 || page.Items[0].Content.Act != "read" || page.Items[0].Content.Actor.State != "AM" {
		t.Fatalf("who of AM saw the case: %+v, %v", page.Items, err)
	}
	all, err := find(exchange.LogFilter{}, 100, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, act := range []string{"caseWithdrawn", "logErased", "incident", "configuration"} { // no officer's
		if _, err := find(exchange.LogFilter{Act: act}, 10, ""); err != nil {
			t.Errorf("%s cannot be looked for: %v", act, err)
		}
	}
	for _, act := range []string{"grantMake", "evidenceBegin", "read", "mandateGive"} {
		want := slices.DeleteFunc(slices.Clone(all.Items), func(v exchange.LogView) bool { return v.Content.Act != act })
		got, err := find(exchange.LogFilter{Act: act}, 100, "")
		if err != nil || len(got.Items) != len(want) || len(want) == 0 {
			t.Fatalf("%d leaves of %s are found, of %d (%v)", len(got.Items), act, len(want), err)
		}
		for i := range want {
			if got.Items[i].Leaf.ID != want[i].Leaf.ID {
				t.Errorf("leaf %d of %s is another", i, act)
			}
		}
	}
	first, err := find(exchange.LogFilter{State: "KZ"}, 1, "")
	if err != nil || !first.HasNext {
		t.Fatalf("the first of several: %v", err)
	}
	if _, err := find(exchange.LogFilter{State: "KZ"}, 1, first.Cursors.At(0)); err != nil {
		t.Error(err)
	}
	if _, err := find(exchange.LogFilter{State: "AM"}, 1, first.Cursors.At(0)); comity.CodeOf(err) != comity.CodeInvalid {
		t.Errorf("a cursor of another filter is taken: %v", err)
	}
}
