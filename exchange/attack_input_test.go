package exchange_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// Inputs that no rule takes.
func TestAttackInputs(t *testing.T) {
	w := exchangetest.New(t)
	owner := w.As(t, "investigator@KZ")
	c := owner.FileCase(t, "A case", "AM")
	version := func() int { return caseOf(t, owner, c, "").Version }
	long := strings.Repeat("x", 1<<20)
	for name, act := range map[string]func() exchange.Act{
		"a status that is none": func() exchange.Act {
			return &exchange.SetCaseStatus{Key: exchangetest.Key(), ID: c, ExpectedVersion: version(), Status: "BURIED"}
		},
		"a case that no longer claims jurisdiction": func() exchange.Act {
			return &exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: version(), Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "AM"}}}
		},
		"entries under the name of subjects": func() exchange.Act {
			return &exchange.AddRecords{Key: exchangetest.Key(), Case: c, Entries: []exchange.NewEntry{{Text: comity.EntryText{Text: "x"}}},
				Subjects: []exchange.NewSubject{{Kind: comity.SubjectPerson, Role: comity.SubjectSuspect, Text: comity.SubjectText{Identifier: "x"}}}}
		},
		"an identifier of a mebibyte": func() exchange.Act {
			return &exchange.AddRecords{Key: exchangetest.Key(), Case: c, Subjects: []exchange.NewSubject{{Kind: comity.SubjectAccount, Role: comity.SubjectSuspect, Text: comity.SubjectText{Identifier: long}}}}
		},
		"a hash of a mebibyte": func() exchange.Act {
			return &exchange.AddRecords{Key: exchangetest.Key(), Case: c, Observables: []exchange.NewObservable{{Text: comity.ObservableText{Type: "file", Value: "x", Hashes: map[string]string{"MD5": long}}}}}
		},
		"100,000 source ids": func() exchange.Act {
			return &exchange.AddRecords{Key: exchangetest.Key(), Case: c, Observables: []exchange.NewObservable{{Text: comity.ObservableText{Type: "file", Value: "x", SourceIDs: make([]string, 100_000)}}}}
		},
		"a nationality that is none": func() exchange.Act {
			return &exchange.AddRecords{Key: exchangetest.Key(), Case: c, Subjects: []exchange.NewSubject{{Kind: comity.SubjectPerson, Role: comity.SubjectSuspect, Text: comity.SubjectText{Identifier: "x", Nationality: "Narnia"}}}}
		},
		"control characters in a title": func() exchange.Act {
			title := "Bank\x00\u202e\x1b[2J"
			return &exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: version(), Title: &title}
		},
		"a NUL in a clear column": func() exchange.Act {
			return &exchange.DecideRelease{Key: exchangetest.Key(), Case: c, Decider: comity.DeciderCourt, Reference: "A\x001", Grantee: "AM", Scope: comity.ScopeFull,
				Purpose: comity.PurposeInvestigation, NotAfter: w.Clock.Now().Add(time.Hour)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := owner.Try(t, act()); err == nil {
				t.Error("it was taken")
			}
		})
	}
}

// A narrowing that takes away the words which bind the use.
func TestAttackNarrowingLiftsCaveat(t *testing.T) {
	w := exchangetest.New(t)
	w.Mandate(t, "KZ")
	owner, liaison := w.As(t, "investigator@KZ"), w.As(t, "liaison@KZ")
	c := owner.FileCase(t, "A case", "AM")
	body := liaison.GrantBody("AM", owner.Release(t, c, "AM"))
	body.Caveats = comity.Caveats{Marking: comity.Marking{TLP: comity.TLPAmber, PAP: comity.PAPAmber, Handling: comity.H3}, Text: "not before a military court"}
	grant := liaison.MakeGrant(t, c, body)
	liaison.Do(t, grant)
	narrow := &exchange.NarrowGrant{Key: exchangetest.Key(), Grant: grant.Body.ID, ExpectedVersion: 2, Body: statement.NarrowBody{Case: c, Scope: comity.ScopeFull,
		Caveats: comity.Caveats{Marking: body.Caveats.Marking}, NotAfter: body.NotAfter}}
	narrow.Act = liaison.Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: grant.Body.ID}, narrow.Body)
	if err := liaison.Try(t, narrow); err == nil {
		t.Error("a narrowing lifted the restrictions that the handling code H3 refers to")
	}
}

// A grant that says it answers a request which is another state's.
func TestAttackGrantNamesForeignRequest(t *testing.T) {
	g := newGranted(t)
	send := &exchange.SendRequest{Key: exchangetest.Key(), To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt, Category: tokentest.Category,
		Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: "Belarus asks", Facts: "facts"}}
	g.As(t, "investigator@BY").Do(t, send)
	body := g.liaison.GrantBody("AM", g.release, g.exhibit)
	body.Request = send.ID
	if err := g.liaison.Try(t, g.liaison.MakeGrant(t, g.c, body)); err == nil {
		t.Error("a grant to Armenia names Belarus's request, and so tells Armenia of it")
	}
}

