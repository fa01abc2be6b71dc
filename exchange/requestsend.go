package exchange

import (
	"context"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// defaultClocks are the hours in which a request is answered where the
// agreement says nothing (Directive (EU) 2023/977, article 5).
var defaultClocks = map[comity.Urgency]int{comity.UrgencyUrgent: 8, comity.UrgencyPrompt: 72, comity.UrgencyRoutine: 168}

// SendRequest puts a request to another state's contact point. It describes
// facts, persons and observables; a record that it names is never looked up,
// so that an unknown and a hidden one are accepted alike (Article 12).
type SendRequest struct {
	Key      string             `json:"-"`
	To       comity.State       `json:"to"`
	Kind     comity.RequestKind `json:"kind"`
	Urgency  comity.Urgency     `json:"urgency"`
	Category comity.Category    `json:"category"`
	Purpose  comity.Purpose     `json:"purpose"`
	Marking  comity.Marking     `json:"marking"`
	Text     comity.RequestText `json:"text"`
	// OnwardTo moves the asked state to let this third one see what the officer
	// reads under Grant, a grant of the asked state's (Article 10).
	OnwardTo comity.State `json:"onwardTo,omitempty"`
	Grant    comity.ID    `json:"grant,omitempty"`

	ID comity.ID `json:"-"`

	agreement statement.Agreement
	wrapped   string
	key       wordKey
}

func (s *SendRequest) about() (sovereignty.Action, string, any) {
	return sovereignty.RequestSend, s.Key, s
}

func (s *SendRequest) judge(tx storage.ReadTx, a *attempt) error {
	own := a.who.Officer.State
	if err := first(s.check(own), a.x.member("to", s.To)); err != nil {
		return err
	}
	category, _ := sovereignty.Category(s.Category)
	agreement, lacking, err := a.x.dir.RequestBasis(own, s.To, s.Category, s.Kind, s.Urgency, a.now)
	s.agreement = agreement
	a.purpose = s.Purpose
	q := sovereignty.Question{
		Record: sovereignty.Record{State: own, Agency: a.who.Officer.Agency, Kind: comity.KindRequest, Category: s.Category,
			Marking: s.Marking, To: s.To, Owner: true},
		Circumstances: sovereignty.Circumstances{Competent: a.competent(category), Agreement: err == nil, Offered: len(lacking) == 0, Classification: s.declared()},
	}
	if s.OnwardTo == "" {
		return a.decide(q)
	}
	if err := a.x.member("onwardTo", s.OnwardTo); err != nil {
		return err
	}
	q.Circumstances.Onward = true
	view, covered, err := a.readsUnder(tx, s.Grant)
	if err != nil {
		return err
	}
	q.Circumstances.Grant.Present = covered
	if err := a.decide(q); err != nil {
		return err
	}
	if view.State != s.To {
		return comity.Invalid("to", "the grant is another state's: onward sharing is asked of the originator")
	}
	return nil
}

// readsUnder finds the case of another state's grant, and whether the officer
// reads it under that grant now.
func (a *attempt) readsUnder(tx storage.ReadTx, grant comity.ID) (storage.CaseView, bool, error) {
	a.records = nil
	a.on(string(grant))
	found, err := tx.Grants(a.viewer(), []comity.ID{grant})
	g, ok := found[grant]
	if err != nil || !ok || g.State == a.who.Officer.State {
		return storage.CaseView{}, false, err
	}
	view, record, visible, err := a.findCase(tx, g.Case)
	if err != nil || !visible {
		return view, false, err
	}
	named := grantNamed(view.Grants, grant)
	if named == nil {
		return view, false, nil
	}
	covered, err := a.reads(view, record, *named)
	return view, covered, err
}

// declared is the highest classification of the request's words and of the
// observables that it describes.
func (s *SendRequest) declared() comity.Classification {
	all := []comity.Classification{s.Text.Classification}
	for _, o := range s.Text.Observables {
		all = append(all, o.Classification)
	}
	return comity.Highest(all...)
}

func (s *SendRequest) check(own comity.State) error {
	if _, known := sovereignty.Category(s.Category); !known {
		return comity.Invalid("category", "the union has no such category; see the query `categories`")
	}
	if err := s.Marking.Check(); err != nil {
		return err
	}
	switch s.Kind {
	case comity.RequestInformation, comity.RequestAccess, comity.RequestMeasure, comity.RequestPreservation:
	default:
		return comity.Invalid("kind", "a request is for INFORMATION, ACCESS, a MEASURE or PRESERVATION")
	}
	if _, ok := defaultClocks[s.Urgency]; !ok {
		return comity.Invalid("urgency", "a request is URGENT, PROMPT or ROUTINE")
	}
	switch {
	case !s.To.Valid() || s.To == own:
		return comity.Invalid("to", "a request is put to another state")
	case !s.Purpose.Valid():
		return comity.Invalid("purpose", "this is not a purpose")
	case (s.OnwardTo == "") != (s.Grant == ""):
		return comity.Invalid("onwardTo", "onward sharing names the third state and the grant under which the officer reads")
	case s.OnwardTo != "" && s.Kind != comity.RequestAccess:
		return comity.Invalid("kind", "onward sharing is asked for as ACCESS")
	case s.OnwardTo != "" && (s.OnwardTo == own || s.OnwardTo == s.To):
		return comity.Invalid("onwardTo", "onward sharing is with a third state")
	case len(s.Text.Observables) > maxPerAct:
		return comity.Invalid("observables", fmt.Sprintf("at most %d observables are described", maxPerAct))
	}
	err := first(needed("title", s.Text.Title, "a request has a title"), checkLine("title", s.Text.Title),
		needed("facts", s.Text.Facts, "a request describes the facts"), checkText("facts", s.Text.Facts),
		checkLine("record", s.Text.Record), checkLine("fromReference", s.Text.FromReference))
	if err != nil {
		return err
	}
	for i, o := range s.Text.Observables {
		if err := at(i, NewObservable{Text: o}.check()); err != nil {
			return err
		}
	}
	return nil
}

func (s *SendRequest) prepare(ctx context.Context, a *attempt) error {
	keys, err := a.x.custodian(a.who.Officer.State)
	if err != nil {
		return err
	}
	s.ID = comity.NewID(comity.KindRequest)
	s.wrapped, s.key, err = newWordKey(ctx, keys, s.ID)
	return err
}

func (s *SendRequest) commit(tx storage.Tx, a *attempt) error {
	hours, ok := s.agreement.Clocks[s.Urgency]
	if !ok {
		hours = defaultClocks[s.Urgency]
	}
	o := a.who.Officer
	r := comity.Request{ID: s.ID, State: o.State, Agency: o.Agency, Officer: o.Ref(), To: s.To, Kind: s.Kind, Urgency: s.Urgency,
		Category: s.Category, Purpose: s.Purpose, Status: comity.RequestSent, Marking: s.Marking, Version: 1,
		CreatedAt: a.now, UpdatedAt: a.now, DueAt: a.now.Add(time.Duration(hours) * time.Hour),
		OnwardTo: s.OnwardTo, Grant: s.Grant}
	sealed, err := seal(s.key, bindRequest(r), s.Text)
	if err != nil {
		return err
	}
	a.on(string(s.ID))
	a.across = s.To
	a.made = []comity.ID{s.ID}
	return tx.InsertRequest(storage.Request{Request: r, Sealed: sealed}, s.wrapped)
}

func (s *SendRequest) finish(context.Context, *attempt) error { return nil }

func (s *SendRequest) repeat(_ context.Context, _ *attempt, ids []comity.ID) error {
	s.ID = ids[0]
	return nil
}
