package exchange

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// GiveMandate gives a liaison of the own state dated authority to grant.
type GiveMandate struct {
	Key       string              `json:"-"`
	Liaison   comity.OfficerRef   `json:"liaison"`
	Deputies  []comity.OfficerRef `json:"deputies,omitempty"` // liaisons who act under it when the liaison is away
	Ceiling   comity.Ceiling      `json:"ceiling"`            // the most that it lets them grant
	NotBefore time.Time           `json:"notBefore"`
	NotAfter  time.Time           `json:"notAfter"`

	ID comity.ID `json:"-"`
}

func (m *GiveMandate) about() (sovereignty.Action, string, any) {
	return sovereignty.MandateGive, m.Key, m
}

// ownState is the record that administration of the own state acts on.
func (a *attempt) ownState() sovereignty.Question {
	return sovereignty.Question{Record: sovereignty.Record{State: a.who.Officer.State, Kind: comity.KindMandate},
		Circumstances: sovereignty.Circumstances{Visible: true}}
}

func (m *GiveMandate) judge(tx storage.ReadTx, a *attempt) error {
	if err := a.decide(a.ownState()); err != nil {
		return err
	}
	if !m.Liaison.Valid() || m.Liaison.State() != a.who.Officer.State {
		return comity.Invalid("liaison", "a mandate is given to a liaison of the own state")
	}
	if err := ownOfficer(tx, "liaison", m.Liaison, comity.RoleLiaison); err != nil {
		return err
	}
	if err := m.checkTerms(tx, a); err != nil {
		return err
	}
	if w, ok := tx.(storage.Tx); ok {
		if err := w.LockState(a.who.Officer.State); err != nil {
			return err
		}
	}
	return checkTerm("notAfter", a.now, m.NotBefore, m.NotAfter)
}

const maxDeputies = 20

func (m *GiveMandate) checkTerms(tx storage.ReadTx, a *attempt) error {
	if len(m.Deputies) > maxDeputies {
		return comity.Invalid("deputies", fmt.Sprintf("a mandate names at most %d deputies", maxDeputies))
	}
	for i, d := range m.Deputies {
		if !d.Valid() || d.State() != a.who.Officer.State || d == m.Liaison || slices.Contains(m.Deputies[:i], d) {
			return comity.Invalid("deputies", "a deputy is another liaison of the own state, named once")
		}
		if err := ownOfficer(tx, "deputies", d, comity.RoleLiaison); err != nil {
			return err
		}
	}
	for _, c := range m.Ceiling.Categories {
		if _, known := sovereignty.Category(c); !known {
			return comity.Invalid("categories", "the union has no such category; see the query `categories`")
		}
	}
	return m.Ceiling.Check()
}

func (m *GiveMandate) prepare(context.Context, *attempt) error {
	m.ID = comity.NewID(comity.KindMandate)
	return nil
}

func (m *GiveMandate) commit(tx storage.Tx, a *attempt) error {
	a.on(string(m.ID))
	a.on(string(m.Liaison))
	for _, d := range m.Deputies {
		a.on(string(d))
	}
	a.made = []comity.ID{m.ID}
	return tx.InsertMandate(comity.Mandate{ID: m.ID, State: a.who.Officer.State, Liaison: m.Liaison, GivenBy: a.who.Officer.Ref(),
		Deputies: m.Deputies, Ceiling: m.Ceiling, NotBefore: m.NotBefore, NotAfter: m.NotAfter, CreatedAt: a.now})
}

func (m *GiveMandate) finish(context.Context, *attempt) error { return nil }

func (m *GiveMandate) repeat(_ context.Context, _ *attempt, ids []comity.ID) error {
	m.ID = ids[0]
	return nil
}

// EndMandate ends a liaison's mandate at once.
type EndMandate struct {
	Key     string    `json:"-"`
	Mandate comity.ID `json:"mandate"`
}

func (m *EndMandate) about() (sovereignty.Action, string, any) {
	return sovereignty.MandateEnd, m.Key, m
}

func (m *EndMandate) judge(tx storage.ReadTx, a *attempt) error {
	if err := a.decide(a.ownState()); err != nil {
		return err
	}
	if w, ok := tx.(storage.Tx); ok {
		if err := w.LockState(a.who.Officer.State); err != nil {
			return err
		}
	}
	mandates, err := tx.Mandates(a.who.Officer.State)
	if err != nil {
		return err
	}
	a.on(string(m.Mandate))
	for _, given := range mandates {
		if given.ID == m.Mandate {
			if !given.EndedAt.IsZero() {
				return comity.Conflict("the mandate has ended already")
			}
			return nil
		}
	}
	return comity.NotFound()
}

func (m *EndMandate) prepare(context.Context, *attempt) error { return nil }

func (m *EndMandate) commit(tx storage.Tx, a *attempt) error {
	a.made = []comity.ID{m.Mandate}
	return tx.EndMandate(m.Mandate, a.now)
}

func (m *EndMandate) finish(context.Context, *attempt) error              { return nil }
func (m *EndMandate) repeat(context.Context, *attempt, []comity.ID) error { return nil }

// mandates are those live ones under which an officer acts, as the liaison
// named or as a deputy. Within a transaction the state's row is locked, so that
// no mandate ends meanwhile.
func (a *attempt) mandates(tx storage.ReadTx, of comity.OfficerRef) ([]comity.Mandate, error) {
	if w, ok := tx.(storage.Tx); ok {
		if err := w.LockState(of.State()); err != nil {
			return nil, err
		}
	}
	live, err := tx.MandatesOf(of, a.now)
	return live, err
}

// within finds the mandate whose ceiling lets a grant be made: whether there is
// a mandate at all, and whether one reaches so far.
func within(mandates []comity.Mandate, c comity.Category, tlp comity.TLP, s comity.Scope, g comity.Grade, term time.Duration) (m comity.Mandate, some, allowed bool) {
	for _, m := range mandates {
		if m.Ceiling.Allows(c, tlp, s, g, term) {
			return m, true, true
		}
	}
	return comity.Mandate{}, len(mandates) > 0, false
}
