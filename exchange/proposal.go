package exchange

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/storage"
)

// twoOfficers is what every act that takes two officers shares. The act of the
// first, who names no proposal, makes one: it is answered with the proposal's id,
// and nothing is in force. The second does the same act anew, over the same body,
// and names the proposal; the custodian signs for both.
//
// An act judges in this order: find, its own decision (which may ask [twoOfficers.byAnother]),
// check. It then asks the custodian with order, and writes with keep.
type twoOfficers struct {
	Proposal comity.ID `json:"proposal,omitempty"` // that the act approves; "" proposes
	Proposed comity.ID `json:"-"`                  // the proposal that was made

	found *storage.Proposal // nil when there is none for this officer
	made  storage.Proposal
	key   wordKey
	text  comity.ProposalText
}

// proposalName is what takes two officers: the signed act, and what is made of it.
type proposalName struct {
	act    string
	kind   statement.Kind
	record comity.ID // the case, the reservation or the erasure
	target comity.ID // the statement's id
	body   json.RawMessage
}

// find looks up the proposal that the act approves, locked when within a
// transaction. One that is another state's or role's is as one that is absent.
func (p *twoOfficers) find(tx storage.ReadTx, a *attempt) error {
	p.found = nil
	if p.Proposal == "" {
		return nil
	}
	found, err := tx.Proposals(a.viewer(), []comity.ID{p.Proposal})
	if err != nil {
		return err
	}
	row, ok := found[p.Proposal]
	if !ok {
		return nil
	}
	if w, locked := tx.(storage.Tx); locked {
		if row, err = w.LockProposal(p.Proposal); err != nil {
			return err
		}
	}
	p.found = &row
	return nil
}

// byAnother reports whether another officer of the state proposed it, whatever
// became of the proposal.
func (p *twoOfficers) byAnother(a *attempt) bool {
	return p.found != nil && p.found.Officer != a.who.Officer.Ref()
}

// check refuses to approve what was not proposed, by one person, too late or
// twice. It comes after the decision: of what is hidden it would tell.
func (p *twoOfficers) check(a *attempt, article comity.Article, n proposalName) error {
	if p.Proposal == "" {
		return nil
	}
	if p.found == nil {
		return comity.Invalid("proposal", "there is no such proposal for officers of this state in this role")
	}
	f := *p.found
	switch status := f.StatusAt(a.now); {
	case f.Kind != string(n.kind) || f.Record != n.record || f.Target != n.target:
		return comity.Invalid("proposal", "the proposal is of something else than this act")
	case f.Officer == a.who.Officer.Ref():
		return comity.Denied(article, "The second pair of eyes is another officer's than the first.", "Have another officer of the state approve it.")
	case status == comity.ProposalLapsed:
		return comity.Denied(article, "The proposal has lapsed.", "Have an officer propose it anew.")
	case status != comity.ProposalProposed:
		return comity.Conflict("the proposal was decided already")
	}
	a.on(string(f.ID))
	return nil
}

// open opens the record's key, and of a proposal what its officer signed.
func (p *twoOfficers) open(ctx context.Context, a *attempt, n proposalName) error {
	if p.key.AEAD != nil { // the record is made with its proposal, and its key with it
		return nil
	}
	own := a.who.Officer.State
	var wrapped string
	err := a.x.db.Read(ctx, func(tx storage.ReadTx) error {
		keys, err := tx.RecordKeys([]comity.ID{n.record})
		wrapped = keys[n.record][own]
		return err
	})
	if err != nil {
		return err
	}
	if p.key, err = a.x.keys.get(ctx, keyRef{n.record, own, wrapped}); err != nil || p.found == nil {
		return err
	}
	if err := unseal(p.key, bindProposal(p.found.Proposal), p.found.Sealed, &p.text); err != nil {
		return err
	}
	if !bytes.Equal(p.text.Body, n.body) {
		return comity.Invalid("proposal", "the terms differ from those that were proposed; read the proposal again")
	}
	return nil
}

// order completes what the custodian is asked to sign: a proposal for the first
// officer, the statement itself for the second.
func (p *twoOfficers) order(ctx context.Context, a *attempt, n proposalName, act string) (custodian.SignOrder, error) {
	o := custodian.SignOrder{Asker: a.asker(act), Kind: n.kind, ID: n.target, Record: n.record, Body: n.body}
	if err := p.open(ctx, a, n); err != nil {
		return o, err
	}
	if p.Proposal == "" {
		o.Kind, o.Of = statement.KindProposal, n.kind
		return o, nil
	}
	o.Proposal = p.text.Statement
	return o, nil
}

// propose has the custodian sign the proposal. Nothing is in force by it.
func (p *twoOfficers) propose(ctx context.Context, a *attempt, n proposalName, act string) error {
	keys, err := a.x.custodian(a.who.Officer.State)
	if err != nil {
		return err
	}
	o, err := p.order(ctx, a, n, act)
	if err != nil {
		return err
	}
	jws, err := keys.Sign(ctx, o)
	if err != nil {
		return err
	}
	p.text = comity.ProposalText{Body: n.body, Statement: jws}
	p.Proposed = comity.NewID(comity.KindProposal)
	return nil
}

// keepProposed writes the proposal down. The attempt's leaf says that something
// was proposed, not that it was done.
func (p *twoOfficers) keepProposed(tx storage.Tx, a *attempt, n proposalName) error {
	o := a.who.Officer
	p.made = storage.Proposal{Proposal: comity.Proposal{ID: p.Proposed, State: o.State, Act: n.act, Kind: string(n.kind), Role: o.Role,
		Record: n.record, Target: n.target, Officer: o.Ref(), Function: o.Function, Status: comity.ProposalProposed, CreatedAt: a.now,
		LapsesAt: a.now.Add(statement.ProposalAge)}}
	var err error
	if p.made.Sealed, err = seal(p.key, bindProposal(p.made.Proposal), p.text); err != nil {
		return err
	}
	a.outcome = audit.Proposed
	a.on(string(p.Proposed))
	a.made = []comity.ID{p.Proposed}
	return tx.InsertProposal(p.made)
}

// keepApproved writes down that the proposal was approved.
func (p *twoOfficers) keepApproved(tx storage.Tx, a *attempt) error {
	return tx.DecideProposal(p.Proposal, comity.ProposalApproved, a.who.Officer.Ref(), a.now, nil)
}

// proposed reports whether an earlier run of an act ended in a proposal.
func proposed(ids []comity.ID) bool {
	return len(ids) > 0 && ids[0].Kind() == comity.KindProposal
}
