package client

import (
	"context"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// Confirmation lets a grant that one liaison made in danger to life run on.
type Confirmation struct {
	Grant           comity.ID
	Case            comity.ID // of the grant
	ExpectedVersion int
	Release         comity.ID // the release decision that carries it by now
	NotAfter        time.Time // whole seconds, at most the grant's own end
}

// GrantConfirm confirms it, by another mandated liaison than who made it (Article
// 8). The state's signed confirmation is verified on receipt.
func (c *Client) GrantConfirm(ctx context.Context, in Confirmation) (*Grant, error) {
	if err := id("grant", in.Grant, comity.KindGrant); err != nil {
		return nil, err
	}
	if err := id("case", in.Case, comity.KindCase); err != nil {
		return nil, err
	}
	if err := id("release", in.Release, comity.KindRelease); err != nil {
		return nil, err
	}
	if _, err := c.Directory(ctx); err != nil {
		return nil, err
	}
	body := statement.ConfirmBody{Case: in.Case, Release: in.Release, NotAfter: in.NotAfter.Unix()}
	g, err := grantOf(mutate[grantPayload](ctx, c, "GrantConfirm", func() (any, error) {
		act, err := c.act(statement.Act{Act: statement.ActGrantConfirm, Record: in.Grant}, body)
		return struct {
			Grant           comity.ID `json:"grant"`
			Case            comity.ID `json:"case"`
			ExpectedVersion int       `json:"expectedVersion"`
			Release         comity.ID `json:"release"`
			NotAfter        time.Time `json:"notAfter"`
			Act             string    `json:"act"`
		}{in.Grant, in.Case, in.ExpectedVersion, in.Release, time.Unix(body.NotAfter, 0).UTC(), act}, err
	}))
	if err != nil {
		return nil, err
	}
	if err := c.checkOwn(ctx, g.Confirmation, statement.KindConfirmation, in.Grant, in.Case, body); err != nil {
		return nil, err
	}
	return c.asSigned(ctx, g, in.Grant)
}
