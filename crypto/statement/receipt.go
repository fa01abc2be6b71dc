package statement

import (
	"encoding/hex"
	"errors"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/envelope"
)

// Completed declares what was uploaded of an exhibit: the parts under its
// header, the SHA-256 of the whole plaintext, and under which label it was
// begun, as the hash that [BodyHash] gives of the [BeginBody].
func Completed(h envelope.Header, begin string, parts []envelope.SealedPart, plain [32]byte) CompleteBody {
	header, root, nonces := h.Hash(), envelope.Root(parts), envelope.Nonces(parts)
	return CompleteBody{BeginHash: begin, HeaderHash: hex.EncodeToString(header[:]), Root: hex.EncodeToString(root[:]), Nonces: hex.EncodeToString(nonces[:]),
		PlainSHA256: hex.EncodeToString(plain[:]), Size: h.Length, Parts: len(parts)}
}

// Receipt gives what a receipt declares, if it is one of the exhibit whose
// header h is.
func (s Statement) Receipt(h envelope.Header) (CompleteBody, error) {
	var b CompleteBody
	if s.Kind != KindReceipt || s.ID != comity.ID(h.Evidence) || s.Record != comity.ID(h.Case) || s.State != comity.State(h.State) {
		return b, errors.New("statement: this is not the receipt of the exhibit")
	}
	if err := s.Decode(&b); err != nil {
		return b, err
	}
	hash := h.Hash()
	if !isHash(b.BeginHash) || b.HeaderHash != hex.EncodeToString(hash[:]) || b.Size != h.Length || b.Parts != h.Parts() ||
		!isHash(b.Root) || !isHash(b.Nonces) || !isHash(b.PlainSHA256) {
		return b, errors.New("statement: the receipt declares another container than the exhibit's")
	}
	return b, nil
}
