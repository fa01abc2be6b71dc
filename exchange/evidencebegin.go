package exchange

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/errgroup"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/object"
)

// maxExhibits bounds the exhibits begun or completed at once.
const maxExhibits = 100

// retention is how long the store keeps an exhibit at least (object lock).
// A case's own retention rules lengthen it; nothing shortens it.
const retention = 365 * 24 * time.Hour

// BeginExhibit is one exhibit to upload, with the officer's signed act over
// its body that names the key to seal to.
type BeginExhibit struct {
	Body statement.BeginBody `json:"body"`
	Note string              `json:"note"`
	// Classification is declared of its content, and no part of what is signed.
	Classification comity.Classification `json:"classification,omitempty"`
	Act            string                `json:"-"`
	Recipient      jose.JSONWebKey       `json:"-"`
}

// BegunExhibit is what the officer's client needs to seal and upload.
type BegunExhibit struct {
	ID        comity.ID
	Header    []byte
	SealedKey string // "" on a repeat: open the exhibit for it anew
	Parts     int
	PartSize  int64 // plaintext bytes of every part but the last
}

// BeginEvidence opens the upload of exhibits to the own state's store.
type BeginEvidence struct {
	Key   string         `json:"-"`
	Case  comity.ID      `json:"case"`
	Items []BeginExhibit `json:"items"`

	Begun []BegunExhibit `json:"-"`

	changeCase
	rows []storage.Evidence
}

func (b *BeginEvidence) about() (sovereignty.Action, string, any) {
	return sovereignty.EvidenceBegin, b.Key, b
}

func (b *BeginEvidence) judge(tx storage.ReadTx, a *attempt) (err error) {
	if len(b.Items) == 0 || len(b.Items) > maxExhibits {
		return comity.Invalid("items", fmt.Sprintf("between 1 and %d exhibits are begun at once", maxExhibits))
	}
	var declared []comity.Classification
	for i, item := range b.Items {
		declared = append(declared, item.Classification)
		if err := at(i, item.check()); err != nil {
			return err
		}
		if _, _, err := a.verify(item.Act, statement.ActEvidenceBegin, b.Case, item.Body); err != nil {
			return at(i, err)
		}
	}
	b.view, err = a.actOnCase(tx, b.Case, sovereignty.Circumstances{Signed: true, Resident: a.resident(), Classification: comity.Highest(declared...)})
	return err
}

// resident reports whether the store and the custodian that the exchange would
// use are the state's own (Article 13).
func (a *attempt) resident() bool {
	keys, err := a.x.custodian(a.who.Officer.State)
	if err != nil || keys.State() != a.who.Officer.State {
		return false
	}
	_, err = a.x.store(a.who.Officer.State)
	return err == nil
}

func (b *BeginEvidence) prepare(ctx context.Context, a *attempt) (err error) {
	if err := b.open(ctx, a); err != nil {
		return err
	}
	keys, err := a.x.custodian(b.view.State)
	if err != nil {
		return err
	}
	store, err := a.x.store(b.view.State)
	if err != nil {
		return err
	}
	b.rows, b.Begun = make([]storage.Evidence, len(b.Items)), make([]BegunExhibit, len(b.Items))
	err = each(ctx, len(b.Items), func(ctx context.Context, i int) (err error) {
		b.rows[i], b.Begun[i], err = b.beginOne(ctx, a, keys, store, b.Items[i])
		return err
	})
	if err != nil {
		b.abandon(ctx, a)
	}
	return err
}

// exhibitsAtOnce is how many exhibits of one act the custodian and the store
// are asked about at once: each takes them several calls, one after the other.
const exhibitsAtOnce = 8

