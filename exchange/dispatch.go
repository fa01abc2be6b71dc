package exchange

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// maxDispatch bounds the words of a dispatch, in bytes: they stand in a statement.
const maxDispatch = 12 << 10

// dispatching is what the making of every dispatch shares.
type dispatching struct {
	Statement string `json:"-"` // the state's signed statement

	row       storage.Dispatch
	text      comity.DispatchText
	words     correspondence
	canonical json.RawMessage
}

// make begins the row of a dispatch.
func (d *dispatching) make(a *attempt, kind comity.DispatchKind, id comity.ID, to comity.State) {
	o := a.who.Officer
	d.row = storage.Dispatch{Dispatch: comity.Dispatch{ID: id, Kind: kind, State: o.State, To: to, Agency: o.Agency, Officer: o.Ref(),
		Function: o.Function, Status: comity.DispatchOpen, CreatedAt: a.now}}
}

func (d *dispatching) sign(ctx context.Context, a *attempt, kind statement.Kind, id, record comity.ID, act string) error {
	keys, err := a.x.custodian(a.who.Officer.State)
	if err != nil {
		return err
	}
	if err := d.words.open(ctx, a, id); err != nil {
		return err
	}
	d.Statement, err = keys.Sign(ctx, custodian.SignOrder{Asker: a.asker(act), Kind: kind, ID: id, Record: record, Body: d.canonical})
	return err
}

// seal seals the words, with the statement that repeats them.
func (d *dispatching) seal() (err error) {
	d.text.Statement = d.Statement
	d.row.Sealed, err = seal(d.words.key, bindDispatch(d.row.Dispatch), d.text)
	return err
}

// insert writes the dispatch; told abroad is that it was made.
func (d *dispatching) insert(tx storage.Tx, a *attempt) error {
	if err := d.seal(); err != nil {
		return err
	}
	a.made = []comity.ID{d.row.ID}
	err := tx.InsertDispatch(d.row, d.words.wrapped)
	if errors.Is(err, storage.ErrExists) {
		return comity.Conflict("nothing can be made under this id").CuredBy("choose another id")
	}
	return err
}

// tellDispatch tells a state of an act on a dispatch, and of nothing beside it.
func (a *attempt) tellDispatch(id comity.ID) audit.Content {
	c := across(a.content(a.action))
	c.Records, c.Article = []audit.Record{{ID: string(id)}}, a.decision.Article
	return c
}

func bindDispatch(d comity.Dispatch) []byte {
	return bind("dispatch", d.ID, d.Kind, d.State, d.To, d.Agency, d.Officer, d.Function, d.Case, d.Record, d.Grant, d.Form, d.Category, d.Marking,
		d.Version, d.Through, d.CreatedAt.UTC().UnixMicro(), d.DueAt.UTC().UnixMicro())
}

func bindAnswer(id comity.ID, s comity.State, answer comity.DispatchStatus, by comity.OfficerRef, named comity.ID) []byte {
	return bind("dispatch-answer", id, s, answer, by, named)
}

// findDispatch finds a dispatch as the officer may find it, locked when within
// a transaction. One that is absent or hidden is not found, and judged alike.
func (a *attempt) findDispatch(tx storage.ReadTx, id comity.ID) (storage.DispatchView, sovereignty.Record, bool, error) {
	a.records = nil
	found, err := tx.Dispatches(a.viewer(), []comity.ID{id})
	if err != nil {
		return storage.DispatchView{}, sovereignty.Record{}, false, err
	}
	a.on(string(id))
	var rows []storage.DispatchView
	if v, ok := found[id]; ok {
		rows = append(rows, v)
	}
	faults, err := a.x.reached(tx, a.viewer(), rows)
	if err != nil {
		return storage.DispatchView{}, sovereignty.Record{}, false, err
	}
	if fault := faults[id]; comity.CodeOf(fault) == comity.CodeUnavailable {
		return storage.DispatchView{}, sovereignty.Record{}, false, fault
	} else if fault != nil {
		a.x.incident(rows[0].State, string(id), fault, a.who.RequestID)
		rows = nil
	}
	if len(rows) == 0 {
		return storage.DispatchView{}, sovereignty.Record{}, false, nil
	}
	v := rows[0]
	if w, locked := tx.(storage.Tx); locked {
		if v.Dispatch, err = w.LockDispatch(id); err != nil {
			return v, sovereignty.Record{}, false, err
		}
	}
	return v, dispatchRecord(v, a.who.Officer), true, nil
}

