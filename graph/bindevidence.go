package graph

import (
	"crypto/sha256"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
)

func (b *binding) evidence() {
	get(b, "Evidence", fields[*exchange.EvidenceView]{
		"obligations": func(_ *request, e *exchange.EvidenceView) any { return e.Obligations() },
		"id":          func(_ *request, e *exchange.EvidenceView) any { return e.ID },
		"case":        func(_ *request, e *exchange.EvidenceView) any { return e.Case },
		"state":       func(_ *request, e *exchange.EvidenceView) any { return e.State },
		"status":      func(_ *request, e *exchange.EvidenceView) any { return e.Status },
		"mediaType":   func(_ *request, e *exchange.EvidenceView) any { return e.MediaType },
		"original":    func(_ *request, e *exchange.EvidenceView) any { return e.Original },
		"size":        func(_ *request, e *exchange.EvidenceView) any { return e.Size },
		"name":        func(_ *request, e *exchange.EvidenceView) any { return e.Text.Name },
		"note":        func(_ *request, e *exchange.EvidenceView) any { return e.Text.Note },
		"claimMd5":    func(_ *request, e *exchange.EvidenceView) any { return e.Text.ClaimMD5 },
		"claimSha1":   func(_ *request, e *exchange.EvidenceView) any { return e.Text.ClaimSHA1 },

		"classification": func(_ *request, e *exchange.EvidenceView) any { return e.Text.Classification },
		"header":         func(_ *request, e *exchange.EvidenceView) any { return e.Header },
		"headerHash":     func(_ *request, e *exchange.EvidenceView) any { return sha256.Sum256(e.Header) },
		"root":           func(_ *request, e *exchange.EvidenceView) any { return e.Root },
		"plainSha256":    func(_ *request, e *exchange.EvidenceView) any { return e.PlainSHA256 },
		"parts":          func(_ *request, e *exchange.EvidenceView) any { return e.Parts },
		"receipt":        func(_ *request, e *exchange.EvidenceView) any { return e.Receipt },
		"grant":          func(_ *request, e *exchange.EvidenceView) any { return e.Grant },
		"createdAt":      func(_ *request, e *exchange.EvidenceView) any { return e.CreatedAt },
		"completedAt":    func(_ *request, e *exchange.EvidenceView) any { return e.CompletedAt },
	})
	batch(b, "Evidence.custody", func(q *request, all []*exchange.EvidenceView, _ args) ([][]comity.CustodyEvent, error) {
		found, err := q.reader.Custody(each(all, func(e *exchange.EvidenceView) exchange.EvidenceView { return *e }))
		return each(all, func(e *exchange.EvidenceView) []comity.CustodyEvent {
			return append([]comity.CustodyEvent{}, found[e.ID]...)
		}), err
	})
	get(b, "EvidencePart", fields[comity.EvidencePart]{
		"number": func(_ *request, p comity.EvidencePart) any { return p.Number },
		"size":   func(_ *request, p comity.EvidencePart) any { return p.Size },
		"sha256": func(_ *request, p comity.EvidencePart) any { return p.SHA256 },
		"nonce":  func(_ *request, p comity.EvidencePart) any { return p.Nonce },
	})
	get(b, "CustodyEvent", fields[comity.CustodyEvent]{
		"id":       func(_ *request, e comity.CustodyEvent) any { return e.ID },
		"kind":     func(_ *request, e comity.CustodyEvent) any { return e.Kind },
		"actor":    func(_ *request, e comity.CustodyEvent) any { return e.Actor },
		"function": func(_ *request, e comity.CustodyEvent) any { return e.Function },
		"state":    func(_ *request, e comity.CustodyEvent) any { return e.State },
		"purpose":  func(_ *request, e comity.CustodyEvent) any { return e.Purpose },
		"grant":    func(_ *request, e comity.CustodyEvent) any { return e.Grant },
		"hash":     func(_ *request, e comity.CustodyEvent) any { return e.Hash },
		"act":      func(_ *request, e comity.CustodyEvent) any { return e.Act },
		"chain":    func(_ *request, e comity.CustodyEvent) any { return e.Chain },
		"at":       func(_ *request, e comity.CustodyEvent) any { return e.At },
	})
}
