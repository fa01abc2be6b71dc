package exchange_test

import (
	"slices"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// TestClassified: words that are declared as classified above the union's ceiling
// are refused at the door, before anything of them is stored; below it the
// declaration stands with them.
func TestClassified(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		g := grantIn(t, newWorld(t))
		asker, key := g.As(t, "investigator@AM"), exchangetest.Key
		file := func(c comity.Classification) *exchange.FileCase {
			return &exchange.FileCase{Key: key(), Category: tokentest.Category, Marking: comity.DefaultMarking,
				Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}, {Basis: comity.NexusEffects, State: "AM"}}, Text: comity.CaseText{Title: "Classified", Classification: c}}
		}
		entries := func(declared ...comity.Classification) *exchange.AddRecords {
			add := &exchange.AddRecords{Key: key(), Case: g.c}
			for _, c := range declared {
				add.Entries = append(add.Entries, exchange.NewEntry{Text: comity.EntryText{Text: "an entry", Classification: c}})
			}
			return add
		}
		subject := func(c comity.Classification) *exchange.AddRecords {
			return &exchange.AddRecords{Key: key(), Case: g.c, Subjects: []exchange.NewSubject{{Kind: comity.SubjectPerson, Role: comity.SubjectSuspect,
				Text: comity.SubjectText{Identifier: "x", Classification: c}}}}
		}
		observable := func(c comity.Classification) *exchange.AddRecords {
			return &exchange.AddRecords{Key: key(), Case: g.c, Observables: []exchange.NewObservable{{Text: comity.ObservableText{Type: "url", Value: "http://x.example/", Classification: c}}}}
		}
		request := func(c comity.Classification) *exchange.SendRequest {
			return &exchange.SendRequest{Key: key(), To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt, Category: tokentest.Category,
				Purpose: investigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: "A request", Facts: "facts", Classification: c}}
		}
		within := request("")
		within.Text.Observables = []comity.ObservableText{{Type: "url", Value: "http://x.example/", Classification: comity.Secret}}
		asked := request(comity.Restricted)
		asker.Do(t, asked)
		begin := func(c comity.Classification) *exchange.BeginEvidence {
			act, _ := g.owner.Beginning(t, g.c, "exhibit", 7)
			act.Items[0].Classification = c
			return act
		}

		// What there is, of which nothing more may come.
		type held struct{ cases, requests, messages, version int }
		count := func() (h held) {
			page := func(o *exchangetest.Officer, read func(r *exchange.Reader) error) { o.Read(t, read) }
			page(g.owner, func(r *exchange.Reader) error {
				all, err := r.ListCases(storage.CaseFilter{}, "", 50, "")
				if err != nil {
					return err
				}
				h.cases = len(all.Items)
				found, err := r.Cases([]comity.ID{g.c}, "")
				h.version = found[g.c].Version
				return err
			})
			page(asker, func(r *exchange.Reader) error {
				all, err := r.ListRequests(storage.RequestFilter{}, 50, "")
				if err != nil {
					return err
				}
				h.requests = len(all.Items)
				messages, err := r.Messages(all.Items, 50, "")
				for _, p := range messages {
					h.messages += len(p.Items)
				}
				return err
			})
			return h
		}
		contents := func() (n int) {
			g.owner.Read(t, func(r *exchange.Reader) error {
				found, err := r.Cases([]comity.ID{g.c}, "")
				if err != nil {
					return err
				}
				all := []*exchange.CaseView{found[g.c]}
				e, err1 := r.Entries(all, 50, "")
				s, err2 := r.Subjects(all, 50, "")
				o, err3 := r.Observables(all, 50, "")
				x, err4 := r.Evidence(all, 50, "")
				n = len(e[g.c].Items) + len(s[g.c].Items) + len(o[g.c].Items) + len(x[g.c].Items)
				for _, err := range []error{err1, err2, err3, err4} {
					if err != nil {
						return err
					}
				}
				return nil
			})
			return n
		}
		before, inside := count(), contents()
		secret := comity.Secret
		for what, c := range map[string]struct {
			by  *exchangetest.Officer
			act exchange.Act
		}{
			"a case":                       {g.owner, file(comity.Confidential)},
			"a case of a level unknown":    {g.owner, file("COSMIC")},
			"a change of a case":           {g.owner, &exchange.UpdateCase{Key: key(), ID: g.c, ExpectedVersion: before.version, Classification: &secret}},
			"an entry":                     {g.owner, entries(comity.Secret)},
			"one entry of several":         {g.owner, entries("", comity.Restricted, comity.Confidential, comity.Unclassified)},
			"a subject":                    {g.owner, subject(comity.TopSecret)},
			"an observable":                {g.owner, observable(comity.Secret)},
			"an exhibit":                   {g.owner, begin(comity.TopSecret)},
			"a request":                    {asker, request(comity.Secret)},
			"an observable of a request":   {asker, within},
			"a message":                    {asker, &exchange.SendMessage{Key: key(), Request: asked.ID, Text: "more", Classification: comity.Secret}},
			"a message of the other side":  {g.liaison, &exchange.SendMessage{Key: key(), Request: asked.ID, Text: "more", Classification: comity.Confidential}},
			"a case, however it is marked": {g.owner, func() *exchange.FileCase { f := file(comity.Secret); f.Marking = red; return f }()},
		} {
			err := c.by.Try(t, c.act)
			want(t, err, comity.CodeDenied, comity.ArticlePurpose)
			if e := err.(*comity.Error); e.Cure == "" || e.Message == "" {
				t.Errorf("%s: refused with no cure: %+v", what, e)
			}
		}
		if now, in := count(), contents(); now != before || in != inside {
			t.Errorf("after the refusals there are %+v and %d records, before %+v and %d", now, in, before, inside)
		}
		// Of what is hidden nothing is learnt by declaring.
		stranger := g.As(t, "investigator@BY")
		hidden := entries(comity.Secret)
		want(t, stranger.Try(t, hidden), comity.CodeNotFound, 0)
		want(t, stranger.Try(t, &exchange.SendMessage{Key: key(), Request: asked.ID, Text: "more", Classification: comity.Secret}), comity.CodeNotFound, 0)

		// Below it, the declaration stands with the words, also abroad.
		restricted := comity.Restricted
		g.owner.Do(t, &exchange.UpdateCase{Key: key(), ID: g.c, ExpectedVersion: before.version, Classification: &restricted})
		added := entries(comity.Restricted)
		g.owner.Do(t, added)
		g.owner.Do(t, begin(comity.Restricted))
		g.liaison.Do(t, &exchange.SendMessage{Key: key(), Request: asked.ID, Text: "more", Classification: comity.Restricted})
		if v := caseOf(t, g.foreign, g.c, investigation); v.Text == nil || v.Text.Classification != comity.Restricted {
			t.Errorf("abroad the case is shown as %+v", v.Text)
		}
		g.foreign.Read(t, func(r *exchange.Reader) error {
			found, err := r.Nodes(slices.Concat(added.IDs, []comity.ID{asked.ID}), investigation)
			if e := found[added.IDs[0]].Entry; err == nil && (e == nil || e.Text.Classification != comity.Restricted) {
				t.Errorf("abroad the entry is shown as %+v", e)
			}
			if q := found[asked.ID].Request; err == nil && (q == nil || q.Text == nil || q.Text.Classification != comity.Restricted) {
				t.Errorf("the request is shown as %+v", q)
			}
			return err
		})
		want(t, g.owner.Try(t, &exchange.UpdateCase{Key: key(), ID: g.c, ExpectedVersion: caseOf(t, g.owner, g.c, "").Version, Classification: &restricted}), comity.CodeInvalid, 0) // nothing changes
	})
}
