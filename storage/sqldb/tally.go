package sqldb

import (
	"fmt"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

func (r *reader) Tally(c comity.ID) (t storage.Tally, err error) {
	err = r.scanOne(`SELECT
		(SELECT count(*) FROM entries WHERE case_id = $1), (SELECT count(*) FROM entries WHERE case_id = $1 AND tlp <> 'RED'),
		(SELECT count(*) FROM subjects WHERE case_id = $1), (SELECT count(*) FROM subjects WHERE case_id = $1 AND tlp <> 'RED' AND NOT protected),
		(SELECT count(*) FROM observables WHERE case_id = $1), (SELECT count(*) FROM observables WHERE case_id = $1 AND tlp <> 'RED'),
		(SELECT count(*) FROM evidence WHERE case_id = $1 AND status = 'SEALED')`, []any{c},
		&t.Entries.All, &t.Entries.Abroad, &t.Subjects.All, &t.Subjects.Abroad, &t.Observables.All, &t.Observables.Abroad, &t.Evidence.All)
	if err != nil {
		return t, fmt.Errorf("tally: %w", err)
	}
	return t, nil
}
