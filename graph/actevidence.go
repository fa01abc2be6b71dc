package graph

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/go-jose/go-jose/v4"
)

// digest is a SHA-256 in hex.
type digest [32]byte

func (d *digest) UnmarshalText(b []byte) error {
	raw, err := hex.DecodeString(string(b))
	if err != nil || len(raw) != len(d) {
		return comity.Invalid("", "this is not a SHA-256 in hex")
	}
	*d = digest(raw)
	return nil
}

// nonce is the nonce of a part's encrypted stream, in base64.
type nonce [12]byte

func (n *nonce) UnmarshalText(b []byte) error {
	raw, err := base64.StdEncoding.DecodeString(string(b))
	if err != nil || len(raw) != len(n) {
		return comity.Invalid("", "this is not a nonce of 12 bytes in base64")
	}
	*n = nonce(raw)
	return nil
}

// publicKey is a public key that something is sealed to.
type publicKey struct{ key jose.JSONWebKey }

func (k *publicKey) UnmarshalText(b []byte) (err error) {
	k.key, err = statement.ParsePublicKey(b)
	return err
}

// at puts an item's place before the path of its error.
func at(list string, i int, err error) error {
	if e, ok := errors.AsType[*comity.Error](err); ok {
		placed := *e
		placed.Path = append([]string{list, strconv.Itoa(i)}, e.Path...)
		return &placed
	}
	return err
}

type evidenceBeginInput struct {
	IdempotencyKey string
	Case           string
	Items          []struct {
		statement.BeginBody
		Note, Act      string
		Classification comity.Classification
		Recipient      publicKey
	}
}

type partInput struct {
	Number int
	Size   int64
	SHA256 digest
	Nonce  nonce
}

type evidencePartsInput struct {
	IdempotencyKey string
	Evidence       string
	Parts          []partInput
}

type evidenceCompleteInput struct {
	IdempotencyKey string
	Items          []struct {
		Evidence    string
		Parts       []partInput
		PlainSHA256 digest
		BeginHash   digest
		Act         string
	}
}

type evidenceOpenInput struct {
	IdempotencyKey  string
	Evidence, Grant string
	Purpose         comity.Purpose
	Act             string
	Recipient       publicKey
}

// signedParts and so on are what acts on evidence give out once.
type (
	signedParts struct {
		signed []exchange.SignedURL
		have   []exchange.ObjectPart
	}
	evidenceReceipt struct {
		evidence comity.ID
		receipt  string
	}
	header struct{ name, value string }
)

func (b *binding) evidenceActs() {
	act(b, "evidenceBegin", nil, func(in evidenceBeginInput) (*exchange.BeginEvidence, error) {
		id, err := parseID("case", in.Case, comity.KindCase)
		a := &exchange.BeginEvidence{Key: in.IdempotencyKey, Case: id}
		for _, item := range in.Items {
			a.Items = append(a.Items, exchange.BeginExhibit{Body: item.BeginBody, Note: item.Note, Classification: item.Classification, Act: item.Act, Recipient: item.Recipient.key})
		}
		return a, err
	}, func(a *exchange.BeginEvidence, p *payload) { p.result = a.Begun })

	act(b, "evidenceParts", map[string]string{"items": "parts"}, func(in evidencePartsInput) (*exchange.SignParts, error) {
		id, err := parseID("evidence", in.Evidence, comity.KindEvidence)
		a := &exchange.SignParts{Key: in.IdempotencyKey, Evidence: id}
		for _, part := range in.Parts {
			a.Parts = append(a.Parts, exchange.ObjectPart{Number: part.Number, Size: part.Size, SHA256: part.SHA256})
		}
		return a, err
	}, func(a *exchange.SignParts, p *payload) { p.result = signedParts{a.Signed, a.Have} })

	act(b, "evidenceComplete", nil, func(in evidenceCompleteInput) (*exchange.CompleteEvidence, error) {
		a := &exchange.CompleteEvidence{Key: in.IdempotencyKey}
		for i, item := range in.Items {
			id, err := parseID("evidence", item.Evidence, comity.KindEvidence)
			if err != nil {
				return nil, at("items", i, err)
			}
			done := exchange.CompleteExhibit{Evidence: id, PlainSHA256: item.PlainSHA256,
				BeginHash: hex.EncodeToString(item.BeginHash[:]), Act: item.Act}
			for _, part := range item.Parts {
				done.Parts = append(done.Parts, comity.EvidencePart{Number: part.Number, Size: part.Size, SHA256: part.SHA256, Nonce: part.Nonce})
			}
			a.Items = append(a.Items, done)
		}
		return a, nil
	}, func(a *exchange.CompleteEvidence, p *payload) {
		var all []evidenceReceipt
		for i, r := range a.Receipts {
			all = append(all, evidenceReceipt{a.Items[i].Evidence, r})
		}
		p.result = all
	})

	act(b, "evidenceOpen", nil, func(in evidenceOpenInput) (*exchange.OpenEvidence, error) {
		id, err := parseID("evidence", in.Evidence, comity.KindEvidence)
		if err != nil {
			return nil, err
		}
		grant := comity.ID("")
		if in.Grant != "" {
			grant, err = parseID("grant", in.Grant, comity.KindGrant)
		}
		return &exchange.OpenEvidence{Key: in.IdempotencyKey, Evidence: id, Purpose: in.Purpose, Grant: grant, Act: in.Act,
			Recipient: in.Recipient.key}, err
	}, func(a *exchange.OpenEvidence, p *payload) { p.result = a })

	b.evidenceResults()
}

