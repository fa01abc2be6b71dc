package exchange

import (
	"context"
	"errors"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// Told is an event as one officer is told of it: of the records one is set.
type Told struct {
	Event
	ID       string // to go on from
	Case     *CaseView
	Evidence *EvidenceView
	Request  *RequestView
	Message  *MessageView // on the request
	Grant    *comity.Grant
	Dispatch *DispatchView
	Proposal *ProposalView
}

// errUntold ends a read that is to leave no trace.
var errUntold = errors.New("exchange: nothing is told")

// Tell reads what an event is about for an officer, as of now, and has it shown where
// the officer may know of it: then, and only then, it reports true, and the read is in
// the record of acts. Else it is as if nothing had happened.
func (x *Exchange) Tell(ctx context.Context, who Caller, e Event, purpose comity.Purpose, show func(*Reader, *Told) error) (bool, error) {
	err := x.Read(ctx, who, func(r *Reader) error {
		t := &Told{Event: e, ID: x.EventID(who.Officer, e.Seq)}
		if shown, err := r.tell(t, purpose); err != nil {
			return err
		} else if !shown {
			return r.lacking(errUntold)
		}
		return show(r, t)
	})
	if errors.Is(err, errUntold) {
		return false, nil
	}
	return err == nil, err
}

// lacking is a run's end by what it found, unless custodians are to be asked first.
func (r *Reader) lacking(err error) error {
	if len(r.answers.wanted) > 0 {
		return errAsk
	}
	return err
}

// tell finds the record of an event, if the event is told to the officer.
func (r *Reader) tell(t *Told, purpose comity.Purpose) (bool, error) {
	if own := r.who.Officer.State; t.State != "" && t.State != own {
		return false, nil
	}
	id := []comity.ID{t.Record}
	switch t.Record.Kind() {
	case comity.KindCase, comity.KindHold:
		found, err := r.Cases([]comity.ID{t.Event.Case}, purpose)
		t.Case = found[t.Event.Case]
		return t.Case != nil && t.Case.changed(t.Event), err
	case comity.KindEvidence:
		found, err := r.Nodes(id, purpose)
		t.Evidence = found[t.Record].Evidence
		return t.Evidence != nil && t.Evidence.of.Own == (t.State != ""), err
	case comity.KindRequest:
		found, err := r.Requests(id)
		if t.Request = found[t.Record]; err != nil || t.Request == nil || t.Event.Message == "" {
			return t.Request != nil, err
		}
		messages, err := r.MessagesOf(found, []comity.ID{t.Event.Message})
		m, ok := messages[t.Event.Message]
		t.Message = &m
		return ok, err
	case comity.KindGrant:
		found, err := r.Grants(id)
		t.Grant = found[t.Record]
		return t.Grant != nil, err
	case comity.KindProposal:
		if !r.decide(officeQuestion(sovereignty.ProposalRead, t.State, comity.KindProposal)).Permit {
			return false, nil
		}
		found, err := r.Proposals(id)
		t.Proposal = found[t.Record]
		// It waits for another pair of eyes than that of who proposed it.
		return t.Proposal != nil && (t.Kind != comity.EventProposalArrived || t.Proposal.Officer != r.who.Officer.Ref()), err
	}
	found, err := r.Dispatches(id)
	t.Dispatch = found[t.Record]
	return t.Dispatch != nil, err
}

// changed reports whether a change of the case is one that its reader is shown: at
// home every one, abroad what full scope shows or every scope lists, from the
// grant's beginning on. How often and when a case changed before is not granted.
func (v *CaseView) changed(e Event) bool {
	switch v.Access.Level {
	case sovereignty.AccessOwn:
		return e.State != ""
	case sovereignty.AccessFull, sovereignty.AccessSummary:
		return e.State == "" && slices.ContainsFunc(v.grants, func(g comity.Grant) bool {
			shows := g.Scope == comity.ScopeFull || g.Scope == comity.ScopeSummary && e.Listed
			return shows && !e.At.Before(g.CreatedAt) && !e.At.Before(g.NotBefore)
		})
	}
	return false
}

// Open reports whether a case is open to an officer, as of now. What is learnt goes
// no further, and nothing is written down of it.
func (x *Exchange) Open(ctx context.Context, who Caller, of comity.ID, purpose comity.Purpose) (open bool, err error) {
	_, err = x.read(storage.As(ctx, who.Officer), who, func(r *Reader) error {
		found, err := r.Cases([]comity.ID{of}, purpose)
		open = found[of].Opened()
		return err
	})
	return open, err
}

// Opening is [Exchange.Open] where an officer asks for it, which is in the record of
// acts as every read. A case that is absent, hidden or closed is not found.
func (x *Exchange) Opening(ctx context.Context, who Caller, of comity.ID, purpose comity.Purpose) error {
	open := false
	err := x.Read(ctx, who, func(r *Reader) error {
		found, err := r.Cases([]comity.ID{of}, purpose)
		open = found[of].Opened()
		return err
	})
	if err == nil && !open {
		return comity.NotFound()
	}
	return err
}

// Opened reports whether a case shows its clear fields; none does not.
func (v *CaseView) Opened() bool {
	return v != nil && v.Access.Level != sovereignty.AccessNone && v.Access.Level != sovereignty.AccessEnded
}
