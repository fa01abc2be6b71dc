package client

import (
	"context"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// Preservation carries out another state's request to preserve.
type Preservation struct {
	Cases    []comity.ID // that it preserves; each is held
	Reason   string      // of the holds, kept within the state
	NotAfter time.Time   // end of the holds, in whole seconds; zero: as late as may be
}

// RequestPreserve places a hold for a request to preserve on each of the cases,
// and then executes the request. It may be repeated when it was interrupted: a case
// on which a hold lies for this request gets no other, and a request that is
// executed already is given as it is.
func (c *Client) RequestPreserve(ctx context.Context, m Move, p Preservation) (*Request, error) {
	q, err := c.Request(ctx, m.ID)
	switch {
	case err != nil:
		return nil, err
	case q.Kind != comity.RequestPreservation:
		return nil, comity.Invalid("id", "this is not a request to preserve")
	case len(p.Cases) == 0:
		return nil, comity.Invalid("cases", "name the cases that are preserved").CuredBy("or execute it as NOTHING_HELD")
	}
	if p.NotAfter.IsZero() {
		p.NotAfter = c.now().Add(statement.PreservationAge).Truncate(time.Second)
	}
	for _, of := range p.Cases {
		if err := id("case", of, comity.KindCase); err != nil {
			return nil, err
		}
		lying, err := c.Holds(ctx, HoldFilter{Case: of, Request: m.ID, Lying: true}, 1, "")
		if err != nil {
			return nil, err
		}
		if len(lying.Nodes) > 0 {
			continue
		}
		if _, err := c.HoldPlace(ctx, NewHold{Case: of, Reason: p.Reason, Request: m.ID, NotAfter: p.NotAfter}); err != nil {
			return nil, err
		}
	}
	if q.Status == comity.RequestExecuted {
		return q, nil
	}
	m.Outcome = comity.RequestExecuted
	return c.RequestExecute(ctx, m)
}
