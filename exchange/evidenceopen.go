package exchange

import (
	"context"
	"encoding/hex"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/object"
)

// OpenEvidence has the originator's custodian seal an exhibit's key to the key
// that the officer's signed act names, and signs a URL to its bytes. The
// disclosure is in the log before the custodian is asked, which wants to see it there.
type OpenEvidence struct {
	Key       string          `json:"-"`
	Evidence  comity.ID       `json:"evidence"`
	Purpose   comity.Purpose  `json:"purpose"`
	Grant     comity.ID       `json:"grant"` // under which a foreign officer opens it
	Act       string          `json:"-"`
	Recipient jose.JSONWebKey `json:"-"`

	SealedKey string          `json:"-"`
	Header    []byte          `json:"-"`
	Get       *object.Signed  `json:"-"` // nil while the exhibit is uploading
	Opened    comity.Evidence `json:"-"`

	evidence storage.Evidence
	view     storage.CaseView
}

func (o *OpenEvidence) about() (sovereignty.Action, string, any) {
	return sovereignty.EvidenceOpen, o.Key, o
}

func (o *OpenEvidence) judge(tx storage.ReadTx, a *attempt) error {
	a.purpose = o.Purpose
	act, _, err := a.verify(o.Act, statement.ActEvidenceOpen, o.Evidence, statement.OpenBody{})
	if err != nil {
		return err
	}
	found, err := a.exhibits(tx, []comity.ID{o.Evidence})
	if err != nil {
		return err
	}
	e, exists := found[o.Evidence]
	// To a former grantee the exhibit itself is dark; the grant that named it is not.
	named, err := tx.GrantNaming(a.viewer(), o.Evidence)
	switch {
	case err == nil && !exists:
		e.ID, e.Case, e.State, exists = o.Evidence, named.Case, named.State, true
	case err != nil && !isAbsent(err):
		return err
	}
	view, record, visible, err := a.findCase(tx, e.Case)
	if err != nil {
		return err
	}
	if w, ok := tx.(storage.Tx); ok && visible { // as it is under the case's lock, not as it was before
		if e, err = w.LockEvidence(o.Evidence); err != nil {
			return err
		}
	}
	o.evidence, o.view = e, view
	record.Kind, record.Original = comity.KindEvidence, e.Original
	q := sovereignty.Question{Record: record, Circumstances: sovereignty.Circumstances{
		Visible: visible && exists && (view.Own || e.Status == comity.EvidenceSealed), Signed: true, Purpose: o.Purpose,
		Assessed: view.Assessed.Shareable(view.Category), Adverse: view.Assessed.Adverse()}}
	if !visible && exists && view.Ended != nil && slices.Contains(view.Ended.Exhibits, o.Evidence) {
		// A former grantee may know that the grant ended, of what it opened.
		q.Record.State, q.Circumstances.Visible = e.State, true
		q.Circumstances.Grant = sovereignty.GrantFacts{Present: true, Ended: true, NamesExhibit: true, Purpose: view.Ended.Purpose}
	} else if visible && !view.Own {
		g := grantNamed(view.Grants, o.Grant)
		if o.Grant == "" {
			// It opens nothing, and is explained by the officer's own grant: one that
			// would do comes first. An exhibit that none names does not show itself.
			g = grantNaming(view.Grants, o.Evidence, o.Purpose)
			q.Circumstances.Visible = q.Circumstances.Visible && g != nil
		}
		q.Circumstances.Grant = grantFacts(g, o.Evidence)
		if g != nil {
			terms, err := a.x.terms(*g, view.State)
			if err != nil {
				return err
			}
			q.Circumstances.Agreement = a.x.inForce(*g, terms, view.Category, a.now)
		}
	}
	a.records = []audit.Record{{ID: string(o.Evidence), Grant: o.Grant}}
	if q.Circumstances.Visible {
		a.origin = e.State
	}
	if err := a.decide(q); err != nil {
		return err
	}
	h, err := envelope.ParseHeader(e.Header)
	if err != nil {
		return err
	}
	hash := h.Hash()
	switch {
	case o.Grant == "" && !view.Own:
		return comity.Invalid("grant", "an exhibit of another state is opened under a grant; name the one that names the exhibit")
	case act.Purpose != o.Purpose || act.Grant != o.Grant:
		return comity.Invalid("act", "the signed act names another purpose or grant than this input")
	case act.HeaderHash != hex.EncodeToString(hash[:]):
		return comity.Invalid("act", "the signed act names another header than the exhibit's; read it again")
	}
	return nil
}

func (o *OpenEvidence) prepare(context.Context, *attempt) error { return nil }