// Where the asked state sends a request within itself is its own matter.
func TestAttackReforwardCounts(t *testing.T) {
	w := exchangetest.New(t)
	foreign, liaison := w.As(t, "investigator@AM"), w.As(t, "liaison@KZ")
	send := &exchange.SendRequest{Key: exchangetest.Key(), To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt, Category: tokentest.Category,
		Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: "T", Facts: "facts"}}
	foreign.Do(t, send)
	see := func(o *exchangetest.Officer) (v *exchange.RequestView) {
		o.Read(t, func(r *exchange.Reader) error {
			found, err := r.Requests([]comity.ID{send.ID})
			v = found[send.ID]
			return err
		})
		return v
	}
	move := func(m exchange.MoveRequest) {
		m.Key, m.ID, m.ExpectedVersion = exchangetest.Key(), send.ID, see(liaison).Version
		liaison.Do(t, &m)
	}
	move(exchange.MoveRequest{Move: sovereignty.RequestReceive})
	move(exchange.MoveRequest{Move: sovereignty.RequestAcknowledge})
	move(exchange.MoveRequest{Move: sovereignty.RequestForward, RouteTo: "KZ/cyber"})
	before := see(foreign)
	move(exchange.MoveRequest{Move: sovereignty.RequestForward, RouteTo: "KZ/ct"})
	after := see(foreign)
	if before.Version != after.Version || !before.UpdatedAt.Equal(after.UpdatedAt) {
		t.Errorf("forwarding anew within Kazakhstan moved what Armenia sees from version %d to %d", before.Version, after.Version)
	}
}

// An auditor reads no cases and no requests (Article 16): lists and counts must
// not tell that there are any.
func TestAttackAuditorLists(t *testing.T) {
	type answer struct {
		err          error
		items, count int
	}
	cases := func(o *exchangetest.Officer) (a answer) {
		a.err = o.Exchange.Read(t.Context(), o.Caller, func(r *exchange.Reader) error {
			page, err := r.ListCases(storage.CaseFilter{}, comity.PurposeInvestigation, 10, "")
			if err == nil {
				a.items = len(page.Items)
				a.count, err = page.Count()
			}
			return err
		})
		return a
	}
	requests := func(o *exchangetest.Officer) (a answer) {
		a.err = o.Exchange.Read(t.Context(), o.Caller, func(r *exchange.Reader) error {
			page, err := r.ListRequests(storage.RequestFilter{}, 10, "")
			if err == nil {
				a.items = len(page.Items)
				a.count, err = page.Count()
			}
			return err
		})
		return a
	}
	w := exchangetest.New(t)
	g := grantIn(t, w)
	g.foreign.Do(t, &exchange.SendRequest{Key: exchangetest.Key(), To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt, Category: tokentest.Category,
		Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: "T", Facts: "facts"}})
	for _, name := range []string{"auditor@AM", "auditor@KZ"} {
		if got := cases(w.As(t, name)); got != (answer{}) {
			t.Errorf("%s lists cases: %+v, wanted an empty list and a count of 0", name, got)
		}
		if got := requests(w.As(t, name)); got != (answer{}) {
			t.Errorf("%s lists requests: %+v, wanted an empty list and a count of 0", name, got)
		}
	}
}

// One officer files, releases and grants.
func TestAttackOneOfficerAlone(t *testing.T) {
	w := exchangetest.New(t)
	w.Mandate(t, "KZ")
	liaison := w.As(t, "liaison@KZ")
	c := liaison.FileCase(t, "A case", "AM")
	release := &exchange.DecideRelease{Key: exchangetest.Key(), Case: c, Decider: comity.DeciderOwner, Grantee: "AM", Scope: comity.ScopeFull,
		Purpose: comity.PurposeInvestigation, NotAfter: w.Clock.Now().Add(30 * 24 * time.Hour)}
	if liaison.Try(t, release) != nil {
		return
	}
	if err := liaison.Try(t, liaison.MakeGrant(t, c, liaison.GrantBody("AM", release.ID))); err == nil {
		t.Error("one liaison filed the case, decided its release and granted it")
	}
}

// The custody of an exhibit that its reader may not see.
func TestAttackCustodyOfHidden(t *testing.T) {
	g := newGranted(t)
	g.As(t, "investigator@BY").Read(t, func(r *exchange.Reader) error {
		found, err := r.Custody([]exchange.EvidenceView{{Evidence: comity.Evidence{ID: g.exhibit}}})
		if len(found[g.exhibit]) > 0 {
			t.Errorf("Belarus, never granted anything, reads %d custody events", len(found[g.exhibit]))
		}
		hidden := exchange.EvidenceView{Evidence: comity.Evidence{ID: g.exhibit}}
		err = errors.Join(err, r.Containers([]*exchange.EvidenceView{&hidden}))
		if len(hidden.Header) > 0 || hidden.Receipt != "" {
			t.Errorf("Belarus, never granted anything, reads a container: %+v", hidden)
		}
		return err
	})
}
