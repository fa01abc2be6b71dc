package client

import (
	"context"
	"time"

	"github.com/comity-platform/comity"
)

// PublishedManifest is a manifest that the officer's own state published.
type PublishedManifest struct {
	Number      int64             `json:"number"`
	PublishedAt time.Time         `json:"publishedAt"`
	PublishedBy comity.OfficerRef `json:"publishedBy"`
	Signed      string            `json:"signed"` // JWS, as the server has it: [statement.VerifyManifest] verifies it
}

// ManifestPublish publishes the own state's next manifest, as its root signed it;
// by the state's authority. What the client knows of the states is fetched anew
// at its next use.
func (c *Client) ManifestPublish(ctx context.Context, signed string) (*PublishedManifest, error) {
	p, err := mutate[struct {
		payload
		Manifest *PublishedManifest `json:"manifest"`
	}](ctx, c, "ManifestPublish", always(struct {
		Manifest string `json:"manifest"`
	}{signed}))
	if err == nil && p.Manifest == nil {
		err = errEmpty
	}
	c.trust.stale()
	return p.Manifest, err
}

// Manifests lists what the officer's own state published, the newest first, 100
// at most.
func (c *Client) Manifests(ctx context.Context) ([]PublishedManifest, error) {
	var data struct {
		Viewer struct {
			Manifests []PublishedManifest `json:"manifests"`
		} `json:"viewer"`
	}
	err := c.query(ctx, "Manifests", nil, &data)
	return data.Viewer.Manifests, err
}
