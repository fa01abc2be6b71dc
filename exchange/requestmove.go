package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// MoveRequest takes a request from one status to the next: the asked state's
// liaison receives, acknowledges, asks for a supplement, forwards, executes,
// postpones or refuses it; the asking side supplements and closes it.
type MoveRequest struct {
	Key             string             `json:"-"`
	ID              comity.ID          `json:"id"`
	ExpectedVersion int                `json:"expectedVersion"`
	Move            sovereignty.Action `json:"move"`
	// Outcome tells how a request was executed: EXECUTED, EXECUTED_IN_PART or NOTHING_HELD.
	Outcome comity.RequestStatus `json:"outcome,omitempty"`
	// Note becomes a message of the moving side; on closing it is the feedback on use.
	Note    string          `json:"note,omitempty"`
	RouteTo comity.AgencyID `json:"routeTo,omitempty"` // of requestForward
	Until   time.Time       `json:"until,omitzero"`    // of requestPostpone
	Ground  comity.Ground   `json:"ground,omitempty"`  // of requestRefuse
	// Classification is declared of the note.
	Classification comity.Classification `json:"classification,omitempty"`
	Reference      string                `json:"reference,omitempty"` // the asked side's own file number, of requestAcknowledge
	Act            string                `json:"-"`                   // of requestRefuse

	Message   comity.ID `json:"-"`
	Refusal   comity.ID `json:"-"`
	Statement string    `json:"-"`

	request   storage.Request
	next      comity.RequestStatus
	canonical json.RawMessage
	words     correspondence
}

func (m *MoveRequest) about() (sovereignty.Action, string, any) { return m.Move, m.Key, m }

// findRequest finds a request as the officer may find it, locked when within a
// transaction, and decides an act on it.
func (a *attempt) findRequest(tx storage.ReadTx, id comity.ID, declared comity.Classification) (storage.Request, error) {
	a.records = nil
	found, err := tx.Requests(a.viewer(), []comity.ID{id})
	if err != nil {
		return storage.Request{}, err
	}
	r, ok := found[id]
	a.on(string(id))
	if ok {
		if w, locked := tx.(storage.Tx); locked {
			if r, err = w.LockRequest(id); err != nil {
				return r, err
			}
		}
		a.across = r.To // of what is done; a side's denials are its own matter
		if a.who.Officer.State == r.To {
			a.across = r.State
		}
		a.purpose = r.Purpose
	}
	q := requestQuestion(r, ok, a.who.Officer)
	q.Circumstances.Classification = declared
	return r, a.decide(q)
}

func requestQuestion(r storage.Request, visible bool, o comity.Officer) sovereignty.Question {
	return sovereignty.Question{
		Record: sovereignty.Record{State: r.State, Agency: r.Agency, Kind: comity.KindRequest, Category: r.Category, Marking: r.Marking,
			Owner: r.Officer == o.Ref(), To: r.To, RoutedTo: r.RoutedTo},
		Circumstances: sovereignty.Circumstances{Visible: visible, Signed: true},
	}
}

func (m *MoveRequest) judge(tx storage.ReadTx, a *attempt) (err error) {
	if m.Move == sovereignty.RequestRefuse {
		_, m.canonical, err = a.verify(m.Act, statement.ActRequestRefuse, m.ID, statement.RefuseBody{Ground: m.Ground, Note: m.Note})
		if err != nil {
			return err
		}
	}
	if m.request, err = a.findRequest(tx, m.ID, m.Classification); err != nil {
		return err
	}
	if m.request.Version != m.ExpectedVersion {
		return comity.Conflict("the request changed meanwhile; read it again")
	}
	var possible bool
	if m.next, possible = sovereignty.NextStatus(m.request.Status, m.Move, m.Outcome); !possible {
		if slices.Contains(sovereignty.Moves(m.request.Status), m.Move) {
			return comity.Invalid("outcome", "a request is executed as EXECUTED, EXECUTED_IN_PART or NOTHING_HELD, and no other move has an outcome")
		}
		return impossible(m.request, m.Move, a.who.Officer.State == m.request.To)
	}
	if err := m.checkPreserved(tx, a.now); err != nil {
		return err
	}
	if m.request.OnwardTo != "" && m.Move == sovereignty.RequestExecute && m.Outcome != comity.RequestExecuted {
		// How much was granted is between the originator and the third state.
		return comity.Invalid("outcome", "a request for onward sharing is EXECUTED, or refused")
	}
	return m.check(a)
}

