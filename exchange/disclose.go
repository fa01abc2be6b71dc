package exchange

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/sovereignty"
)

// disclose remembers that a record of another state's case is shown: the case
// itself as it is counted abroad, or a record inside it, which has one version.
func (r *Reader) disclose(c *CaseView, record comity.ID) {
	if c.Own || c.Access.Grant == nil {
		return
	}
	grant, version := c.Access.Grant.ID, 0
	if record == c.ID {
		version = c.Version
	} else if named := c.under(record); named != "" {
		grant = named
	}
	o := r.who.Officer
	r.disclosed = append(r.disclosed, comity.DisclosureRecord{State: o.State, Agency: o.Agency, Officer: o.Ref(), Origin: c.State, Case: c.ID,
		Record: record, Version: version, Grant: grant, At: r.now})
}

// shows reports whether something of a case is shown beyond that it exists: the
// clear fields are also while the originator's keys cannot be reached.
func (v *CaseView) shows() bool {
	switch v.Access.Level {
	case sovereignty.AccessFull, sovereignty.AccessSummary, sovereignty.AccessExhibits:
		return v.denied == 0
	}
	return false
}
