package exchange

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/storage"
)

// errTampered is met when a record's clear fields, words and place do not
// belong together: somebody wrote to the database past the gate.
var errTampered = errors.New("exchange: a sealed record does not open with its clear fields")

// wordKey seals and opens words under one record key. Its cipher is made once for
// as long as the key is held. The zero value opens and seals nothing.
type wordKey struct{ cipher.AEAD }

func wordKeyOf(key custodian.RecordKey) (wordKey, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return wordKey{}, fmt.Errorf("exchange: record key: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	return wordKey{gcm}, err
}

// newWordKey has a custodian make the key of a new record.
func newWordKey(ctx context.Context, c custodian.Custodian, record comity.ID) (wrapped string, _ wordKey, err error) {
	wrapped, key, err := c.NewRecordKey(ctx, record)
	if err != nil {
		return "", wordKey{}, err
	}
	made, err := wordKeyOf(key)
	return wrapped, made, err
}

// Format implements [fmt.Formatter] and shows nothing of the key.
func (wordKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[record key]")) }

// seal encrypts a record's words with AES-256-GCM under its record key. The
// additional data binds what stays clear beside them.
func seal(key wordKey, aad []byte, text any) ([]byte, error) {
	if key.AEAD == nil {
		return nil, errors.New("exchange: words are sealed without a key")
	}
	plain, err := json.Marshal(text)
	if err != nil {
		return nil, fmt.Errorf("exchange: encode a record's text: %w", err)
	}
	nonce := make([]byte, key.NonceSize(), key.NonceSize()+len(plain)+key.Overhead())
	_, _ = rand.Read(nonce) // never fails since Go 1.24
	return key.Seal(nonce, nonce, plain, aad), nil
}

// unseal opens what seal made, into text.
func unseal(key wordKey, aad, sealed []byte, text any) error {
	if key.AEAD == nil || len(sealed) < key.NonceSize() {
		return errTampered
	}
	plain, err := key.Open(nil, sealed[:key.NonceSize()], sealed[key.NonceSize():], aad)
	if err != nil {
		return errTampered
	}
	if readText(plain, text) {
		return nil
	}
	if err := json.Unmarshal(plain, text); err != nil {
		return fmt.Errorf("exchange: decode a record's text: %w", err)
	}
	return nil
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

// bound is what bind encodes, written field by field: pages of records are opened
// with it, and most of their fields are plain.
type bound []byte

func binding(kind string, room int) bound {
	return append(append(append(make(bound, 0, room), `["comity/record-text/v1","`...), kind...), '"')
}

func (b bound) text(s string) bound  { return append(b, ',').quote(s) }
func (b bound) number(n int64) bound { return strconv.AppendInt(append(b, ','), n, 10) }
func (b bound) flag(v bool) bound    { return strconv.AppendBool(append(b, ','), v) }
func (b bound) other(v any) bound    { return append(b, ',').encode(v) }
func (b bound) end() []byte          { return append(b, ']') }

func (b bound) marking(m comity.Marking) bound {
	b = append(b, `,{"tlp":`...).quote(string(m.TLP))
	b = append(b, `,"pap":`...).quote(string(m.PAP))
	return append(append(b, `,"handling":`...).quote(string(m.Handling)), '}')
}

func (b bound) nexus(all []comity.Nexus) bound {
	if all == nil {
		return append(b, ",null"...)
	}
	b = append(b, ",["...)
	for i, n := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, `{"basis":`...).quote(string(n.Basis)), `,"state":`...).quote(string(n.State))
		b = append(b, '}')
	}
	return append(b, ']')
}

// itself says of each byte whether it stands for itself in a string of encoding/json.
var itself = func() (all [256]bool) {
	for c := byte(0x20); c < 0x7f; c++ {
		all[c] = c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
	}
	return all
}()

// quote writes a string as encoding/json does.
func (b bound) quote(s string) bound {
	for i := range len(s) {
		if !itself[s[i]] {
			return b.encode(s)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func (b bound) encode(v any) bound {
	raw, err := json.Marshal(v)
	if err != nil { // strings, numbers and plain structs only
		panic(err)
	}
	return append(b, raw...)
}

func bindCase(c comity.Case) []byte {
	b := binding("case", 384).text(string(c.ID)).text(string(c.State)).text(string(c.Agency)).text(string(c.Owner)).text(string(c.Category)).text(string(c.Status)).
		marking(c.Marking).nexus(c.Nexus).flag(c.Reserved).number(int64(c.Version))
	if c.Assessed != (comity.Assessed{}) { // what was sealed before there were assessments opens on
		b = b.other(c.Assessed)
	}
	return b.end()
}

func bindEntry(e comity.Entry) []byte {
	return binding("entry", 320).text(string(e.ID)).text(string(e.Case)).text(string(e.State)).text(string(e.Author)).marking(e.Marking).number(e.CreatedAt.UnixMicro()).end()
}

func bindSubject(s comity.Subject) []byte {
	return bind("subject", s.ID, s.Case, s.State, s.Kind, s.Role, s.Minor, s.Marking, s.CreatedAt.UTC().UnixMicro())
}

func bindObservable(o comity.Observable) []byte {
	return binding("observable", 320).text(string(o.ID)).text(string(o.Case)).text(string(o.State)).marking(o.Marking).number(o.CreatedAt.UnixMicro()).end()
}

func bindEvidence(e comity.Evidence) []byte {
	return binding("evidence", 192).text(string(e.ID)).text(string(e.Case)).text(string(e.State)).text(e.MediaType).flag(e.Original).number(e.Size).end()
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
