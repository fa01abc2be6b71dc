package custodian

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// judgeShift takes the form of a shift: what states call at night is what the
// authority signed. That it lies ahead and overlaps no other, the exchange judges.
func judgeShift(o SignOrder, own comity.State, s *statement.Statement) error {
	var b statement.DutyBody
	if err := decode(s, &b); err != nil {
		return err
	}
	switch {
	case b.ID != o.ID:
		return comity.Invalid("id", "the officer signed the shift under another id")
	case !b.Officer.Valid() || b.Officer.State() != own:
		return comity.Invalid("officer", "on duty is a liaison of the own state")
	case b.From < 0 || b.Until <= b.From || b.Until-b.From > int64(comity.MaxShift/time.Second):
		return comity.Invalid("until", "a shift ends after it begins, within 31 days")
	}
	return comity.CheckContact(b.Contact)
}
