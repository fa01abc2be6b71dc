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

// ObjectionAge is how long the originator can object to a disclosure that was
// made already; to one that is to come, until it is made.
const ObjectionAge = 72 * time.Hour

// NotifyDisclosure tells the originator that a court, a defence or danger to life
// compels the grantee to disclose what it was granted: beforehand, or at once
// after with the reason (Article 10).
type NotifyDisclosure struct {
	Key  string                  `json:"-"`
	Case comity.ID               `json:"case"` // of the grant
	Body statement.CompelledBody `json:"body"`
	Act  string                  `json:"-"`

	dispatching
}

func (n *NotifyDisclosure) about() (sovereignty.Action, string, any) {
	return sovereignty.DisclosureNotify, n.Key, []any{n.Case, n.Body}
}

func (n *NotifyDisclosure) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(n.Act, statement.ActDisclosureNotify, n.Case, n.Body)
	if err != nil {
		return err
	}
	n.canonical = canonical
	g, ok, covered, err := a.bound(tx, n.Body.Grant)
	if err != nil {
		return err
	}
	at := time.Unix(n.Body.At, 0).UTC()
	q := sovereignty.Question{Record: sovereignty.Record{State: g.State, Kind: comity.KindGrant}, Circumstances: sovereignty.Circumstances{Visible: ok,
		Signed: true, Classification: n.Body.Classification, Explained: at.After(a.now) || n.Body.Reason != ""}}
	q.Circumstances.Grant.Present = covered
	if err := a.decide(q); err != nil { // a refusal is the own side's matter
		return err
	}
	if g.Case != n.Case {
		return comity.Invalid("case", "the grant is of another case")
	}
	a.on(string(n.Body.ID))
	a.across = g.State
	n.make(a, comity.DispatchCompelled, n.Body.ID, g.State)
	n.row.Case, n.row.Record, n.row.Grant, n.row.Form, n.row.Marking = g.Case, g.Case, g.ID, n.Body.Form, g.Caveats.Marking
	if n.row.DueAt = at; !at.After(a.now) {
		n.row.DueAt = a.now.Add(ObjectionAge)
	}
	n.text = comity.DispatchText{Text: n.Body.Text, Classification: n.Body.Classification, Recipient: n.Body.Recipient, At: at, Reason: n.Body.Reason}
	return n.check()
}

func (n *NotifyDisclosure) check() error {
	b := n.Body
	if _, err := comity.ParseID(string(b.ID), comity.KindCompelled); err != nil {
		return err
	}
	if !slices.Contains(comity.Forms[comity.DispatchCompelled], b.Form) {
		return comity.Invalid("form", "the grounds are COURT, DEFENCE and DANGER_TO_LIFE")
	}
	if b.At <= 0 || time.Unix(b.At, 0).Year() > 9999 {
		return comity.Invalid("at", "say when it is, or was, disclosed")
	}
	if len(b.Reason) > maxObjection {
		return tooLong("reason", maxObjection)
	}
	return first(needed("recipient", b.Recipient, "say to whom"), checkLine("recipient", b.Recipient), checkWords(b.Text), checkText("reason", b.Reason))
}

func (n *NotifyDisclosure) prepare(ctx context.Context, a *attempt) error {
	return n.sign(ctx, a, statement.KindCompelled, n.Body.ID, n.Case, n.Act)
}

func (n *NotifyDisclosure) commit(tx storage.Tx, a *attempt) error { return n.insert(tx, a) }

func (n *NotifyDisclosure) finish(context.Context, *attempt) error              { return nil }
func (n *NotifyDisclosure) repeat(context.Context, *attempt, []comity.ID) error { return nil }
