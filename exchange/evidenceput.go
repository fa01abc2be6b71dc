package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/object"
)

// urlAge is how long a signed URL holds.
const urlAge = 15 * time.Minute

// maxParts bounds the URLs signed at once.
const maxParts = 100

// SignParts signs the PUT of parts of an exhibit that is being uploaded, and
// tells which parts the store already has.
type SignParts struct {
	Key      string        `json:"-"`
	Evidence comity.ID     `json:"evidence"`
	Parts    []object.Part `json:"parts"` // none: only ask what the store has

	Signed []object.Signed `json:"-"` // in the order of Parts
	Have   []object.Part   `json:"-"`

	evidence storage.Evidence
}

func (s *SignParts) about() (sovereignty.Action, string, any) {
	return sovereignty.EvidenceParts, s.Key, s
}

// findExhibit finds an exhibit with its case and decides an act of the own
// state on it.
func (a *attempt) findExhibit(tx storage.ReadTx, id comity.ID) (storage.Evidence, storage.CaseView, error) {
	var e storage.Evidence
	a.records = nil
	found, err := a.exhibits(tx, []comity.ID{id})
	if err != nil {
		return e, storage.CaseView{}, err
	}
	e, exists := found[id]
	view, record, visible, err := a.findCase(tx, e.Case)
	if err != nil {
		return e, view, err
	}
	if w, ok := tx.(storage.Tx); ok && visible { // the case first, then the exhibit: one order for all
		if e, err = w.LockEvidence(id); err != nil {
			return e, view, err
		}
	}
	a.on(string(id))
	record.Kind, record.Original = comity.KindEvidence, e.Original
	// Abroad an exhibit is visible only where a grant names it.
	visible = visible && exists && (view.Own || slices.ContainsFunc(view.Grants, func(g comity.Grant) bool { return slices.Contains(g.Exhibits, id) }))
	if visible {
		a.origin = view.State
	}
	return e, view, a.decide(sovereignty.Question{Record: record, Circumstances: sovereignty.Circumstances{Visible: visible, Signed: true}})
}

func (s *SignParts) judge(tx storage.ReadTx, a *attempt) (err error) {
	if s.evidence, _, err = a.findExhibit(tx, s.Evidence); err != nil {
		return err
	}
	if s.evidence.Status != comity.EvidenceUploading {
		return comity.Conflict("the exhibit is complete; nothing more can be uploaded to it")
	}
	if len(s.Parts) > maxParts {
		return comity.Invalid("parts", fmt.Sprintf("at most %d URLs are signed at once", maxParts))
	}
	h, err := envelope.ParseHeader(s.evidence.Header)
	if err != nil {
		return err
	}
	for i, p := range s.Parts {
		if p.Number < 1 || p.Number > h.Parts() || p.Size != h.CipherSize(p.Number-1) {
			return at(i, comity.Invalid("number", "this is not a part of the exhibit's plan, or not of its size"))
		}
	}
	return nil
}

func (s *SignParts) prepare(ctx context.Context, a *attempt) error {
	store, err := a.x.store(s.evidence.State)
	if err != nil {
		return err
	}
	if s.Have, err = store.Parts(ctx, s.evidence.ObjectKey, s.evidence.UploadID); err != nil {
		// Completed in the store, but not yet here: completion adopts it.
		if !errors.Is(err, object.ErrNotFound) || len(s.Parts) > 0 {
			return storeError(s.evidence.State, err)
		}
	}
	s.Signed = nil
	for _, p := range s.Parts {
		url, err := store.SignPart(ctx, s.evidence.ObjectKey, s.evidence.UploadID, p, urlAge)
		if err != nil {
			return storeError(s.evidence.State, err)
		}
		s.Signed = append(s.Signed, url)
	}
	return nil
}

func (s *SignParts) commit(_ storage.Tx, a *attempt) error {
	a.made = []comity.ID{s.Evidence}
	return nil
}

func (s *SignParts) finish(context.Context, *attempt) error { return nil }

// repeat signs anew: URLs are never kept.
func (s *SignParts) repeat(context.Context, *attempt, []comity.ID) error { return errAnew }

// CompleteExhibit declares what was uploaded of one exhibit.
type CompleteExhibit struct {
	Evidence    comity.ID             `json:"evidence"`
	Parts       []comity.EvidencePart `json:"parts"`
	PlainSHA256 [32]byte              `json:"plainSha256"`
	BeginHash   string                `json:"beginHash"` // hex, of the body that the exhibit was begun with
	Act         string                `json:"-"`
}

// CompleteEvidence completes exhibits: the store's own account is compared
// with what was declared, and the state signs a receipt.
type CompleteEvidence struct {
	Key   string            `json:"-"`
	Items []CompleteExhibit `json:"items"`

	Receipts []string `json:"-"` // JWS of statement.Statement, in the order of Items

	rows   []storage.Evidence
	bodies [][]byte
}

func (c *CompleteEvidence) about() (sovereignty.Action, string, any) {
	return sovereignty.EvidenceComplete, c.Key, c
}

