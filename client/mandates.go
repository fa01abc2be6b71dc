package client

import (
	"context"
	"time"

	"github.com/comity-platform/comity"
)

// NewMandate is a liaison's dated authority to give.
type NewMandate struct {
	Liaison   comity.OfficerRef `json:"liaison"`
	NotBefore time.Time         `json:"notBefore"`
	NotAfter  time.Time         `json:"notAfter"`

	Deputies []comity.OfficerRef `json:"deputies,omitempty"` // liaisons of the own state who act under it too
	Ceiling  Ceiling             `json:"ceiling"`
}

type mandatePayload struct {
	payload
	Mandate *Mandate `json:"mandate"`
}

func mandateOf(p mandatePayload, err error) (*Mandate, error) {
	if err == nil && p.Mandate == nil {
		err = errEmpty
	}
	return p.Mandate, err
}

// MandateGive gives a liaison of the own state authority to grant (Article 8).
func (c *Client) MandateGive(ctx context.Context, in NewMandate) (*Mandate, error) {
	in.NotBefore, in.NotAfter = in.NotBefore.UTC(), in.NotAfter.UTC()
	return mandateOf(mutate[mandatePayload](ctx, c, "MandateGive", always(in)))
}

// MandateEnd ends a mandate at once.
func (c *Client) MandateEnd(ctx context.Context, mandate comity.ID) (*Mandate, error) {
	if err := id("mandate", mandate, comity.KindMandate); err != nil {
		return nil, err
	}
	return mandateOf(mutate[mandatePayload](ctx, c, "MandateEnd", always(struct {
		Mandate comity.ID `json:"mandate"`
	}{mandate})))
}

// Mandates lists the mandates of the officer's own state, newest first.
func (c *Client) Mandates(ctx context.Context) ([]Mandate, error) {
	var data struct {
		Viewer struct {
			Mandates []Mandate `json:"mandates"`
		} `json:"viewer"`
	}
	err := c.query(ctx, "Mandates", nil, &data)
	return data.Viewer.Mandates, err
}
