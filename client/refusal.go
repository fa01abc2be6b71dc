package client

import (
	"context"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// refusal finds out why an exhibit is not shown. Who was granted its case, or is
// so still for another purpose or for other exhibits, may know the Article that
// stands against opening it; to everybody else there is no such record. It is
// asked by the act of opening, over no header, which therefore opens nothing;
// where no grant is given, the gate looks for the officer's own.
func (c *Client) refusal(ctx context.Context, o GetOptions, hidden error) error {
	if o.Purpose == "" {
		return hidden
	}
	_, err := mutate[payload](ctx, c, "EvidenceOpen", func() (any, error) {
		r, err := newRecipient()
		if err != nil {
			return nil, err
		}
		act, err := c.act(statement.Act{Act: statement.ActEvidenceOpen, Record: o.Evidence, HeaderHash: noHeader, Purpose: o.Purpose,
			Grant: o.Grant, RecipientJKT: r.jkt}, statement.OpenBody{})
		in := map[string]any{"evidence": o.Evidence, "purpose": o.Purpose, "act": act, "recipient": r.jwk}
		if o.Grant != "" {
			in["grant"] = o.Grant
		}
		return in, err
	})
	if comity.CodeOf(err) == comity.CodeDenied {
		return err
	}
	return hidden
}

// noHeader is the hash of no header.
var noHeader = strings.Repeat("0", 64)