// each does something for every item of an act, some at once, and says of
// which one the error is.
func each(ctx context.Context, n int, do func(context.Context, int) error) error {
	if n == 1 {
		return at(0, do(ctx, 0))
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(exhibitsAtOnce)
	for i := range n {
		group.Go(func() error { return at(i, do(ctx, i)) })
	}
	return group.Wait()
}

func (b *BeginEvidence) beginOne(ctx context.Context, a *attempt, keys custodian.Custodian, store object.Store, item BeginExhibit) (storage.Evidence, BegunExhibit, error) {
	id := comity.NewID(comity.KindEvidence)
	begun, err := keys.Begin(ctx, custodian.BeginOrder{Asker: a.asker(item.Act), Case: b.Case, Evidence: id, Body: item.Body, Recipient: item.Recipient})
	if err != nil {
		return storage.Evidence{}, BegunExhibit{}, err
	}
	header, err := envelope.ParseHeader(begun.Header)
	if err != nil {
		return storage.Evidence{}, BegunExhibit{}, err
	}
	key := objectKey(b.Case, id)
	upload, err := store.Begin(ctx, key, a.now.Add(retention))
	if err != nil {
		return storage.Evidence{}, BegunExhibit{}, storeError(b.view.State, err)
	}
	e := comity.Evidence{ID: id, Case: b.Case, State: b.view.State, Status: comity.EvidenceUploading,
		MediaType: item.Body.MediaType, Original: item.Body.Original, Size: item.Body.Size, Header: begun.Header,
		WrappedKey: begun.WrappedKey, ObjectKey: key, UploadID: upload, BegunBy: a.who.Officer.Ref(), CreatedAt: a.now}
	sealed, err := seal(b.key, bindEvidence(e), comity.EvidenceText{Name: item.Body.Name, Note: item.Note,
		ClaimMD5: item.Body.ClaimMD5, ClaimSHA1: item.Body.ClaimSHA1, Classification: item.Classification})
	return storage.Evidence{Evidence: e, Sealed: sealed}, BegunExhibit{ID: id, Header: begun.Header,
		SealedKey: begun.SealedKey, Parts: header.Parts(), PartSize: header.PartSize}, err
}

// abandon gives up uploads that no record will name.
func (b *BeginEvidence) abandon(ctx context.Context, a *attempt) {
	store, err := a.x.store(b.view.State)
	if err != nil {
		return
	}
	for _, r := range b.rows {
		if r.UploadID == "" {
			continue // of several at once, it had not come so far
		}
		if err := store.Abort(context.WithoutCancel(ctx), r.ObjectKey, r.UploadID); err != nil {
			a.x.log.Warn("an abandoned upload stays in the store until it expires there", "state", r.State, "error", err)
		}
	}
}

func (b *BeginEvidence) commit(tx storage.Tx, a *attempt) error {
	for i, r := range b.rows {
		r.CreatedAt = a.now
		if err := tx.InsertEvidence(r); err != nil {
			return err
		}
		event, err := custodyEvent(tx, a, r.Evidence, comity.CustodyBegun)
		if err != nil {
			return err
		}
		event.Act = b.Items[i].Act
		event = chained(event)
		if err := tx.AppendCustody(event); err != nil {
			return err
		}
		a.on(string(r.ID))
		a.link(event)
		a.made = append(a.made, r.ID)
	}
	return nil
}

func (b *BeginEvidence) finish(context.Context, *attempt) error { return nil }

// repeat answers with the exhibits already begun. Their keys are not kept
// anywhere in the clear: the officer opens the exhibit to have one sealed anew.
func (b *BeginEvidence) repeat(ctx context.Context, a *attempt, ids []comity.ID) error {
	b.Begun = nil
	return a.x.db.Read(ctx, func(tx storage.ReadTx) error {
		found, err := tx.EvidenceByID(ids)
		for _, id := range ids {
			h, err := envelope.ParseHeader(found[id].Header)
			if err != nil {
				return err
			}
			b.Begun = append(b.Begun, BegunExhibit{ID: id, Header: found[id].Header, Parts: h.Parts(), PartSize: h.PartSize})
		}
		return err
	})
}

// objectKey is where an exhibit lies in its state's store. Ids tell nothing.
func objectKey(c, e comity.ID) string { return string(c) + "/" + string(e) }

// storeError says in the officer's words what a store said.
func storeError(s comity.State, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, object.ErrMismatch):
		return comity.Conflict("the store holds other bytes than were declared; check the file and upload the parts that differ again").Because(err)
	case errors.Is(err, object.ErrNotFound):
		return comity.Conflict("the store knows nothing of this upload; begin anew").Because(err)
	case errors.Is(err, object.ErrExists):
		return comity.Conflict("the store already holds another object in its place").Because(err)
	}
	return comity.Unavailable("the object store of "+string(s), err)
}
