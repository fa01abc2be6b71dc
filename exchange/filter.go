package exchange

import (
	"fmt"
	"slices"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// A filter that can find nothing is an error of whoever wrote it: an empty list
// would be read as "there are none".

// member says that a filter names a state which is none of the union's.
func (r *Reader) member(field string, s comity.State) error {
	if s == "" {
		return nil
	}
	states := r.x.dir.States()
	if slices.Contains(states, s) {
		return nil
	}
	return comity.Invalid(field, fmt.Sprintf("%.20q is not a member state; there are %s", s, join(states)))
}

func join[S ~string](all []S) string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = string(s)
	}
	return strings.Join(out, ", ")
}

func excludes(field, one, other string) error {
	return comity.Invalid(field, fmt.Sprintf("%s and %s exclude each other; leave both out for either", one, other))
}

func (r *Reader) checkCases(f storage.CaseFilter) error {
	if f.Own && f.Granted {
		return excludes("granted", "own", "granted")
	}
	if err := r.member("state", f.State); err != nil {
		return err
	}
	if f.Agency != "" && !f.Agency.Valid() {
		return comity.Invalid("agency", "this is not the id of an agency, as in KZ/cyber")
	}
	if _, known := sovereignty.Category(f.Category); f.Category != "" && !known {
		return comity.Invalid("category", "the union has no such category; see the query `categories`")
	}
	return nil
}

func (r *Reader) checkRequests(f storage.RequestFilter) error {
	if f.Incoming && f.Outgoing {
		return excludes("outgoing", "incoming", "outgoing")
	}
	if f.Escalated && f.Outgoing {
		return excludes("escalated", "outgoing", "escalated")
	}
	return r.member("state", f.State)
}

func (r *Reader) checkGrants(f storage.GrantFilter) error {
	if f.Made && f.Received {
		return excludes("received", "made", "received")
	}
	return r.member("state", f.State)
}

// logged are the acts that stand in the record of acts: what officers do, that
// they read, what a grantee is told of a grant, that a case's key was destroyed or
// openings were erased, and what servers met and go by.
var logged = func() (all []string) {
	for _, a := range sovereignty.Actions {
		switch a {
		case sovereignty.CaseRead, sovereignty.RequestRead, sovereignty.GrantRead,
			sovereignty.DispatchRead, sovereignty.MandateRead, sovereignty.OfficerRead, sovereignty.LogRead,
			sovereignty.DutyRead, sovereignty.DutyContact: // stand as one read
		default:
			all = append(all, string(a))
		}
	}
	return append(all, string(readAct), grantBegun, grantEnded, caseWithdrawn, logErased, incidentSeen, configured)
}()

func checkLog(f storage.LogFilter) error {
	switch {
	case f.Outcome != "" && !slices.Contains(audit.Outcomes, audit.Outcome(f.Outcome)):
		return comity.Invalid("outcome", fmt.Sprintf("this is not an outcome; there are %s", join(audit.Outcomes)))
	case f.Act != "" && !slices.Contains(logged, f.Act):
		return comity.Invalid("act", fmt.Sprintf("the record of acts has no such act; there are %s", strings.Join(logged, ", ")))
	case f.State != "" && !f.State.Valid():
		return comity.Invalid("state", "this is not a state's code, as in KZ")
	case f.Officer != "" && !f.Officer.Valid():
		return comity.Invalid("officer", "this is not an officer's reference, as in KZ:li-7q2f")
	case !f.Until.IsZero() && !f.From.Before(f.Until):
		return comity.Invalid("until", "it is not after `from`")
	}
	return nil
}
