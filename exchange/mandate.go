package exchange

import (
	"context"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// GiveMandate gives a liaison of the own state dated authority to grant.
type GiveMandate struct {
	Key       string            `json:"-"`
	Liaison   comity.OfficerRef `json:"liaison"`
	NotBefore time.Time         `json:"notBefore"`
	NotAfter  time.Time         `json:"notAfter"`

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
	if w, ok := tx.(storage.Tx); ok {
		if err := w.LockState(a.who.Officer.State); err != nil {
			return err
		}
	}
	return checkTerm("notAfter", a.now, m.NotBefore, m.NotAfter)
}

func (m *GiveMandate) prepare(context.Context, *attempt) error {
	m.ID = comity.NewID(comity.KindMandate)
	return nil
}

func (m *GiveMandate) commit(tx storage.Tx, a *attempt) error {
	a.on(string(m.ID))
	a.on(string(m.Liaison))
	a.made = []comity.ID{m.ID}
	return tx.InsertMandate(comity.Mandate{ID: m.ID, State: a.who.Officer.State, Liaison: m.Liaison, GivenBy: a.who.Officer.Ref(),
		NotBefore: m.NotBefore, NotAfter: m.NotAfter, CreatedAt: a.now})
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

// mandated reports whether the officer holds a live mandate. Within a
// transaction the state's row is locked, so that no mandate ends meanwhile.
func (a *attempt) mandated(tx storage.ReadTx) (bool, error) {
	if w, ok := tx.(storage.Tx); ok {
		if err := w.LockState(a.who.Officer.State); err != nil {
			return false, err
		}
	}
	live, err := tx.MandatesOf(a.who.Officer.Ref(), a.now)
	return len(live) > 0, err
}
