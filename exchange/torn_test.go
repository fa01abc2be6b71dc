package exchange_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// tear writes other words to a row, which then does not open.
func tear(t *testing.T, raw *sql.DB, table string, id comity.ID) {
	t.Helper()
	exec(t, raw, `UPDATE `+table+` SET sealed = ? WHERE id = ?`, make([]byte, 64), id)
}

// TestOneRowClosesItselfAlone: a row of another state's that does not open is shown
// without its words, and closes no list, no correspondence and no export of the
// reader's; one of the own state's ends the read, for it is to be looked into there.
func TestOneRowClosesItselfAlone(t *testing.T) {
	g, raw := operated(t)
	theirs := g.As(t, "liaison@AM")

	// Dispatches, by the list and by id.
	good, bad := theirs.Offer(t, comity.NewID(comity.KindReferral), "", "KZ", 1, "good"), theirs.Offer(t, comity.NewID(comity.KindReferral), "", "KZ", 1, "bad")
	theirs.Do(t, good)
	theirs.Do(t, bad)
	tear(t, raw, "dispatches", bad.ID)
	list := func(o *exchangetest.Officer) (all map[comity.ID]*exchange.DispatchView, err error) {
		err = g.Exchange.Read(t.Context(), o.Caller, func(r *exchange.Reader) error {
			page, err := r.ListDispatches(exchange.DispatchFilter{Kind: comity.DispatchReferral}, 50, "")
			all = map[comity.ID]*exchange.DispatchView{}
			for _, v := range page.Items {
				all[v.ID] = v
			}
			return err
		})
		return all, err
	}
	all, err := list(g.liaison)
	if err != nil || len(all) != 2 || all[good.ID].Text == nil || all[bad.ID].Text != nil {
		t.Errorf("the other state's list: %v, %+v", err, all)
	}
	if _, err := list(theirs); err == nil {
		t.Error("the own state's row that does not open is passed over")
	}

	// What is added to a case, in its export.
	note := g.foreign.Annotate(t, g.c, g.c, g.grant.Body.ID, "x")
	g.foreign.Do(t, note)
	g.owner.Do(t, g.owner.Answers(t, note.Body.ID, note.Statement, comity.DispatchAccepted, ""))
	tear(t, raw, "dispatches", note.Body.ID)
	export := &exchange.ExportCase{Key: exchangetest.Key(), Case: g.c, Use: comity.UseAnalysis}
	if err := g.owner.Try(t, export); err != nil {
		t.Errorf("the export of an own case: %v", err)
	} else if w := export.Export.Withheld; len(w) != 1 || w[0].ID != note.Body.ID || w[0].Article != comity.ArticleOriginator {
		t.Errorf("it withholds %+v", w)
	}

	// Requests and messages.
	ask := func() comity.ID {
		act := &exchange.SendRequest{Key: exchangetest.Key(), To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyRoutine, Category: tokentest.Category,
			Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: "A wallet", Facts: "We saw it"}}
		g.foreign.Do(t, act)
		return act.ID
	}
	whole, torn := ask(), ask()
	tear(t, raw, "requests", torn)
	said := &exchange.SendMessage{Key: exchangetest.Key(), Request: whole, Text: "and again"}
	g.foreign.Do(t, said)
	g.foreign.Do(t, &exchange.SendMessage{Key: exchangetest.Key(), Request: whole, Text: "once more"})
	tear(t, raw, "messages", said.ID)
	g.liaison.Read(t, func(r *exchange.Reader) error {
		page, err := r.ListRequests(storage.RequestFilter{}, 10, "")
		if err != nil {
			return err
		}
		if len(page.Items) != 2 {
			t.Fatalf("requests: %+v", page.Items)
		}
		for _, v := range page.Items {
			if (v.Text == nil) != (v.ID == torn) {
				t.Errorf("request %s is shown with %+v", v.ID, v.Text)
			}
		}
		found, err := r.Requests([]comity.ID{whole})
		if err != nil {
			return err
		}
		messages, err := r.Messages([]*exchange.RequestView{found[whole]}, 10, "")
		if err != nil {
			return err
		}
		if m := messages[whole].Items; len(m) != 2 || m[0].Text != nil || m[1].Text == nil {
			t.Errorf("messages: %+v", m)
		}
		single, err := r.MessagesOf(found, []comity.ID{said.ID})
		if err != nil {
			return err
		}
		if v, ok := single[said.ID]; !ok || v.Text != nil {
			t.Errorf("a message by its id: %+v", single)
		}
		return nil
	})
	if err := g.Exchange.Read(t.Context(), g.foreign.Caller, func(r *exchange.Reader) error {
		_, err := r.ListRequests(storage.RequestFilter{}, 10, "")
		return err
	}); err == nil {
		t.Error("the own state's request that does not open is passed over")
	}

	// Who is on duty there.
	theirAuthority := g.As(t, "authority@AM")
	shift := theirAuthority.Shift(t, g.Clock.Now().Add(-time.Minute), g.Clock.Now().Add(time.Hour), "+374")
	theirAuthority.Do(t, shift)
	tear(t, raw, "shifts", shift.Body.ID)
	g.liaison.Read(t, func(r *exchange.Reader) error {
		v, err := r.DutyContact("AM")
		if err == nil && (v.ContactPoint == "" || v.Shift == nil || v.Shift.Contact != "") {
			t.Errorf("who is on duty: %+v", v)
		}
		return err
	})

	// Records inside a case, of two states in one list.
	own := g.foreign.FileCase(t, "Another", "KZ")
	entry := func(o *exchangetest.Officer, c comity.ID) comity.ID {
		act := &exchange.AddRecords{Key: exchangetest.Key(), Case: c, Entries: []exchange.NewEntry{{Text: comity.EntryText{Text: "words"}}}}
		o.Do(t, act)
		return act.IDs[0]
	}
	entry(g.foreign, own)
	inner := entry(g.owner, g.c)
	tear(t, raw, "entries", inner)
	g.foreign.Read(t, func(r *exchange.Reader) error {
		cases, err := r.Cases([]comity.ID{g.c, own}, investigation)
		if err != nil {
			return err
		}
		pages, err := r.Entries([]*exchange.CaseView{cases[g.c], cases[own]}, 10, "")
		if err != nil {
			return err
		}
		if len(pages[own].Items) != 1 || len(pages[g.c].Items) != 0 {
			t.Errorf("entries of both: %+v", pages)
		}
		var told bool
		for _, x := range cases[g.c].Access.Redactions {
			told = told || x.Field == "entries" && x.Article == comity.ArticleOriginator
		}
		if !told {
			t.Errorf("nothing tells that they are withheld: %+v", cases[g.c].Access.Redactions)
		}
		nodes, err := r.Nodes([]comity.ID{inner}, investigation)
		if err == nil && nodes[inner].Entry != nil {
			t.Errorf("the entry by its id: %+v", nodes)
		}
		return err
	})
	if err := g.foreign.Try(t, &exchange.ExportCase{Key: exchangetest.Key(), Case: g.c, Purpose: investigation, Use: comity.UseAnalysis}); err == nil {
		t.Error("a case is exported without what does not open, and does not say so")
	}
	if err := g.Exchange.Read(t.Context(), g.owner.Caller, func(r *exchange.Reader) error {
		cases, err := r.Cases([]comity.ID{g.c}, "")
		if err == nil {
			_, err = r.Entries([]*exchange.CaseView{cases[g.c]}, 10, "")
		}
		return err
	}); err == nil {
		t.Error("the own state's entry that does not open is passed over")
	}

	// What was not shown was not disclosed.
	for _, l := range logOf(t, g.World, "auditor@KZ") {
		for _, r := range l.Content.Records {
			if r.ID == string(inner) && l.Content.Actor.State == "AM" && l.Content.Outcome == audit.Read {
				t.Errorf("the record of acts says it was read: %+v", r)
			}
		}
	}
}