// dispatchRecord is what the policies see of a dispatch.
func dispatchRecord(v storage.DispatchView, o comity.Officer) sovereignty.Record {
	r := sovereignty.Record{State: v.State, Agency: v.Agency, Kind: v.Kind.Kind(), Dispatch: v.Kind, To: v.To, Marking: v.Marking, Owner: v.Officer == o.Ref(),
		Assigned: v.Assigned, Reader: v.Reader, Shown: v.Shown}
	if v.Kind == comity.DispatchNotice && v.Delivery != nil {
		r.To = o.State
	}
	return r
}

// inside finds which case a record is inside of that the officer may find; of
// a case itself that. opened tells whether a grant of the case opens the record.
func (a *attempt) inside(tx storage.ReadTx, record comity.ID) (of comity.ID, opened func(comity.Grant) bool, err error) {
	parents, err := tx.Parents(a.viewer(), []comity.ID{record})
	if err != nil {
		return "", nil, err
	}
	byKind := map[comity.Kind][]comity.ID{}
	for id := range parents {
		byKind[id.Kind()] = append(byKind[id.Kind()], id)
	}
	var all inners
	if all.entries, err = tx.EntriesByID(byKind[comity.KindEntry]); err != nil {
		return "", nil, err
	}
	if all.subjects, err = tx.SubjectsByID(byKind[comity.KindSubject]); err != nil {
		return "", nil, err
	}
	if all.observables, err = tx.ObservablesByID(byKind[comity.KindObservable]); err != nil {
		return "", nil, err
	}
	if record.Kind() == comity.KindCase {
		return record, func(comity.Grant) bool { return true }, nil
	}
	return parents[record], func(g comity.Grant) bool {
		return slices.Contains(g.Exhibits, record) ||
			g.Scope == comity.ScopeFull && record.Kind() != comity.KindEvidence && !all.walled(record, slices.Contains(g.Subjects, record))
	}, nil
}

// WithdrawDispatch takes back an annotation, a referral or an undertaking that is not answered.
type WithdrawDispatch struct {
	Key string    `json:"-"`
	ID  comity.ID `json:"id"`

	view storage.DispatchView
}

func (w *WithdrawDispatch) about() (sovereignty.Action, string, any) {
	switch w.ID.Kind() {
	case comity.KindReferral:
		return sovereignty.ReferralWithdraw, w.Key, w
	case comity.KindUndertaking:
		return sovereignty.UndertakingWithdraw, w.Key, w
	}
	return sovereignty.AnnotationWithdraw, w.Key, w
}

func (w *WithdrawDispatch) judge(tx storage.ReadTx, a *attempt) error {
	v, record, ok, err := a.findDispatch(tx, w.ID)
	if err != nil {
		return err
	}
	w.view = v
	if err := a.decide(sovereignty.Question{Record: record, Circumstances: sovereignty.Circumstances{Visible: ok}}); err != nil {
		return err
	}
	a.across = v.To
	return waiting(v, a.now)
}

// waiting answers an act on what is answered already.
func waiting(v storage.DispatchView, at time.Time) error {
	s := v.StatusAt(at)
	if v.Kind == comity.DispatchNotice && v.Delivery != nil {
		s = v.Delivery.Status
	}
	switch {
	case s != comity.DispatchOpen:
		return comity.Conflict(fmt.Sprintf("the %s is %s already", v.Kind.Kind(), s)).CuredBy("there is nothing to do; read it again")
	case v.Kind == comity.DispatchCompelled && !at.Before(v.DueAt):
		return comity.Conflict("the time to object has passed").CuredBy("write to the state by a request")
	}
	return nil
}

func (w *WithdrawDispatch) prepare(context.Context, *attempt) error { return nil }

func (w *WithdrawDispatch) commit(tx storage.Tx, a *attempt) error {
	d := w.view.Dispatch
	d.Status, d.AnsweredBy, d.AnsweredAt = comity.DispatchWithdrawn, a.who.Officer.Ref(), a.now
	a.made = []comity.ID{w.ID}
	return tx.AnswerDispatch(d)
}

func (w *WithdrawDispatch) finish(context.Context, *attempt) error              { return nil }
func (w *WithdrawDispatch) repeat(context.Context, *attempt, []comity.ID) error { return nil }

