package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// PlaceHold keeps a case of the own state from being withdrawn: by the authority
// of its own motion, or by a liaison for another state's request to preserve.
type PlaceHold struct {
	Key  string             `json:"-"`
	Case comity.ID          `json:"case"`
	Body statement.HoldBody `json:"body"`
	Act  string             `json:"-"`

	Statement string `json:"-"` // the state's signed hold

	changeCase
	canonical json.RawMessage
	row       storage.Hold
}

func (h *PlaceHold) about() (sovereignty.Action, string, any) {
	return sovereignty.HoldPlace, h.Key, h
}

func (h *PlaceHold) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(h.Act, statement.ActHoldPlace, h.Case, h.Body)
	if err != nil {
		return err
	}
	h.canonical = canonical
	until := time.Time{}
	if h.Body.NotAfter != 0 {
		until = time.Unix(h.Body.NotAfter, 0).UTC()
	}
	if w, ok := tx.(storage.Tx); ok {
		if err := w.LockState(a.who.Officer.State); err != nil { // what an erasure is about to take it keeps, or comes after it
			return err
		}
	}
	h.view, err = a.actOnCase(tx, h.Case, sovereignty.Circumstances{Signed: true, Preservation: h.Body.Request != "",
		Term: holdTerm(a.now, until, h.Body.Request != "")})
	if err != nil {
		return err
	}
	if _, err := comity.ParseID(string(h.Body.ID), comity.KindHold); err != nil {
		return err
	}
	if err := first(checkReason(h.Body.Reason), a.checkPreservation(tx, h.Body.Request)); err != nil {
		return err
	}
	a.on(string(h.Body.ID))
	h.row.Hold = comity.Hold{ID: h.Body.ID, Case: h.Case, State: h.view.State, Officer: a.who.Officer.Ref(), Request: h.Body.Request,
		NotAfter: until, CreatedAt: a.now}
	return nil
}

// holdTerm reports whether a hold ends, if it does, within its bounds. The slack
// is for the seconds between an officer's clock and the server's.
func holdTerm(now, until time.Time, preservation bool) bool {
	switch {
	case until.IsZero():
		return !preservation
	case preservation && until.After(now.Add(statement.PreservationAge+statement.Freshness)):
		return false
	}
	return until.After(now)
}

// preserves are the statuses in which a request to preserve is carried out, or
// was, and is renewed.
var preserves = []comity.RequestStatus{comity.RequestReceived, comity.RequestAcknowledged, comity.RequestForwarded, comity.RequestPostponed,
	comity.RequestExecuted}

// checkPreservation takes a request to preserve that was put to the own state.
func (a *attempt) checkPreservation(tx storage.ReadTx, id comity.ID) error {
	if id == "" {
		return nil
	}
	found, err := tx.Requests(a.viewer(), []comity.ID{id})
	if err != nil {
		return err
	}
	r, ok := found[id]
	if !ok || r.To != a.who.Officer.State || r.Kind != comity.RequestPreservation {
		return comity.Invalid("request", "this is not a request to preserve that was put to the own state")
	}
	if w, locked := tx.(storage.Tx); locked {
		if r, err = w.LockRequest(id); err != nil {
			return err
		}
	}
	if !slices.Contains(preserves, r.Status) {
		return comity.Conflict("a request that is " + string(r.Status) + " preserves nothing").CuredBy("have the asking state put a new request")
	}
	return nil
}

func (h *PlaceHold) prepare(ctx context.Context, a *attempt) error {
	if err := h.open(ctx, a); err != nil {
		return err
	}
	var err error
	if h.row.Sealed, err = seal(h.key, bindHold(h.row.Hold), comity.DomesticText{Reason: h.Body.Reason}); err != nil {
		return err
	}
	row := h.row
	h.Statement, err = a.signEnd(ctx, h.view.State, custodian.SignOrder{Asker: a.asker(h.Act), Kind: statement.KindHold,
		ID: h.Body.ID, Record: h.Case, Body: h.canonical}, intent{Hold: &row})
	return err
}