// checkPreserved lets the asking state learn of its request to preserve that it
// was executed or that nothing is held, and no third thing; and each only when it
// is so.
func (m *MoveRequest) checkPreserved(tx storage.ReadTx, at time.Time) error {
	if m.request.Kind != comity.RequestPreservation || m.Move != sovereignty.RequestExecute {
		return nil
	}
	held, err := tx.Preserved(m.ID, at)
	switch {
	case err != nil:
		return err
	case m.Outcome == comity.RequestExecutedInPart:
		return comity.Invalid("outcome", "a request to preserve is EXECUTED, or NOTHING_HELD")
	case m.Outcome == comity.RequestExecuted && !held:
		return comity.Conflict("no hold lies for this request").CuredBy("place a hold on each case that it preserves, naming the request, first")
	case m.Outcome == comity.RequestNothingHeld && held:
		return comity.Conflict("a hold lies for this request").CuredBy("execute it as EXECUTED")
	}
	return nil
}

// verbs are the moves as the command line and people name them.
var verbs = map[sovereignty.Action]string{
	sovereignty.RequestReceive: "receive", sovereignty.RequestAcknowledge: "acknowledge", sovereignty.RequestAskSupplement: "ask",
	sovereignty.RequestSupplement: "supplement", sovereignty.RequestForward: "forward", sovereignty.RequestExecute: "execute",
	sovereignty.RequestPostpone: "postpone", sovereignty.RequestRefuse: "refuse", sovereignty.RequestClose: "close",
}

// impossible says which moves the officer's side could make instead.
func impossible(r storage.Request, move sovereignty.Action, asked bool) error {
	e := comity.Conflict(fmt.Sprintf("a request that is %s cannot be moved by %q", r.Status, verbs[move]))
	var can []string
	for _, m := range sovereignty.Moves(r.Status) {
		if own := m == sovereignty.RequestSupplement || m == sovereignty.RequestClose; own != asked {
			can = append(can, verbs[m])
		}
	}
	if len(can) == 0 {
		return e.CuredBy("nothing is left to do on this side; see it by: comity request show " + string(r.ID))
	}
	return e.CuredBy(fmt.Sprintf("possible from here: %s; as in: comity request %s %s", strings.Join(can, ", "), can[0], r.ID))
}

func (m *MoveRequest) check(a *attempt) error {
	if err := checkLine("reference", m.Reference); err != nil {
		return err
	}
	switch m.Move {
	case sovereignty.RequestForward:
		state, err := a.x.dir.State(a.who.Officer.State)
		if err != nil {
			return err
		}
		for _, agency := range state.Agencies {
			if agency.ID == m.RouteTo {
				return m.checkNote(false)
			}
		}
		return comity.Invalid("routeTo", "a request is forwarded to an agency of the own state's manifest")
	case sovereignty.RequestPostpone:
		if !m.Until.After(a.now) {
			return comity.Invalid("until", "a request is postponed to a date in the future")
		}
	case sovereignty.RequestRefuse:
		if len(m.Note) > maxObjection { // it stands in the statement
			return tooLong("note", maxObjection)
		}
		for _, g := range comity.Grounds {
			if g == m.Ground {
				return m.checkNote(false)
			}
		}
		return comity.Invalid("ground", "a refusal names a ground of the list, or NOT_STATED")
	case sovereignty.RequestAskSupplement, sovereignty.RequestSupplement, sovereignty.RequestClose:
		return m.checkNote(true)
	}
	return m.checkNote(false)
}

func (m *MoveRequest) checkNote(must bool) error {
	if must {
		if err := needed("note", m.Note, "say what is asked, supplemented or fed back"); err != nil {
			return err
		}
	}
	return checkText("note", m.Note)
}