// AnswerDispatch answers a dispatch for the state that it is for: accepts or
// declines an annotation, a referral or an undertaking, says what was done upon a notice, objects
// to a compelled disclosure. The answer binds to what was shown.
type AnswerDispatch struct {
	Key  string               `json:"-"`
	ID   comity.ID            `json:"id"`
	Case comity.ID            `json:"case"` // the own case in which an accepted referral is taken up, "" for none yet, or that an undertaking is accepted for
	Body statement.AnswerBody `json:"body"`
	Act  string               `json:"-"`

	Statement string `json:"-"`

	view      storage.DispatchView
	found     bool // the officer finds the case
	words     correspondence
	canonical json.RawMessage
	said      string // the statement that is answered
	shown     []byte // the sealed words that the answer was compared with
}

// answering are the acts by which dispatches are answered.
var answering = map[comity.Kind]struct {
	action sovereignty.Action
	act    string
	kind   statement.Kind
}{
	comity.KindAnnotation: {sovereignty.AnnotationAnswer, statement.ActAnnotationAnswer, statement.KindAnnotationAnswer},
	comity.KindReferral:   {sovereignty.ReferralAnswer, statement.ActReferralAnswer, statement.KindReferralAnswer},
	comity.KindNotice:     {sovereignty.NoticeAnswer, statement.ActNoticeAnswer, statement.KindNoticeAnswer},
	comity.KindCompelled:  {sovereignty.DisclosureObject, statement.ActDisclosureObject, statement.KindCompelledAnswer},

	comity.KindUndertaking: {sovereignty.UndertakingAnswer, statement.ActUndertakingAnswer, statement.KindUndertakingAnswer},
}

// dispatchKinds are the kinds of their ids.
var dispatchKinds = []comity.Kind{comity.KindAnnotation, comity.KindReferral, comity.KindNotice, comity.KindCompelled, comity.KindUndertaking}

func (s *AnswerDispatch) about() (sovereignty.Action, string, any) {
	return answering[s.ID.Kind()].action, s.Key, s
}

func (s *AnswerDispatch) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(s.Act, answering[s.ID.Kind()].act, s.ID, s.Body)
	if err != nil {
		return err
	}
	s.canonical = canonical
	v, record, ok, err := a.findDispatch(tx, s.ID)
	if err != nil {
		return err
	}
	switch s.ID.Kind() {
	case comity.KindAnnotation:
		record, err = a.annotated(tx, v)
	case comity.KindUndertaking:
		if ok && v.To == a.who.Officer.State { // of who else asks, no case is looked for
			record.Reserved, s.found, err = a.domesticMatter(tx, s.Case, v.Category)
			record.Reserved = record.Reserved && s.found
		}
	}
	if err != nil {
		return err
	}
	s.view = v
	// What the own side may not is told to the own state alone: a denial says how
	// the other's case stands there, such as that it is reserved.
	if err := a.decide(sovereignty.Question{Record: record, Circumstances: sovereignty.Circumstances{Visible: ok, Signed: true}}); err != nil {
		return err
	}
	a.across = v.State
	if err := waiting(v, a.now); err != nil {
		return err
	}
	return s.check(tx, a)
}

// annotated is the case that an annotation is about, for those who may answer:
// by them the case is changed or not.
func (a *attempt) annotated(tx storage.ReadTx, v storage.DispatchView) (sovereignty.Record, error) {
	view, record, visible, err := a.findCase(tx, v.Case)
	if err != nil || visible && view.Own {
		return record, err
	}
	return sovereignty.Record{State: v.To, Kind: comity.KindCase}, nil
}

func (s *AnswerDispatch) check(tx storage.ReadTx, a *attempt) error {
	if !slices.Contains(comity.Answers[s.view.Kind], s.Body.Answer) {
		return comity.Invalid("answer", fmt.Sprintf("this is answered by one of %s", join(comity.Answers[s.view.Kind])))
	}
	if len(s.Body.Reason) > maxObjection {
		return tooLong("reason", maxObjection)
	}
	if err := checkText("reason", s.Body.Reason); err != nil {
		return err
	}
	if s.Body.Answer != comity.DispatchAccepted && s.Body.Answer != comity.DispatchDone {
		if err := needed("reason", s.Body.Reason, "say why"); err != nil {
			return err
		}
	}
	if s.view.Kind == comity.DispatchUndertaking {
		return s.accepts(tx, a)
	}
	if s.Case == "" {
		return nil
	}
	if s.Body.Answer != comity.DispatchAccepted || s.view.Kind != comity.DispatchReferral {
		return comity.Invalid("case", "only who accepts a referral names a case of the own state")
	}
	view, _, visible, err := a.findCase(tx, s.Case)
	if err == nil && !(visible && view.Own) {
		err = comity.NotFound()
	}
	return err
}

