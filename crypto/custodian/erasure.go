package custodian

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// judgeErasure lets no opening of the record of acts be erased before its time, by
// the custodian's own clock.
func judgeErasure(s *statement.Statement) error {
	var b statement.EraseBody
	if err := decode(s, &b); err != nil {
		return err
	}
	switch last := s.IssuedAt - int64(comity.ErasureAge/time.Second); {
	case b.ID != s.ID:
		return comity.Invalid("id", "the officer signed the erasure under another id")
	case b.Before <= 0 || b.Before > last:
		return comity.Denied(comity.ArticleAccountability, "an opening of the record of acts stays for 30 days", "an earlier instant is named")
	}
	return nil
}
