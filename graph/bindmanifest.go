package graph

import "github.com/comity-platform/comity/exchange"

type manifestPublishInput struct {
	IdempotencyKey, Manifest string
}

func (b *binding) manifestActs() {
	act(b, "manifestPublish", nil, func(in manifestPublishInput) (*exchange.PublishManifest, error) {
		return &exchange.PublishManifest{Key: in.IdempotencyKey, Manifest: in.Manifest}, nil
	}, func(a *exchange.PublishManifest, p *payload) { p.result = a.Number })
}

func (b *binding) manifests() {
	get(b, "Manifest", fields[exchange.PublishedManifest]{
		"number":      func(_ *request, m exchange.PublishedManifest) any { return m.Number },
		"publishedAt": func(_ *request, m exchange.PublishedManifest) any { return m.PublishedAt },
		"publishedBy": func(_ *request, m exchange.PublishedManifest) any { return m.Officer },
		"signed":      func(_ *request, m exchange.PublishedManifest) any { return m.Manifest },
	})
	batch(b, "Viewer.manifests", func(q *request, _ []viewer, _ args) ([][]exchange.PublishedManifest, error) {
		all, err := q.reader.Manifests()
		return one(all, err)
	})
	batch(b, "*Payload.manifest", func(q *request, all []*payload, _ args) ([]any, error) {
		out := make([]any, len(all))
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