func (m *MoveRequest) prepare(ctx context.Context, a *attempt) (err error) {
	if m.Note != "" || m.Reference != "" {
		if err := m.words.open(ctx, a, m.ID); err != nil {
			return err
		}
	}
	if m.Move != sovereignty.RequestRefuse {
		return nil
	}
	keys, err := a.x.custodian(a.who.Officer.State)
	if err != nil {
		return err
	}
	m.Refusal = comity.NewID(comity.KindRefusal)
	m.Statement, err = keys.Sign(ctx, custodian.SignOrder{Asker: a.asker(m.Act), Kind: statement.KindRefusal,
		ID: m.Refusal, Record: m.ID, Body: m.canonical})
	return err
}

func (m *MoveRequest) commit(tx storage.Tx, a *attempt) error {
	r := m.request
	// Forwarding anew is the asked state's own matter and moves nothing abroad.
	again := m.Move == sovereignty.RequestForward && r.Status == comity.RequestForwarded
	if !again {
		r.UpdatedAt = a.now
		r.Version++
	}
	r.Status, r.PostponedTo = m.next, time.Time{}
	switch m.Move {
	case sovereignty.RequestForward:
		r.RoutedTo = m.RouteTo
	case sovereignty.RequestPostpone:
		r.PostponedTo = m.Until.UTC()
	case sovereignty.RequestRefuse:
		r.Ground, r.Refusal = m.Ground, m.Refusal
		err := tx.InsertRefusal(comity.Refusal{ID: m.Refusal, Request: m.ID, State: a.who.Officer.State, Ground: m.Ground,
			Statement: m.Statement, CreatedAt: a.now})
		if err != nil {
			return err
		}
	}
	if m.Reference != "" && a.who.Officer.State == r.To {
		var err error
		if r.SealedTo, err = seal(m.words.key, bindReference(r), m.Reference); err != nil {
			return err
		}
	}
	if m.Move == sovereignty.RequestClose {
		if err := m.feedback(&r); err != nil {
			return err
		}
	}
	if m.Note != "" {
		id, err := m.words.write(tx, a, r, comity.MessageText{Text: m.Note, Classification: m.Classification})
		if err != nil {
			return err
		}
		m.Message = id
	} else if m.Reference != "" {
		if err := m.words.keep(tx, a, r.ID); err != nil {
			return err
		}
	}
	switch {
	case again:
		a.tellNoteAlone(m)
	case m.Message != "":
		a.tellMessage(m.ID, m.Message)
	}
	a.made = []comity.ID{m.ID}
	return tx.UpdateRequest(r, m.ExpectedVersion)
}

// tellNoteAlone tells the other side of a request that was forwarded anew
// nothing but the note that came with it, as the message that it reads.
func (a *attempt) tellNoteAlone(m *MoveRequest) {
	other := a.across
	if a.across = ""; m.Message == "" {
		return
	}
	c := across(a.content(sovereignty.MessageSend))
	c.Records, c.Purpose, c.Article = []audit.Record{{ID: string(m.ID)}, {ID: string(m.Message)}}, a.purpose, a.decision.Article
	a.told = map[comity.State]audit.Content{other: c}
}

func (m *MoveRequest) finish(context.Context, *attempt) error { return nil }

// feedback keeps the closing note with the request itself, which is the asking
// side's own record and sealed under the key that its note is.
func (m *MoveRequest) feedback(r *storage.Request) error {
	var text comity.RequestText
	if err := unseal(m.words.key, bindRequest(r.Request), r.Sealed, &text); err != nil {
		return err
	}
	text.Feedback = m.Note
	if m.Classification != "" {
		text.Classification = comity.Highest(text.Classification, m.Classification)
	}
	var err error
	r.Sealed, err = seal(m.words.key, bindRequest(r.Request), text)
	return err
}

// repeat answers a refusal with what was signed.
func (m *MoveRequest) repeat(ctx context.Context, a *attempt, _ []comity.ID) error {
	if m.Move != sovereignty.RequestRefuse || m.request.Refusal == "" {
		return nil
	}
	m.Refusal = m.request.Refusal
	return a.x.db.Read(ctx, func(tx storage.ReadTx) error {
		found, err := tx.Refusals([]comity.ID{m.Refusal})
		m.Statement = found[m.Refusal].Statement
		return err
	})
}
