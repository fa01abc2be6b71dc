package exchange

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// grantCircumstances loads what the articles on granting need.
func (g *MakeGrant) circumstances(tx storage.ReadTx, a *attempt, q *sovereignty.Question) error {
	b, view, c := g.Body, g.view, &q.Circumstances
	from, until := time.Unix(b.NotBefore, 0), time.Unix(b.NotAfter, 0)
	under, err := a.mandates(tx, a.who.Officer.Ref())
	if err != nil {
		return err
	}
	reserved, err := a.categoryReserved(tx, view.Category)
	if err != nil {
		return err
	}
	q.Record.Reserved = q.Record.Reserved || reserved
	g.mandate, c.Mandate, c.Ceiling = within(under, view.Category, b.Caveats.Marking.TLP, b.Scope, b.Grade, until.Sub(later(from, a.now)))
	c.FirstMandate = true
	var first comity.OfficerRef // who proposed it
	if g.two.found != nil {
		first = g.two.found.Officer
		under, err := a.mandates(tx, first)
		if err != nil {
			return err
		}
		_, _, c.FirstMandate = within(under, view.Category, b.Caveats.Marking.TLP, b.Scope, b.Grade, until.Sub(later(from, a.now)))
		c.SecondLiaison = g.two.byAnother(a)
		c.OwnProposal = !c.SecondLiaison
	}
	basis, err := a.x.basis(tx, a.viewer(), view, b)
	if err != nil {
		return err
	}
	c.Agreement = basis != nil
	c.Assessed, c.Adverse = view.Assessed.Shareable(view.Category), view.Assessed.Adverse()
	c.Grantee = b.Grantee.State
	c.Caveats = b.Caveats.Marking.AsStrict(view.Marking)
	c.Purpose, c.Grade, c.Assistance, c.Emergency = b.Purpose, b.Grade, b.Assistance != "", b.Emergency != ""
	if c.Emergency {
		since, err := tx.DangerSince(view.ID, b.Grantee.State, a.who.Officer.Ref())
		if err != nil {
			return err
		}
		c.Renewal = !since.IsZero() && until.After(since.Add(comity.EmergencyAge))
	}
	c.Term = checkTerm("notAfter", a.now, from, until) == nil
	named, err := a.exhibits(tx, b.Exhibits)
	if err != nil {
		return err
	}
	for _, e := range named {
		q.Record.Original = q.Record.Original || e.Original && e.Case == view.ID
	}
	c.Release, err = a.released(tx, view.ID, b.Release, b, until, first, g.standing.Team)
	return err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// released compares the terms of a grant, until an instant, with the release
// decision that it names. Neither who grants nor another liaison who has a part
// in it may have recorded that. Under a standing grant it is a contribution to the same
// team, and otherwise none.
func (a *attempt) released(tx storage.ReadTx, c, release comity.ID, b statement.GrantBody, until time.Time, also comity.OfficerRef, team string) (sovereignty.ReleaseFacts, error) {
	all, err := tx.Releases([]comity.ID{c})
	if err != nil {
		return sovereignty.ReleaseFacts{}, err
	}
	for _, r := range all[c] {
		if r.ID == release && r.Live(a.now) && r.Team == team {
			return sovereignty.ReleaseFacts{Present: true, ByAnother: r.Officer != a.who.Officer.Ref() && r.Officer != also, SameState: team != "" || r.Grantee == b.Grantee.State,
				SamePurpose: r.Purpose == b.Purpose, CoversScope: covers(r.Scope, b.Scope),
				CoversExhibits: subset(b.Exhibits, r.Exhibits), CoversSubjects: subset(b.Subjects, r.Subjects), CoversTerm: !until.After(r.NotAfter)}, nil
		}
	}
	return sovereignty.ReleaseFacts{}, nil
}

// covers reports whether a release of scope wide allows a grant of scope s.
// Exhibits, and persons whom full scope leaves out, are judged apart, by name.
func covers(wide, s comity.Scope) bool {
	return s.Rank() >= 0 && s.Rank() <= wide.Rank()
}

func subset(some, all []comity.ID) bool {
	for _, id := range some {
		if !slices.Contains(all, id) {
			return false
		}
	}
	return true
}

// genuine verifies that the clear fields which the articles were asked about
// are those that the words of the case, and of what is named, were sealed with: a label
// flipped in the database for the moment of granting is noticed.
func (g *MakeGrant) genuine(ctx context.Context, a *attempt) error {
	if err := g.open(ctx, a); err != nil {
		return err
	}
	var text comity.CaseText
	if err := unseal(g.key, bindCase(g.view.Case.Case), g.view.Sealed, &text); err != nil {
		return err
	}
	g.judged = g.view.Version
	return a.x.db.Read(ctx, func(tx storage.ReadTx) error {
		found, err := tx.EvidenceByID(g.Body.Exhibits)
		if err != nil {
			return err
		}
		for _, e := range found {
			var text comity.EvidenceText
			if err := unseal(g.key, bindEvidence(e.Evidence), e.Sealed, &text); err != nil {
				return err
			}
		}
		persons, err := tx.SubjectsByID(g.Body.Subjects)
		if err != nil {
			return err
		}
		for _, s := range persons {
			var text comity.SubjectText
			if err := unseal(g.key, bindSubject(s.Subject), s.Sealed, &text); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkRequest takes the request that a grant says it answers only when the
// grantee's state put it to this one, or another state put it for that one's
// seeing the same case (Article 10).
func (a *attempt) checkRequest(tx storage.ReadTx, c comity.ID, b statement.GrantBody) error {
	if b.Request == "" {
		return nil
	}
	found, err := tx.Requests(a.viewer(), []comity.ID{b.Request})
	if err != nil {
		return err
	}
	r, ok := found[b.Request]
	if !ok || r.To != a.who.Officer.State || r.OnwardTo == "" && r.State != b.Grantee.State {
		return comity.Invalid("request", "this is not a request of the grantee's state to this one")
	}
	if r.OnwardTo != "" {
		under, err := tx.Grants(a.viewer(), []comity.ID{r.Grant})
		if err != nil {
			return err
		}
		if r.OnwardTo != b.Grantee.State || under[r.Grant].Case != c {
			return comity.Invalid("request", "the request is for onward sharing with another state, or of another case")
		}
	}
	if w, locked := tx.(storage.Tx); locked {
		if r, err = w.LockRequest(b.Request); err != nil {
			return err
		}
	}
	switch r.Status {
	case comity.RequestRefused, comity.RequestNothingHeld, comity.RequestClosed:
		return comity.Conflict(fmt.Sprintf("the request is %s: no grant answers it any more", r.Status)).
			CuredBy("have the grantee's state put a new request, or grant without naming one")
	}
	return nil
}
