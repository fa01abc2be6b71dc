package sqldb

import (
	"strings"

	"github.com/comity-platform/comity/storage"
)

// Exec runs any statement on a transaction.
func Exec(r storage.ReadTx, text string) error {
	_, err := inner(r).exec(text)
	return err
}

func inner(r storage.ReadTx) *reader {
	if w, ok := r.(*writer); ok {
		return w.reader
	}
	return r.(*reader)
}

// ExplainListCases gives the engine's plan of ListCases's list; prefix is the
// engine's word for it. The plan stands in each row's last column.
func ExplainListCases(tx storage.ReadTx, prefix string, v storage.Viewer, f storage.CaseFilter, p storage.Page) (string, error) {
	r := inner(tx)
	from, a := r.visible(v, f, p)
	rows, err := r.tx.QueryContext(r.ctx, prefix+r.db.text(`SELECT c.id`+from+` ORDER BY m.updated_at DESC, m.case_id DESC`), a...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	var plan strings.Builder
	for rows.Next() {
		var line string
		into := make([]any, len(columns))
		for i := range into {
			into[i] = new(any)
		}
		into[len(into)-1] = &line
		if err := rows.Scan(into...); err != nil {
			return "", err
		}
		plan.WriteString(line + "\n")
	}
	return plan.String(), rows.Err()
}
