package exchange

import (
	"slices"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/sovereignty"
)

// silentActs tell of nothing that happened to a record, each with the reason.
var silentActs = map[sovereignty.Action]string{
	sovereignty.EvidenceBegin: "there is an exhibit once it is completed", sovereignty.EvidenceParts: "an upload goes on",
	sovereignty.EvidenceOpen: "a read, which the record of acts tells the originator of", sovereignty.CaseExport: "a read",
	sovereignty.MandateGive: "no record of a case", sovereignty.MandateEnd: "no record of a case",
	sovereignty.DutySet: "no record of a case", sovereignty.DutyWithdraw: "no record of a case",
	sovereignty.ManifestPublish: "no record of a case",
	sovereignty.StandingMake:    "the grants under it are told of one by one",
}

// TestEveryActTells: each act tells something, or stands above with the reason.
func TestEveryActTells(t *testing.T) {
	reads := []sovereignty.Action{sovereignty.CaseRead, sovereignty.RequestRead, sovereignty.GrantRead, sovereignty.MandateRead, sovereignty.OfficerRead,
		sovereignty.LogRead, sovereignty.ManifestRead, sovereignty.ReservationRead, sovereignty.HoldRead, sovereignty.ProposalRead, sovereignty.DispatchRead,
		sovereignty.StandingRead, sovereignty.DutyRead, sovereignty.DutyContact}
	known := map[string]bool{grantBegun: true, grantEnded: true, caseWithdrawn: true}
	for _, a := range sovereignty.Actions {
		known[string(a)] = true
		told := telling[string(a)]
		tells := len(told.own)+len(told.others)+len(told.proposed) > 0
		if silent := silentActs[a] != "" || slices.Contains(reads, a); tells == silent {
			t.Errorf("%s tells of something: %v, and is said to be silent: %v", a, tells, silent)
		}
	}
	for act, told := range telling {
		if !known[act] {
			t.Errorf("%s tells, and is no act", act)
		}
		for _, k := range slices.Concat(told.own, told.others, told.proposed) {
			if !slices.Contains(comity.EventKinds, k) {
				t.Errorf("%s tells of %q, which is no kind of event", act, k)
			}
		}
	}
}