func (b *binding) evidenceResults() {
	get(b, "*Payload", fields[*payload]{
		"begun": items(func(_ *request, p *payload) []exchange.BegunExhibit {
			begun, _ := p.result.([]exchange.BegunExhibit)
			return begun
		}),
		"receipts": items(func(_ *request, p *payload) []evidenceReceipt {
			receipts, _ := p.result.([]evidenceReceipt)
			return receipts
		}),
		"opened": object(func(_ *request, p *payload) *exchange.OpenEvidence {
			opened, _ := p.result.(*exchange.OpenEvidence)
			return opened
		}),
		"signed": items(func(_ *request, p *payload) []exchange.SignedURL {
			parts, _ := p.result.(signedParts)
			return parts.signed
		}),
		"have": items(func(_ *request, p *payload) []exchange.ObjectPart {
			parts, _ := p.result.(signedParts)
			return parts.have
		}),
	})
	get(b, "EvidenceBegun", fields[*exchange.BegunExhibit]{
		"id":        text(func(_ *request, e *exchange.BegunExhibit) comity.ID { return e.ID }),
		"header":    octets(func(_ *request, e *exchange.BegunExhibit) []byte { return e.Header }),
		"sealedKey": text(func(_ *request, e *exchange.BegunExhibit) string { return e.SealedKey }),
		"parts":     number(func(_ *request, e *exchange.BegunExhibit) int { return e.Parts }),
		"partSize":  number(func(_ *request, e *exchange.BegunExhibit) int64 { return e.PartSize }),
	})
	get(b, "SignedURL", fields[*exchange.SignedURL]{
		"method":  text(func(_ *request, s *exchange.SignedURL) string { return s.Method }),
		"url":     text(func(_ *request, s *exchange.SignedURL) string { return s.URL }),
		"expires": instant(func(_ *request, s *exchange.SignedURL) time.Time { return s.Expires }),
		"headers": items(func(_ *request, s *exchange.SignedURL) []header {
			var all []header
			for _, name := range slices.Sorted(maps.Keys(s.Header)) {
				all = append(all, header{name, s.Header[name]})
			}
			return all
		}),
	})
	get(b, "Header", fields[*header]{
		"name":  text(func(_ *request, h *header) string { return h.name }),
		"value": text(func(_ *request, h *header) string { return h.value }),
	})
	get(b, "EvidencePartHeld", fields[*exchange.ObjectPart]{
		"number": number(func(_ *request, p *exchange.ObjectPart) int { return p.Number }),
		"size":   number(func(_ *request, p *exchange.ObjectPart) int64 { return p.Size }),
		"sha256": hash(func(_ *request, p *exchange.ObjectPart) [32]byte { return p.SHA256 }),
	})
	get(b, "EvidenceReceipt", fields[*evidenceReceipt]{
		"evidence": text(func(_ *request, r *evidenceReceipt) comity.ID { return r.evidence }),
		"receipt":  text(func(_ *request, r *evidenceReceipt) string { return r.receipt }),
	})
	get(b, "EvidenceOpened", fields[*exchange.OpenEvidence]{
		"sealedKey":   text(func(_ *request, o *exchange.OpenEvidence) string { return o.SealedKey }),
		"header":      octets(func(_ *request, o *exchange.OpenEvidence) []byte { return o.Header }),
		"root":        hash(func(_ *request, o *exchange.OpenEvidence) [32]byte { return o.Opened.Root }),
		"plainSha256": hash(func(_ *request, o *exchange.OpenEvidence) [32]byte { return o.Opened.PlainSHA256 }),
		"size":        number(func(_ *request, o *exchange.OpenEvidence) int64 { return o.Opened.Size }),
		"parts":       items(func(_ *request, o *exchange.OpenEvidence) []comity.EvidencePart { return o.Opened.Parts }),
		"version":     text(func(_ *request, o *exchange.OpenEvidence) string { return o.Opened.ObjectVersion }),
		"get":         object(func(_ *request, o *exchange.OpenEvidence) *exchange.SignedURL { return o.Get }),
	})
}
