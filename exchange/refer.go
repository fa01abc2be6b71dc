package exchange

import (
	"context"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// ReferralAge is the most that an offer of a matter stands.
const ReferralAge = 90 * 24 * time.Hour

// OfferReferral offers a matter to a state better placed, in the own state's
// words and with nothing else of a case; or changes an offer that stands, which
// then takes consent anew (Article 3).
type OfferReferral struct {
	Key    string                 `json:"-"`
	ID     comity.ID              `json:"id"`
	Case   comity.ID              `json:"case"` // the own one that the matter arose from, "" for none; not told abroad, and never changed
	Change bool                   `json:"change"`
	Body   statement.ReferralBody `json:"body"`
	Act    string                 `json:"-"`

	dispatching
}

func (r *OfferReferral) about() (sovereignty.Action, string, any) {
	action := sovereignty.ReferralOffer
	if r.Change {
		action = sovereignty.ReferralChange
	}
	return action, r.Key, []any{r.ID, r.Case, r.Change, r.Body}
}

func (r *OfferReferral) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(r.Act, statement.ActReferralOffer, r.ID, r.Body)
	if err != nil {
		return err
	}
	r.canonical = canonical
	own, of := a.who.Officer.State, r.Case
	q := sovereignty.Question{Record: sovereignty.Record{State: own, To: r.Body.To, Kind: comity.KindReferral, Dispatch: comity.DispatchReferral},
		Circumstances: sovereignty.Circumstances{Visible: true, Signed: true}}
	var found storage.DispatchView
	if r.Change {
		if found, q.Record, q.Circumstances.Visible, err = a.findDispatch(tx, r.ID); err != nil {
			return err
		}
		of = found.Case
	} else {
		a.records = nil
		if of != "" {
			a.on(string(of))
		}
	}
	reserved, visible, err := a.domesticMatter(tx, of, r.Body.Category)
	if err != nil {
		return err
	}
	q.Record.Reserved, q.Circumstances.Classification = reserved, r.Body.Classification
	if !r.Change {
		q.Circumstances.Visible = of == "" || visible
	}
	if q.Circumstances.Visible { // of one that is hidden, not even between whom it lies is asked
		_, err := a.x.dir.Agreement(own, q.Record.To, "", r.Body.Category, "", a.now)
		q.Circumstances.Agreement = err == nil
	}
	if err := a.decide(q); err != nil {
		return err
	}
	if r.Change {
		if err := r.changes(found, a.now); err != nil {
			return err
		}
	} else {
		if r.Body.Version != 1 {
			return comity.Invalid("version", "an offer begins at version 1")
		}
		r.make(a, comity.DispatchReferral, r.ID, r.Body.To)
		r.row.Case = of
		a.on(string(r.ID))
	}
	a.told = map[comity.State]audit.Content{r.row.To: a.tellDispatch(r.ID)}
	r.row.Category, r.row.Marking, r.row.Version, r.row.DueAt = r.Body.Category, r.Body.Marking, r.Body.Version, time.Unix(r.Body.NotAfter, 0).UTC()
	r.text = comity.DispatchText{Title: r.Body.Title, Text: r.Body.Text, Classification: r.Body.Classification}
	return r.check(a)
}

// domesticMatter reports whether an own case or a category is reserved, and
// whether the officer finds the case.
func (a *attempt) domesticMatter(tx storage.ReadTx, of comity.ID, c comity.Category) (reserved, visible bool, err error) {
	view, _, found, err := a.findCase(tx, of)
	if err != nil {
		return false, false, err
	}
	visible = found && view.Own
	reserved = visible && view.Reserved
	if w, ok := tx.(storage.Tx); ok && of != "" { // whoever sees it
		locked, err := w.LockCase(of)
		if err != nil && !isAbsent(err) {
			return false, false, err
		}
		reserved = reserved || locked.State == a.who.Officer.State && locked.Reserved
	}
	category, err := a.categoryReserved(tx, c)
	return reserved || category, visible, err
}

func (r *OfferReferral) changes(v storage.DispatchView, at time.Time) error {
	if err := waiting(v, at); err != nil {
		return err
	}
	switch {
	case r.Body.Version != v.Version+1:
		return comity.Conflict("the referral changed meanwhile; read it again")
	case r.Body.To != v.To:
		return comity.Invalid("to", "a changed offer is to the same state")
	}
	r.row = v.Dispatch
	return nil
}

func (r *OfferReferral) check(a *attempt) error {
	if err := a.x.member("to", r.Body.To); err != nil {
		return err
	}
	if _, known := sovereignty.Category(r.Body.Category); !known {
		return comity.Invalid("category", "the union has no such category; see the query `categories`")
	}
	if !r.row.DueAt.After(a.now) || r.row.DueAt.After(a.now.Add(ReferralAge)) {
		return comity.Invalid("notAfter", "an offer stands for 90 days at most, from now")
	}
	return first(needed("title", r.Body.Title, "a referral has a title"), checkLine("title", r.Body.Title), checkWords(r.Body.Text), r.Body.Marking.Check())
}

func (r *OfferReferral) prepare(ctx context.Context, a *attempt) error {
	return r.sign(ctx, a, statement.KindReferral, r.ID, r.ID, r.Act)
}

func (r *OfferReferral) commit(tx storage.Tx, a *attempt) error {
	if !r.Change {
		return r.insert(tx, a)
	}
	if err := r.seal(); err != nil {
		return err
	}
	a.made = []comity.ID{r.ID}
	return tx.ChangeReferral(r.row)
}

func (r *OfferReferral) finish(context.Context, *attempt) error              { return nil }
func (r *OfferReferral) repeat(context.Context, *attempt, []comity.ID) error { return nil }