func (c *CompleteEvidence) judge(tx storage.ReadTx, a *attempt) error {
	if len(c.Items) == 0 || len(c.Items) > maxExhibits {
		return comity.Invalid("items", fmt.Sprintf("between 1 and %d exhibits are completed at once", maxExhibits))
	}
	c.bodies = nil
	if err := c.lock(tx, a); err != nil {
		return err
	}
	rows := make([]storage.Evidence, len(c.Items))
	for i, item := range c.Items { // all are found and decided before anything is said of one
		e, _, err := a.findExhibit(tx, item.Evidence)
		if err != nil {
			return at(i, err)
		}
		rows[i] = e
	}
	for i, item := range c.Items {
		e := rows[i]
		if e.Status != comity.EvidenceUploading {
			return at(i, comity.Conflict("the exhibit is complete already"))
		}
		body, err := item.body(e)
		if err != nil {
			return at(i, err)
		}
		_, canonical, err := a.verify(item.Act, statement.ActEvidenceComplete, e.ID, body)
		if err != nil {
			return at(i, err)
		}
		c.bodies = append(c.bodies, canonical)
		if i < len(c.rows) { // within the transaction: what the store said stays
			rows[i].ObjectVersion, rows[i].Root, rows[i].PlainSHA256, rows[i].Parts = c.rows[i].ObjectVersion, c.rows[i].Root, c.rows[i].PlainSHA256, c.rows[i].Parts
		}
	}
	c.rows = rows
	a.records = nil
	for _, item := range c.Items {
		a.on(string(item.Evidence))
	}
	return nil
}

// lock takes the cases of the exhibits in the order of their ids, within a
// transaction: two completions that name them in other orders do not wait for
// each other.
func (c *CompleteEvidence) lock(tx storage.ReadTx, a *attempt) error {
	w, ok := tx.(storage.Tx)
	if !ok {
		return nil
	}
	ids := make([]comity.ID, len(c.Items))
	for i, item := range c.Items {
		ids[i] = item.Evidence
	}
	found, err := a.exhibits(tx, ids)
	if err != nil {
		return err
	}
	var cases []comity.ID
	for _, e := range found { // an exhibit stays with its case for ever
		cases = append(cases, e.Case)
	}
	slices.Sort(cases)
	for _, id := range slices.Compact(cases) {
		if _, err := w.LockCase(id); err != nil {
			return err
		}
	}
	return nil
}

// body checks the parts against the exhibit's plan and says what is declared.
func (c CompleteExhibit) body(e storage.Evidence) (statement.CompleteBody, error) {
	h, err := envelope.ParseHeader(e.Header)
	if err != nil {
		return statement.CompleteBody{}, err
	}
	if len(c.Parts) != h.Parts() {
		return statement.CompleteBody{}, comity.Invalid("parts", fmt.Sprintf("the exhibit has %d parts", h.Parts()))
	}
	for i, p := range c.Parts {
		if p.Number != i+1 || p.Size != h.CipherSize(i) {
			return statement.CompleteBody{}, comity.Invalid("parts", "the parts are listed from 1, each of its planned size")
		}
	}
	return statement.Completed(h, c.BeginHash, c.sealed(), c.PlainSHA256), nil
}

// sealed is the parts as the container counts them.
func (c CompleteExhibit) sealed() []envelope.SealedPart {
	all := make([]envelope.SealedPart, len(c.Parts))
	for i, p := range c.Parts {
		all[i] = envelope.SealedPart{Number: i, CipherSize: p.Size, CipherSHA256: p.SHA256, Nonce: p.Nonce}
	}
	return all
}

func (c *CompleteEvidence) prepare(ctx context.Context, a *attempt) error {
	c.Receipts = make([]string, len(c.Items))
	return each(ctx, len(c.Items), func(ctx context.Context, i int) error { return c.completeOne(ctx, a, i, c.Items[i]) })
}

func (c *CompleteEvidence) completeOne(ctx context.Context, a *attempt, i int, item CompleteExhibit) error {
	e := &c.rows[i]
	store, err := a.x.store(e.State)
	if err != nil {
		return err
	}
	keys, err := a.x.custodian(e.State)
	if err != nil {
		return err
	}
	parts := make([]object.Part, len(item.Parts))
	for j, p := range item.Parts {
		parts[j] = object.Part{Number: p.Number, Size: p.Size, SHA256: p.SHA256}
	}
	stat, err := store.Complete(ctx, e.ObjectKey, e.UploadID, parts)
	if err != nil {
		return storeError(e.State, err)
	}
	if stat.Root != envelope.Root(item.sealed()) {
		return comity.Conflict("the store reports another root than was declared")
	}
	e.ObjectVersion, e.Root, e.PlainSHA256, e.Parts = stat.Version, stat.Root, item.PlainSHA256, item.Parts
	c.Receipts[i], err = keys.Sign(ctx, custodian.SignOrder{Asker: a.asker(item.Act), Kind: statement.KindReceipt,
		ID: e.ID, Record: e.Case, Body: c.bodies[i], Header: e.Header})
	return err
}

func (c *CompleteEvidence) commit(tx storage.Tx, a *attempt) error {
	for i, e := range c.rows {
		e.Status, e.CompletedAt, e.Receipt = comity.EvidenceSealed, a.now, c.Receipts[i]
		if err := tx.CompleteEvidence(e); err != nil {
			return err
		}
		event, err := custodyEvent(tx, a, e.Evidence, comity.CustodySealed)
		if err != nil {
			return err
		}
		event.Hash, event.Act = e.PlainSHA256, c.Items[i].Act
		event = chained(event)
		if err := tx.AppendCustody(event); err != nil {
			return err
		}
		a.link(event)
		a.made = append(a.made, e.ID)
		a.tellGrantees(comity.EventEvidenceCompleted, e.ID, e.Case, false)
	}
	return nil
}

func (c *CompleteEvidence) finish(context.Context, *attempt) error { return nil }

func (c *CompleteEvidence) repeat(ctx context.Context, a *attempt, ids []comity.ID) error {
	c.Receipts = nil
	return a.x.db.Read(ctx, func(tx storage.ReadTx) error {
		found, err := tx.EvidenceByID(ids)
		for _, id := range ids {
			c.Receipts = append(c.Receipts, found[id].Receipt)
		}
		return err
	})
}
