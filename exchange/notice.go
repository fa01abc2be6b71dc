package exchange

import (
	"context"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// SendNotice tells every state that read an affected version of a case, of a
// record inside it, or of an annotation that was accepted, that this was wrong, is restricted or to be erased; those
// that read it later too, and those whose grants have ended (Article 10).
type SendNotice struct {
	Key  string               `json:"-"`
	Case comity.ID            `json:"case"`
	Body statement.NoticeBody `json:"body"`
	Act  string               `json:"-"`

	Reached []comity.State `json:"-"` // the states that had read by then

	dispatching
	view storage.CaseView
}

func (n *SendNotice) about() (sovereignty.Action, string, any) {
	return sovereignty.NoticeSend, n.Key, []any{n.Case, n.Body}
}

func (n *SendNotice) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(n.Act, statement.ActNoticeSend, n.Case, n.Body)
	if err != nil {
		return err
	}
	n.canonical = canonical
	a.records = nil
	view, record, visible, err := a.findCase(tx, n.Case)
	if err != nil {
		return err
	}
	of, err := a.affected(tx, n.Body.Record)
	if err != nil {
		return err
	}
	a.on(string(n.Case))
	visible = visible && of == n.Case
	if visible {
		a.origin = view.State
	}
	n.view = view
	if err := a.decide(sovereignty.Question{Record: record, Circumstances: sovereignty.Circumstances{Visible: visible, Signed: true, Classification: n.Body.Classification}}); err != nil {
		return err
	}
	a.on(string(n.Body.ID))
	a.on(string(n.Body.Record))
	n.make(a, comity.DispatchNotice, n.Body.ID, "")
	n.row.Case, n.row.Record, n.row.Form, n.row.Marking = n.Case, n.Body.Record, n.Body.Form, view.Marking
	n.row.Through, n.row.DueAt = n.Body.Through, time.Unix(n.Body.NotAfter, 0).UTC()
	n.text = comity.DispatchText{Text: n.Body.Text, Classification: n.Body.Classification}
	return n.check(a)
}

// affected finds which case a record is of that a notice is about: the case, a
// record inside it, or what another state added and the own one accepted, and shows.
func (a *attempt) affected(tx storage.ReadTx, record comity.ID) (comity.ID, error) {
	if record.Kind() != comity.KindAnnotation {
		of, _, err := a.inside(tx, record)
		return of, err
	}
	found, err := tx.Dispatches(a.viewer(), []comity.ID{record})
	if v := found[record]; v.To == a.who.Officer.State && v.Status == comity.DispatchAccepted {
		return v.Case, err
	}
	return "", err
}

func (n *SendNotice) check(a *attempt) error {
	b := n.Body
	if _, err := comity.ParseID(string(b.ID), comity.KindNotice); err != nil {
		return err
	}
	switch {
	case !slices.Contains(comity.Forms[comity.DispatchNotice], b.Form):
		return comity.Invalid("form", "a notice says CORRECT, RESTRICT or ERASE")
	case b.Through < 0 || b.Through > n.view.VersionAbroad || b.Through != 0 && b.Record != n.Case:
		return comity.Invalid("through", "only a case has versions; name the last one that is affected, or none for every one")
	case !n.row.DueAt.After(a.now) || n.row.DueAt.After(a.now.Add(ReferralAge)):
		return comity.Invalid("notAfter", "a notice is answered within 90 days at most, from now")
	}
	return checkWords(b.Text)
}

func (n *SendNotice) prepare(ctx context.Context, a *attempt) error {
	return n.sign(ctx, a, statement.KindNotice, n.Body.ID, n.Case, n.Act)
}

func (n *SendNotice) commit(tx storage.Tx, a *attempt) error {
	if err := n.insert(tx, a); err != nil {
		return err
	}
	var err error
	n.Reached, err = tx.Deliver(n.row.ID, a.now, n.row.DueAt)
	for _, s := range n.Reached {
		a.apart = append(a.apart, told{s, a.tellDispatch(n.row.ID)})
	}
	return err
}

func (n *SendNotice) finish(context.Context, *attempt) error              { return nil }
func (n *SendNotice) repeat(context.Context, *attempt, []comity.ID) error { return nil }