func (h *PlaceHold) commit(tx storage.Tx, a *attempt) error {
	a.made = []comity.ID{h.Body.ID}
	err := tx.InsertHold(h.row)
	if errors.Is(err, storage.ErrExists) {
		return comity.Conflict("no hold can be placed under this id").CuredBy("choose another id")
	}
	if err != nil {
		return err
	}
	if err := a.settled(tx, h.Body.ID); err != nil {
		return err
	}
	return tx.AddEffect(apply(h.Body.ID, h.view.State, h.Statement, a.now))
}

func (h *PlaceHold) finish(ctx context.Context, a *attempt) error {
	return a.enter(ctx, h.Body.ID, h.view.State, h.Statement)
}

// repeat has the hold signed once more.
func (h *PlaceHold) repeat(ctx context.Context, a *attempt, _ []comity.ID) error {
	return signAgain(ctx, a, h)
}

// ReleaseHold ends a hold before it ends by itself.
type ReleaseHold struct {
	Key  string                    `json:"-"`
	Hold comity.ID                 `json:"hold"`
	Body statement.HoldReleaseBody `json:"body"`
	Act  string                    `json:"-"`

	Statement string `json:"-"`

	hold      storage.Hold
	canonical json.RawMessage
}

func (r *ReleaseHold) about() (sovereignty.Action, string, any) {
	return sovereignty.HoldRelease, r.Key, r
}

// actOnDomestic decides an act on a hold or withdrawal, which is found with its
// case; ok says whether it was.
func (a *attempt) actOnDomestic(tx storage.ReadTx, id, of comity.ID, ok bool) error {
	a.records = nil
	var record sovereignty.Record
	if ok {
		view, found, visible, err := a.findCase(tx, of)
		if err != nil {
			return err
		}
		if record, ok = found, visible && view.Own; ok {
			a.origin = view.State
		}
	}
	a.on(string(id))
	return a.decide(sovereignty.Question{Record: record, Circumstances: sovereignty.Circumstances{Visible: ok, Signed: true}})
}

func (r *ReleaseHold) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(r.Act, statement.ActHoldRelease, r.Hold, r.Body)
	if err != nil {
		return err
	}
	find := func() (bool, error) {
		found, err := tx.Holds(a.viewer(), []comity.ID{r.Hold})
		r.hold = found[r.Hold]
		return r.hold.ID != "", err
	}
	ok, err := find()
	if err != nil {
		return err
	}
	r.canonical = canonical
	if err := a.actOnDomestic(tx, r.Hold, r.hold.Case, ok); err != nil {
		return err
	}
	if _, err := find(); err != nil { // as it is now that its case is locked
		return err
	}
	switch {
	case r.Body.Case != r.hold.Case:
		return comity.Invalid("case", "the hold is of another case; read it again")
	case !r.hold.Lies(a.now) && r.Statement == "":
		return comity.Conflict("the hold has ended already").CuredBy("there is nothing to do")
	}
	return checkReason(r.Body.Reason)
}

func (r *ReleaseHold) prepare(ctx context.Context, a *attempt) (err error) {
	r.Statement, err = a.signEnd(ctx, r.hold.State, custodian.SignOrder{Asker: a.asker(r.Act), Kind: statement.KindHoldRelease,
		ID: r.Hold, Record: r.hold.Case, Body: r.canonical}, intent{Case: r.hold.Case})
	return err
}

func (r *ReleaseHold) commit(tx storage.Tx, a *attempt) error {
	a.made = []comity.ID{r.Hold}
	if err := tx.ReleaseHold(r.Hold, a.who.Officer.Ref(), a.now); err != nil {
		if isAbsent(err) {
			return storage.ErrConflict
		}
		return err
	}
	if err := a.settled(tx, r.Hold); err != nil {
		return err
	}
	return tx.AddEffect(apply(r.Hold, r.hold.State, r.Statement, a.now))
}

func (r *ReleaseHold) finish(ctx context.Context, a *attempt) error {
	return a.enter(ctx, r.Hold, r.hold.State, r.Statement)
}

// repeat has the release signed once more.
func (r *ReleaseHold) repeat(ctx context.Context, a *attempt, _ []comity.ID) error {
	return signAgain(ctx, a, r)
}

func bindHold(h comity.Hold) []byte {
	return bind("hold", h.ID, h.Case, h.State, h.Officer, h.Request, h.NotAfter.UTC().UnixMicro())
}