func (s *AnswerDispatch) prepare(ctx context.Context, a *attempt) error {
	if err := s.compare(ctx, a); err != nil {
		return err
	}
	keys, err := a.x.custodian(a.who.Officer.State)
	if err != nil {
		return err
	}
	if err := s.words.open(ctx, a, s.ID); err != nil {
		return err
	}
	o := custodian.SignOrder{Asker: a.asker(s.Act), Kind: answering[s.ID.Kind()].kind, ID: s.ID, Record: s.ID, Body: s.canonical}
	if s.view.Kind == comity.DispatchUndertaking {
		o.Answered = s.said
	}
	s.Statement, err = keys.Sign(ctx, o)
	return err
}

// compare holds what the officer answered against what is said now.
func (s *AnswerDispatch) compare(ctx context.Context, a *attempt) error {
	var wrapped string
	err := a.x.db.Read(ctx, func(tx storage.ReadTx) error {
		keys, err := tx.RecordKeys([]comity.ID{s.ID})
		wrapped = keys[s.ID][s.view.State]
		return err
	})
	if err != nil {
		return err
	}
	key, err := a.x.keys.get(ctx, keyRef{s.ID, s.view.State, wrapped})
	if err != nil {
		return err
	}
	said, err := words[comity.DispatchText](key, bindDispatch(s.view.Dispatch.Dispatch), s.view.Sealed)
	if err != nil {
		return err
	}
	if statement.Said(said.Statement) != s.Body.Said {
		return comity.Conflict("what is answered is not what is said by now").CuredBy("read it again, and answer that")
	}
	s.shown, s.said = s.view.Sealed, said.Statement
	return nil
}

func (s *AnswerDispatch) commit(tx storage.Tx, a *attempt) error {
	if !bytes.Equal(s.shown, s.view.Sealed) { // it was changed since it was compared
		return storage.ErrConflict
	}
	own, by := a.who.Officer.State, a.who.Officer.Ref()
	sealed, err := seal(s.words.key, bindAnswer(s.ID, own, s.Body.Answer, by, s.Case), comity.AnswerText{Reason: s.Body.Reason, Statement: s.Statement})
	if err != nil {
		return err
	}
	if err := s.words.keep(tx, a, s.ID); err != nil {
		return err
	}
	a.made = []comity.ID{s.ID}
	if s.view.Kind == comity.DispatchNotice {
		d := *s.view.Delivery
		d.Status, d.AnsweredBy, d.AnsweredAt, d.Answered = s.Body.Answer, by, a.now, sealed
		return tx.AnswerDelivery(d)
	}
	d := s.view.Dispatch
	d.Status, d.AnsweredBy, d.AnsweredAt, d.Answer, d.Answered = s.Body.Answer, by, a.now, s.Case, sealed
	if err := tx.AnswerDispatch(d); err != nil || !s.accepted() {
		return err
	}
	return tx.AddEffect(apply(s.ID, own, s.Statement, a.now))
}

// accepted reports whether an undertaking is accepted, which is a legal basis once
// the register has it: not before the answer stands, since its giver may have
// withdrawn it while it was signed.
func (s *AnswerDispatch) accepted() bool {
	return s.ID.Kind() == comity.KindUndertaking && s.Body.Answer == comity.DispatchAccepted
}

func (s *AnswerDispatch) finish(ctx context.Context, a *attempt) error {
	if !s.accepted() {
		return nil
	}
	return a.enter(ctx, s.ID, a.who.Officer.State, s.Statement)
}

// repeat has the register know of what it may not yet.
func (s *AnswerDispatch) repeat(ctx context.Context, a *attempt, _ []comity.ID) error {
	if !s.accepted() {
		return nil
	}
	return a.x.runEffects(ctx, storage.Effect{ID: s.ID})
}
