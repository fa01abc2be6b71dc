package exchange

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/storage"
)

// errTampered is met when a record's clear fields, words and place do not
// belong together: somebody wrote to the database past the gate.
var errTampered = errors.New("exchange: a sealed record does not open with its clear fields")

// seal encrypts a record's words with AES-256-GCM under its record key. The
// additional data binds what stays clear beside them.
func seal(key custodian.RecordKey, aad []byte, text any) ([]byte, error) {
	plain, err := json.Marshal(text)
	if err != nil {
		return nil, fmt.Errorf("exchange: encode a record's text: %w", err)
	}
	gcm, err := aead(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize(), gcm.NonceSize()+len(plain)+gcm.Overhead())
	_, _ = rand.Read(nonce) // never fails since Go 1.24
	return gcm.Seal(nonce, nonce, plain, aad), nil
}

// unseal opens what seal made, into text.
func unseal(key custodian.RecordKey, aad, sealed []byte, text any) error {
	gcm, err := aead(key)
	if err != nil {
		return err
	}
	if len(sealed) < gcm.NonceSize() {
		return errTampered
	}
	plain, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], aad)
	if err != nil {
		return errTampered
	}
	if err := json.Unmarshal(plain, text); err != nil {
		return fmt.Errorf("exchange: decode a record's text: %w", err)
	}
	return nil
}

func aead(key custodian.RecordKey) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("exchange: record key: %w", err)
	}
	return cipher.NewGCM(block)
}

// bind encodes the clear fields that a record's words are bound to. JSON of a
// list keeps the fields apart.
func bind(kind string, fields ...any) []byte {
	raw, err := json.Marshal(append([]any{"comity/record-text/v1", kind}, fields...))
	if err != nil { // strings, numbers and plain structs only
		panic(err)
	}
	return raw
}

func bindCase(c comity.Case) []byte {
	fields := []any{c.ID, c.State, c.Agency, c.Owner, c.Category, c.Status, c.Marking, c.Nexus, c.Reserved, c.Version}
	if c.Assessed != (comity.Assessed{}) { // what was sealed before there were assessments opens on
		fields = append(fields, c.Assessed)
	}
	return bind("case", fields...)
}

func bindEntry(e comity.Entry) []byte {
	return bind("entry", e.ID, e.Case, e.State, e.Author, e.Marking, e.CreatedAt.UTC().UnixMicro())
}

func bindSubject(s comity.Subject) []byte {
	return bind("subject", s.ID, s.Case, s.State, s.Kind, s.Role, s.Minor, s.Marking, s.CreatedAt.UTC().UnixMicro())
}

func bindObservable(o comity.Observable) []byte {
	return bind("observable", o.ID, o.Case, o.State, o.Marking, o.CreatedAt.UTC().UnixMicro())
}

func bindEvidence(e comity.Evidence) []byte {
	return bind("evidence", e.ID, e.Case, e.State, e.MediaType, e.Original, e.Size)
}

func bindRequest(r comity.Request) []byte {
	fields := []any{r.ID, r.State, r.Agency, r.Officer, r.To, r.Kind, r.Urgency, r.Category, r.Purpose, r.Marking}
	if r.OnwardTo != "" || r.Grant != "" { // what was sealed before there was onward sharing opens on
		fields = append(fields, r.OnwardTo, r.Grant)
	}
	return bind("request", fields...)
}

func bindMessage(m comity.Message) []byte {
	return bind("message", m.ID, m.Request, m.State, m.Author, m.Function, m.CreatedAt.UTC().UnixMicro())
}

func bindReference(r storage.Request) []byte { return bind("request-reference", r.ID, r.To) }

// A proposal's words are bound to all that was said when it was made, not to
// what became of it.
func bindProposal(p comity.Proposal) []byte {
	return bind("proposal", p.ID, p.State, p.Act, p.Kind, p.Role, p.Record, p.Target, p.Officer, p.CreatedAt.UTC().UnixMicro(), p.LapsesAt.UTC().UnixMicro())
}

func bindAssessment(a comity.Assessment) []byte {
	return bind("assessment", a.ID, a.Case, a.State, a.Officer, a.Category, a.Character, a.CreatedAt.UTC().UnixMicro())
}

func bindDecline(id comity.ID, by comity.OfficerRef) []byte { return bind("proposal-decline", id, by) }
