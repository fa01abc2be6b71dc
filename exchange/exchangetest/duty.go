package exchangetest

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
)

// Shift is the signed act that puts the liaison of the officer's state on duty.
func (o *Officer) Shift(t testing.TB, from, until time.Time, contact string) *exchange.SetShift {
	t.Helper()
	return o.ShiftOf(t, statement.DutyBody{ID: comity.NewID(comity.KindShift), Officer: comity.OfficerRef(o.Caller.Officer.State + ":liaison-1"),
		From: from.Unix(), Until: until.Unix(), Contact: contact})
}

// ShiftOf is that act over any body.
func (o *Officer) ShiftOf(t testing.TB, body statement.DutyBody) *exchange.SetShift {
	t.Helper()
	return &exchange.SetShift{Key: Key(), Body: body, Act: o.Sign(t, statement.Act{Act: statement.ActDutySet, Record: body.ID}, body)}
}
