package custodian

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
)

// evidenceEntry is the register's word on an exhibit: under which label and
// header it was begun, once, and what it then was found to be, once. No server
// can have two exhibits under one id, or one with two contents.
type evidenceEntry struct {
	Case     comity.ID `json:"case"`
	Begin    string    `json:"begin"`  // hex, of the body of the act that began it
	Header   string    `json:"header"` // hex, of the header
	Original bool      `json:"original,omitempty"`
	Received *received `json:"received,omitempty"`
}

// received is what the receipt declares; mark is that of the first one signed.
type received struct {
	mark
	Root        string `json:"root"`
	Nonces      string `json:"nonces"`
	PlainSHA256 string `json:"plainSha256"`
}

func evidenceKey(id comity.ID) string { return "evidence/" + string(id) }

// binding is what a key of the exhibit is bound to.
func (e evidenceEntry) binding() statement.Binding {
	b := statement.Binding{BeginHash: e.Begin}
	if e.Received != nil {
		b.Root, b.Nonces, b.PlainSHA256 = e.Received.Root, e.Received.Nonces, e.Received.PlainSHA256
	}
	return b
}

// enterExhibit enters an exhibit that is begun. An id that was ever used is
// refused, also one whose upload nobody went on with.
func (l *Local) enterExhibit(ctx context.Context, id comity.ID, entry evidenceEntry) error {
	raw, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("custodian: register entry %s: %w", evidenceKey(id), err)
	}
	err = l.keys.RegisterPut(ctx, evidenceKey(id), raw, 0)
	if !errors.Is(err, ErrCAS) {
		return l.fault(err)
	}
	// The header's salt is random: an equal one is this very call's, written
	// by a request whose answer was lost.
	there, _, err := read[evidenceEntry](ctx, l, evidenceKey(id))
	if err == nil && there.Header != entry.Header {
		err = comity.Conflict("an exhibit was begun under this id already; begin under a new one")
	}
	return err
}

// exhibit reads what the register says of the exhibit that a header names, and
// that the header is the one that it was begun with.
func (l *Local) exhibit(ctx context.Context, h envelope.Header) (evidenceEntry, error) {
	e, version, err := read[evidenceEntry](ctx, l, evidenceKey(comity.ID(h.Evidence)))
	hash := h.Hash()
	switch {
	case err != nil:
		return e, err
	case version == 0:
		return e, comity.NotFound()
	case e.Header != hex.EncodeToString(hash[:]) || e.Case != comity.ID(h.Case):
		return e, comity.Invalid("header", "this is not the header that the exhibit was begun with")
	}
	return e, nil
}

// judgeReceipt checks that a receipt is one of the exhibit that was begun.
func (l *Local) judgeReceipt(ctx context.Context, o SignOrder, s statement.Statement) error {
	h, err := envelope.ParseHeader(o.Header)
	if err != nil {
		return comity.Invalid("header", "this is not the header of an exhibit").Because(err)
	}
	b, err := s.Receipt(h)
	if err != nil {
		return comity.Invalid("body", "this is not the receipt of the exhibit").Because(err)
	}
	e, err := l.exhibit(ctx, h)
	if err != nil {
		return err
	}
	if e.Begin != b.BeginHash {
		return comity.Invalid("beginHash", "the exhibit was begun under another name, media type or claim")
	}
	return e.same(b)
}

// same refuses another content than the one that was received.
func (e evidenceEntry) same(b statement.CompleteBody) error {
	if r := e.Received; r != nil && (r.Root != b.Root || r.Nonces != b.Nonces || r.PlainSHA256 != b.PlainSHA256) {
		return comity.Conflict("the exhibit was completed with other bytes; begin another for these")
	}
	return nil
}

// receive settles what an exhibit is.
func (l *Local) receive(ctx context.Context, s statement.Statement, compact string) error {
	var b statement.CompleteBody
	if err := decode(&s, &b); err != nil {
		return err
	}
	return change(ctx, l, evidenceKey(s.ID), func(e *evidenceEntry) (bool, error) {
		if e.Received != nil {
			return false, e.same(b)
		}
		e.Received = &received{mark{statement.ActHash(compact), l.now().Unix()}, b.Root, b.Nonces, b.PlainSHA256}
		return true, nil
	})
}