func (o *OpenEvidence) commit(tx storage.Tx, a *attempt) error {
	event, err := custodyEvent(tx, a, o.evidence.Evidence, comity.CustodyDisclosed)
	if err != nil {
		return err
	}
	event.Purpose, event.Grant, event.Hash, event.Act = o.Purpose, o.Grant, o.evidence.PlainSHA256, o.Act
	event = chained(event)
	a.link(event)
	a.outcome = audit.Released
	a.made = []comity.ID{o.Evidence}
	if !o.view.Own {
		by := a.who.Officer
		err := tx.Disclose([]comity.DisclosureRecord{{State: by.State, Agency: by.Agency, Officer: by.Ref(), Origin: o.evidence.State, Case: o.evidence.Case,
			Record: o.Evidence, Grant: o.Grant, At: a.now}})
		if err != nil {
			return err
		}
	}
	return tx.AppendCustody(event)
}

func (o *OpenEvidence) finish(ctx context.Context, a *attempt) error {
	err := o.release(ctx, a)
	if err == nil {
		return nil
	}
	o.SealedKey, o.Get = "", nil
	if logged := o.failed(ctx, a, err); logged != nil {
		return logged
	}
	return err
}

// failed takes back, in the log and in the chain of custody, that a key was
// released, whatever the reason that it was not.
func (o *OpenEvidence) failed(ctx context.Context, a *attempt, cause error) error {
	a.outcome = audit.Failed
	return a.x.db.Write(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		a.now = tx.Now().UTC()
		a.records = []audit.Record{{ID: string(o.Evidence), Grant: o.Grant}}
		// As every act on the exhibit does, lest two links follow one.
		if _, err := tx.LockCase(o.evidence.Case); err != nil {
			return err
		}
		event, err := custodyEvent(tx, a, o.evidence.Evidence, comity.CustodyNotReleased)
		if err != nil {
			return err
		}
		event.Purpose, event.Grant = o.Purpose, o.Grant
		event = chained(event)
		a.link(event)
		if err := tx.AppendCustody(event); err != nil {
			return err
		}
		return appendLeaves(tx, a.now, a.contents(cause))
	})
}

func (o *OpenEvidence) release(ctx context.Context, a *attempt) error {
	keys, err := a.x.custodian(o.evidence.State)
	if err != nil {
		return err
	}
	store, err := a.x.store(o.evidence.State)
	if err != nil {
		return err
	}
	e := o.evidence
	proof, err := a.x.prove(ctx, a.leaves[e.State], e.State)
	if err != nil {
		return err
	}
	o.SealedKey, err = keys.Release(ctx, custodian.ReleaseOrder{Asker: a.asker(o.Act), Case: e.Case, Evidence: e.ID, Header: e.Header,
		WrappedKey: e.WrappedKey, ObjectVersion: e.ObjectVersion, Recipient: o.Recipient, Proof: proof})
	if err != nil {
		return err
	}
	o.Header, o.Opened = e.Header, shownEvidence(e.Evidence, o.view.Own)
	if e.Status == comity.EvidenceSealed {
		get, err := store.SignGet(ctx, e.ObjectKey, e.ObjectVersion, urlAge)
		if err != nil {
			return storeError(e.State, err)
		}
		o.Get = &get
	}
	return nil
}

// repeat opens anew, as a first time: keys are never kept, and each release
// stands in the log.
func (o *OpenEvidence) repeat(context.Context, *attempt, []comity.ID) error {
	return errAnew
}

// grantNamed picks the grant that the officer names.
func grantNamed(grants []comity.Grant, id comity.ID) *comity.Grant {
	for i, g := range grants {
		if g.ID == id {
			return &grants[i]
		}
	}
	return nil
}

// grantNaming picks a grant that names the exhibit, for the purpose if there is one.
func grantNaming(grants []comity.Grant, exhibit comity.ID, p comity.Purpose) (found *comity.Grant) {
	for i, g := range grants {
		if slices.Contains(g.Exhibits, exhibit) && (found == nil || found.Purpose != p && g.Purpose == p) {
			found = &grants[i]
		}
	}
	return found
}

// grantFacts is what the policies see of a live grant that covers the officer.
func grantFacts(g *comity.Grant, exhibit comity.ID) sovereignty.GrantFacts {
	if g == nil {
		return sovereignty.GrantFacts{}
	}
	f := sovereignty.GrantFacts{Present: true, Live: true, Scope: g.Scope, Purpose: g.Purpose,
		SecondLiaison: g.Second != "" || g.Emergency}
	for _, e := range g.Exhibits {
		f.NamesExhibit = f.NamesExhibit || e == exhibit
	}
	return f
}
