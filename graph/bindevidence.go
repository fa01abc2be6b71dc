package graph

import (
	"crypto/sha256"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
)

func (b *binding) evidence() {
	get(b, "Evidence", fields[*exchange.EvidenceView]{
		"obligations": items(func(_ *request, e *exchange.EvidenceView) []comity.Obligation { return e.Obligations() }),
		"id":          text(func(_ *request, e *exchange.EvidenceView) comity.ID { return e.ID }),
		"case":        text(func(_ *request, e *exchange.EvidenceView) comity.ID { return e.Case }),
		"state":       text(func(_ *request, e *exchange.EvidenceView) comity.State { return e.State }),
		"status":      text(func(_ *request, e *exchange.EvidenceView) comity.EvidenceStatus { return e.Status }),
		"mediaType":   text(func(_ *request, e *exchange.EvidenceView) string { return e.MediaType }),
		"original":    boolean(func(_ *request, e *exchange.EvidenceView) bool { return e.Original }),
		"size":        number(func(_ *request, e *exchange.EvidenceView) int64 { return e.Size }),
		"name":        text(func(_ *request, e *exchange.EvidenceView) string { return e.Text.Name }),
		"note":        text(func(_ *request, e *exchange.EvidenceView) string { return e.Text.Note }),
		"claimMd5":    text(func(_ *request, e *exchange.EvidenceView) string { return e.Text.ClaimMD5 }),
		"claimSha1":   text(func(_ *request, e *exchange.EvidenceView) string { return e.Text.ClaimSHA1 }),

		"classification": text(func(_ *request, e *exchange.EvidenceView) comity.Classification { return e.Text.Classification }),
		"header":         octets(func(_ *request, e *exchange.EvidenceView) []byte { return e.Header }),
		"headerHash":     hash(func(_ *request, e *exchange.EvidenceView) [32]byte { return sha256.Sum256(e.Header) }),
		"grant":          text(func(_ *request, e *exchange.EvidenceView) comity.ID { return e.Grant }),
		"createdAt":      instant(func(_ *request, e *exchange.EvidenceView) time.Time { return e.CreatedAt }),
		"completedAt":    instant(func(_ *request, e *exchange.EvidenceView) time.Time { return e.CompletedAt }),
	})
	contained(b, "root", execute.Hash, func(e *exchange.EvidenceView) [32]byte { return e.Root })
	contained(b, "plainSha256", execute.Hash, func(e *exchange.EvidenceView) [32]byte { return e.PlainSHA256 })
	contained(b, "parts", execute.Items, func(e *exchange.EvidenceView) []comity.EvidencePart { return e.Parts })
	contained(b, "receipt", execute.Text, func(e *exchange.EvidenceView) string { return e.Receipt })
	batch(b, "Evidence.custody", execute.Items, func(q *request, all []*exchange.EvidenceView, _ args) ([][]comity.CustodyEvent, error) {
		found, err := q.reader.Custody(each(all, func(e *exchange.EvidenceView) exchange.EvidenceView { return *e }))
		return each(all, func(e *exchange.EvidenceView) []comity.CustodyEvent {
			return append([]comity.CustodyEvent{}, found[e.ID]...)
		}), err
	})
	get(b, "EvidencePart", fields[*comity.EvidencePart]{
		"number": number(func(_ *request, p *comity.EvidencePart) int { return p.Number }),
		"size":   number(func(_ *request, p *comity.EvidencePart) int64 { return p.Size }),
		"sha256": hash(func(_ *request, p *comity.EvidencePart) [32]byte { return p.SHA256 }),
		"nonce":  octets(func(_ *request, p *comity.EvidencePart) []byte { return p.Nonce[:] }),
	})
	get(b, "CustodyEvent", fields[*comity.CustodyEvent]{
		"id":       text(func(_ *request, e *comity.CustodyEvent) comity.ID { return e.ID }),
		"kind":     text(func(_ *request, e *comity.CustodyEvent) comity.CustodyKind { return e.Kind }),
		"actor":    text(func(_ *request, e *comity.CustodyEvent) comity.OfficerRef { return e.Actor }),
		"function": text(func(_ *request, e *comity.CustodyEvent) string { return e.Function }),
		"state":    text(func(_ *request, e *comity.CustodyEvent) comity.State { return e.State }),
		"purpose":  text(func(_ *request, e *comity.CustodyEvent) comity.Purpose { return e.Purpose }),
		"grant":    text(func(_ *request, e *comity.CustodyEvent) comity.ID { return e.Grant }),
		"hash":     hash(func(_ *request, e *comity.CustodyEvent) [32]byte { return e.Hash }),
		"act":      text(func(_ *request, e *comity.CustodyEvent) string { return e.Act }),
		"chain":    hash(func(_ *request, e *comity.CustodyEvent) [32]byte { return e.Chain }),
		"at":       instant(func(_ *request, e *comity.CustodyEvent) time.Time { return e.At }),
	})
}

// contained binds a field of an exhibit's container, which lists leave out until
// it is asked for.
func contained[V any](b *binding, name string, kind func() execute.Kind[V], read func(*exchange.EvidenceView) V) {
	batch(b, "Evidence."+name, kind, func(q *request, all []*exchange.EvidenceView, _ args) ([]V, error) {
		err := q.reader.Containers(all)
		return each(all, read), err
	})
}
