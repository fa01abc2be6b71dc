package sqldb

import (
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// clock says where a kind of clocks lies: rows r, each of which tells the states of
// the columns in told when the instant in due has come.
type clock struct {
	kind   comity.EventKind
	from   string // table r and what holds while the clock runs
	due    string
	record string
	caseID string
	told   []string
}

// asked holds for a request that it is on the asked state to answer, see [comity.Request.Overdue].
const asked = `requests r WHERE r.status IN ('SENT', 'RECEIVED', 'ACKNOWLEDGED', 'FORWARDED')`

// urgent holds for a request that goes up, see [comity.Request.Escalation].
const urgent = `requests r WHERE r.urgency = 'URGENT' AND r.status IN ('SENT', 'RECEIVED')`

// offered holds for a dispatch that is to be answered in time, see [comity.Dispatch.Overdue]:
// that nobody objected to a disclosure is no delay.
const offered = `dispatches r WHERE r.status = 'OPEN' AND r.kind IN ('REFERRAL', 'UNDERTAKING')`

var clocks = []clock{
	{comity.EventRequestOverdue, asked, `r.due_at`, `r.id`, `''`, []string{"r.state", "r.to_state"}},
	{comity.EventRequestOverdue, `requests r WHERE r.status = 'POSTPONED'`, `r.postponed_to`, `r.id`, `''`, []string{"r.state", "r.to_state"}},
	{comity.EventRequestEscalated, urgent, `r.created_at + (r.due_at - r.created_at) / 4`, `r.id`, `''`, []string{"r.to_state"}},
	{comity.EventRequestEscalated, urgent, `r.created_at + (r.due_at - r.created_at) / 2`, `r.id`, `''`, []string{"r.to_state"}},
	{comity.EventGrantEnded, `grants r WHERE r.status = 'ACTIVE'`, `r.not_after`, `r.id`, `r.case_id`, []string{"r.state", "r.grantee_state"}},
	{comity.EventHoldEnded, `holds r WHERE r.released_at = 0`, `r.not_after`, `r.id`, `r.case_id`, []string{"r.state"}},
	{comity.EventDispatchOverdue, offered, `r.due_at`, `r.id`, `''`, []string{"r.state", "r.to_state"}},
	{comity.EventProposalLapsed, `proposals r WHERE r.status = 'PROPOSED'`, `r.lapses_at`, `r.id`, `r.record_id`, []string{"r.state"}},
	{comity.EventDispatchOverdue, `deliveries r WHERE r.status = 'OPEN'`, `r.due_at`, `r.notice`, `''`, []string{"r.state", "r.to_state"}},
}

func (r *reader) ClocksRunOut(after, until time.Time, limit int) (all []storage.Event, err error) {
	for _, c := range clocks {
		for _, state := range c.told {
			id := fmt.Sprintf(`'%s ' || %s || ' ' || %s || ' ' || (%s)`, c.kind, c.record, state, c.due)
			found, err := events.query(r, fmt.Sprintf(`SELECT %s, %s, %s, '%s', %s, '', %s, false FROM %s AND %s > $1 AND %[2]s <= $2
				AND NOT EXISTS (SELECT 1 FROM events e WHERE e.id = %[1]s) ORDER BY %[2]s LIMIT $3`,
				id, c.due, state, c.kind, c.record, c.caseID, c.from, c.due), micros(after), micros(until), max(limit, 0))
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	return all, nil
}
