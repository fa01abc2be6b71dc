package graph

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/graph/execute"
	"time"
)

type manifestPublishInput struct {
	IdempotencyKey, Manifest string
}

func (b *binding) manifestActs() {
	act(b, "manifestPublish", nil, func(in manifestPublishInput) (*exchange.PublishManifest, error) {
		return &exchange.PublishManifest{Key: in.IdempotencyKey, Manifest: in.Manifest}, nil
	}, func(a *exchange.PublishManifest, p *payload) { p.result = a.Number })
}

func (b *binding) manifests() {
	get(b, "Manifest", fields[*exchange.PublishedManifest]{
		"number":      number(func(_ *request, m *exchange.PublishedManifest) int64 { return m.Number }),
		"publishedAt": instant(func(_ *request, m *exchange.PublishedManifest) time.Time { return m.PublishedAt }),
		"publishedBy": text(func(_ *request, m *exchange.PublishedManifest) comity.OfficerRef { return m.Officer }),
		"signed":      text(func(_ *request, m *exchange.PublishedManifest) string { return m.Manifest }),
	})
	batch(b, "Viewer.manifests", execute.Items, func(q *request, _ []*viewer, _ args) ([][]exchange.PublishedManifest, error) {
		all, err := q.reader.Manifests()
		return one(all, err)
	})
	batch(b, "*Payload.manifest", execute.Object, func(q *request, all []*payload, _ args) ([]*exchange.PublishedManifest, error) {
		out := make([]*exchange.PublishedManifest, len(all))
		for i, p := range all {
			number, ok := p.result.(int64)
			if !ok || len(p.errors) > 0 {
				continue
			}
			found, err := q.reader.Manifests()
			if err != nil {
				return nil, err
			}
			out[i] = find(found, func(m exchange.PublishedManifest) bool { return m.Number == number })
		}
		return out, nil
	})
}
